// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/dns.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::pod {
namespace {

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  while ((at = line.find_first_not_of(" \t\r", at)) != std::string_view::npos) {
    const size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

void AppendNew(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const std::string& item : from) {
    if (std::find(to.begin(), to.end(), item) == to.end()) to.push_back(item);
  }
}

void Limit(ResolverSettings& settings) {
  constexpr size_t kServers = 3, kSearches = 32, kSearchCharacters = 2048;  // resolv.conf(5)
  if (settings.servers.size() > kServers) {
    settings.servers.resize(kServers);
    settings.notes.push_back("Nameserver limits were exceeded, some nameservers have been omitted");
  }
  size_t kept = 0, characters = 0;
  while (kept < settings.searches.size() && kept < kSearches &&
         characters + settings.searches[kept].size() + (kept == 0 ? 0 : 1) <= kSearchCharacters) {
    characters += settings.searches[kept].size() + (kept == 0 ? 0 : 1);
    ++kept;
  }
  if (kept < settings.searches.size()) {
    settings.searches.resize(kept);
    settings.notes.push_back(
        "Search Line limits were exceeded, some search paths have been omitted");
  }
}

}  // namespace

ResolverSettings ParseResolvConf(std::string_view text) {
  ResolverSettings settings;
  for (const std::string_view line : base::Split(text, '\n')) {
    const std::vector<std::string> words = Words(line.substr(0, line.find_first_of("#;")));
    if (words.size() < 2) continue;
    if (words[0] == "nameserver") settings.servers.push_back(words[1]);
    if (words[0] == "search") {  // the last one counts
      settings.searches.assign(words.begin() + 1, words.end());
      for (std::string& domain : settings.searches) {
        if (domain.size() > 1 && domain.ends_with('.')) domain.pop_back();  // one domain, not two
      }
    }
    if (words[0] == "options")
      AppendNew(settings.options, {words.begin() + 1, words.end()});  // each adds to those before
  }
  return settings;
}

ResolverSettings NoResolvConf() { return {.servers = {"127.0.0.1", "::1"}, .searches = {"."}}; }

ResolverSettings PodResolver(const kube::Pod& pod, const ClusterDns& cluster,
                             const ResolverSettings& host) {
  ResolverSettings settings;
  std::string policy = pod.spec.dns_policy;
  if (policy == "ClusterFirst" && pod.spec.host_network) policy = "Default";
  if (policy == "ClusterFirstWithHostNet") policy = "ClusterFirst";
  const bool missing = policy == "ClusterFirst" && cluster.servers.empty();
  if (missing) policy = "Default";
  if (policy == "ClusterFirst") {
    settings.servers = cluster.servers;
    settings.searches = {pod.metadata.namespace_name + ".svc." + cluster.domain,
                         "svc." + cluster.domain, cluster.domain};
    AppendNew(settings.searches, host.searches);
    settings.options = {"ndots:5"};
  } else if (policy == "Default") {
    settings = host;
  }
  AppendNew(settings.servers, pod.spec.dns_config.nameservers);
  AppendNew(settings.searches, pod.spec.dns_config.searches);
  for (const kube::DnsOption& option : pod.spec.dns_config.options) {
    std::erase_if(settings.options, [&](const std::string& have) {
      return have == option.name || have.starts_with(option.name + ":");
    });
    settings.options.push_back(
        option.value && !option.value->empty() ? option.name + ":" + *option.value : option.name);
  }
  Limit(settings);
  settings.cluster_dns_missing = missing;
  return settings;
}

std::string HostsFile(const kube::Pod& pod, const std::vector<std::string>& ips,
                      const std::string& host_name, const std::string& domain_name,
                      std::string_view node_file) {
  std::string text;
  if (pod.spec.host_network) {
    text = "# Managed by the kubelet: the node's hosts file.\n" + std::string(node_file);
    if (!text.ends_with('\n')) text += '\n';
  } else {
    text =
        "# Managed by the kubelet.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
        "ip6-loopback\nfe00::0\tip6-localnet\n"
        "fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n";
    for (const std::string& ip : ips)
      text += ip + "\t" + (domain_name.empty() ? "" : domain_name + "\t") + host_name + "\n";
  }
  if (!pod.spec.host_aliases.empty()) text += "\n# Entries added by HostAliases.\n";
  for (const kube::HostAlias& alias : pod.spec.host_aliases) {
    text += alias.ip;
    for (const std::string& name : alias.hostnames) text += "\t" + name;
    text += "\n";
  }
  return text;
}

}  // namespace keelson::pod
