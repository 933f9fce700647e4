// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

constexpr size_t kMostServers = 3;
constexpr size_t kMostSearches = 32;
constexpr size_t kMostSearchCharacters = 2048;

void ValidateIp(const Field& ip, Problems& problems) {
  if (!IsIpAddress(ip.String()))
    problems.InvalidText(ip, ip.String(),
                         "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
}

void ValidateConfig(const Field& config, const std::string& policy, Problems& problems) {
  const Field servers = config["nameservers"];
  const Field searches = config["searches"];
  if (policy == "None") {
    if (!config.Present())
      return problems.Required(config, "must provide `dnsConfig` when `dnsPolicy` is None");
    if (servers.value().items().empty()) {
      return problems.Required(servers,
                               "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
  }
  if (servers.value().items().size() > kMostServers)
    problems.Invalid(servers, fmt::format("must not have more than {} nameservers", kMostServers));
  for (const Field& server : servers.Items()) ValidateIp(server, problems);
  if (searches.value().items().size() > kMostSearches)
    problems.Invalid(searches,
                     fmt::format("must not have more than {} search paths", kMostSearches));
  size_t characters = 0;
  for (const Field& search : searches.Items()) characters += search.String().size() + 1;
  if (characters > kMostSearchCharacters + 1) {
    problems.Invalid(
        searches,
        fmt::format("must not have more than {} characters (including spaces) in the search list",
                    kMostSearchCharacters));
  }
  for (const Field& search : searches.Items())
    problems.InvalidText(search, search.String(), CheckSearchDomain(search.String()));
  for (const Field& option : config["options"].Items()) {
    if (option["name"].String().empty()) problems.Required(option, "must not be empty");
  }
}

}  // namespace

void ValidateDns(const Field& spec, Problems& problems) {
  const std::string policy = spec["dnsPolicy"].StringOr("ClusterFirst");
  if (!policy.empty() && policy != "ClusterFirstWithHostNet" && policy != "ClusterFirst" &&
      policy != "Default" && policy != "None") {
    problems.NotSupported(spec["dnsPolicy"], policy,
                          {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"});
  }
  ValidateConfig(spec["dnsConfig"], policy, problems);
}

void ValidateHostAliases(const Field& aliases, Problems& problems) {
  for (const Field& alias : aliases.Items()) {
    ValidateIp(alias["ip"], problems);
    for (const Field& name : alias["hostnames"].Items())
      problems.InvalidText(name, name.String(), CheckDns1123Subdomain(name.String()));
  }
}

}  // namespace keelson::kube
