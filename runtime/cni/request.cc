// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/request.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "runtime/cni/result.h"

namespace keelson::cni {

using base::Result;
using base::Status;
using json::Value;

namespace {

Value Strings(const std::vector<std::string>& list) {
  Value array = Value::Array();
  for (const std::string& text : list) array.Append(Value(text));
  return array;
}

void AddPorts(const network::PodRequest& request, Value& capabilities) {
  if (request.ports.empty()) return;
  Value ports = Value::Array();
  for (const network::PortMapping& mapping : request.ports) {
    Value port = Value::Object();
    port.Set("hostPort", Value(static_cast<int64_t>(mapping.host_port)));
    port.Set("containerPort", Value(static_cast<int64_t>(mapping.container_port)));
    port.Set("protocol", Value(network::ProtocolName(mapping.protocol)));
    if (!mapping.host_ip.empty()) port.Set("hostIP", Value(mapping.host_ip));
    ports.Append(std::move(port));
  }
  capabilities.Set("portMappings", std::move(ports));
}

void AddBandwidth(const network::Bandwidth& asked, Value& capabilities) {
  if (asked.in == 0 && asked.out == 0) return;
  Value bandwidth = Value::Object();
  const auto add = [&](const std::string& direction, uint64_t bits) {
    if (bits == 0) return;
    bandwidth.Set(direction + "Rate", Value(static_cast<int64_t>(bits)));
    bandwidth.Set(direction + "Burst",
                  Value(static_cast<int64_t>(network::BucketOf(bits).burst) * 8));
  };
  add("ingress", asked.in);
  add("egress", asked.out);
  capabilities.Set("bandwidth", std::move(bandwidth));
}

// One set of ranges for each family of the node's pods.
void AddRanges(const std::string& pod_subnets, Value& capabilities) {
  if (pod_subnets.empty()) return;
  Value sets = Value::Array();
  for (const std::string_view subnet : base::Split(pod_subnets, ',')) {
    Value range = Value::Object();
    range.Set("subnet", Value(subnet));
    Value set = Value::Array();
    set.Append(std::move(range));
    sets.Append(std::move(set));
  }
  capabilities.Set("ipRanges", std::move(sets));
}

void AddNames(const network::PodRequest& request, Value& capabilities) {
  if (!request.dns_servers.empty() || !request.dns_searches.empty() ||
      !request.dns_options.empty()) {
    Value dns = Value::Object();
    dns.Set("servers", Strings(request.dns_servers));
    dns.Set("searches", Strings(request.dns_searches));
    dns.Set("options", Strings(request.dns_options));
    capabilities.Set("dns", std::move(dns));
  }
  if (const auto mac = request.annotations.find("cni.keelson.io/mac");
      mac != request.annotations.end())
    capabilities.Set("mac", Value(mac->second));
  if (const auto ips = request.annotations.find("cni.keelson.io/ips");
      ips != request.annotations.end()) {
    Value list = Value::Array();
    for (const std::string_view ip : base::Split(ips->second, ',')) list.Append(Value(ip));
    capabilities.Set("ips", std::move(list));
  }
  if (!request.cgroup.empty()) capabilities.Set("cgroupPath", Value(request.cgroup));
  if (!request.annotations.empty()) {
    Value annotations = Value::Object();
    for (const auto& [name, text] : request.annotations) annotations.Set(name, Value(text));
    capabilities.Set("io.kubernetes.cri.pod-annotations", std::move(annotations));
  }
}

Value Base(const NetworkConfig& network, const PluginConfig& plugin, const std::string& version) {
  Value document = plugin.document;
  document.Set("cniVersion", Value(version));
  document.Set("name", Value(network.name));
  for (const char* key : {"capabilities", "cniVersions", "prevResult", "runtimeConfig"})
    document.Erase(key);
  return document;
}

}  // namespace

Result<Attachment> AttachmentOf(const network::PodRequest& request,
                                const std::string& pod_subnets) {
  Attachment attachment;
  attachment.sandbox_id = request.sandbox_id;
  attachment.pod = request.name_space + "/" + request.name;
  attachment.args = "IgnoreUnknown=1";
  const std::pair<const char*, const std::string&> names[] = {
      {"K8S_POD_NAMESPACE", request.name_space},
      {"K8S_POD_NAME", request.name},
      {"K8S_POD_INFRA_CONTAINER_ID", request.sandbox_id},
      {"K8S_POD_UID", request.uid}};
  for (const auto& [key, value] : names) {
    if (value.find_first_of(";=") != std::string::npos || base::ContainsControlCharacter(value)) {
      return base::InvalidArgument("'{}' cannot be told to a network plugin as {}", value, key);
    }
    attachment.args += fmt::format(";{}={}", key, value);
  }
  Value capabilities = Value::Object();
  AddPorts(request, capabilities);
  AddBandwidth(request.bandwidth, capabilities);
  AddRanges(pod_subnets, capabilities);
  AddNames(request, capabilities);
  attachment.capabilities = json::WriteJson(capabilities);
  return attachment;
}

std::vector<std::string> Environment(const std::string& command, const Attachment& attachment,
                                     const std::vector<std::string>& bin_dirs) {
  std::vector<std::string> environment = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CNI_COMMAND=" + command,
      "CNI_PATH=" + base::Join(bin_dirs, ":")};
  if (attachment.sandbox_id.empty()) return environment;  // VERSION, STATUS, GC
  environment.push_back("CNI_CONTAINERID=" + attachment.sandbox_id);
  environment.push_back("CNI_NETNS=" + attachment.netns);
  environment.push_back("CNI_IFNAME=" + attachment.interface);
  environment.push_back("CNI_ARGS=" + attachment.args);
  return environment;
}

Result<std::string> Input(const NetworkConfig& network, const PluginConfig& plugin,
                          const std::string& version, const Attachment& attachment,
                          const std::string& previous) {
  Value document = Base(network, plugin, version);
  if (!attachment.capabilities.empty() && !plugin.capabilities.empty()) {
    ASSIGN_OR_RETURN(const Value all, json::ParseJson(attachment.capabilities));
    Value declared = Value::Object();
    for (const std::string& name : plugin.capabilities) {
      if (const Value* value = all.Find(name)) declared.Set(name, *value);
    }
    if (!declared.members().empty()) document.Set("runtimeConfig", std::move(declared));
  }
  std::string text = json::WriteJson(document);
  if (previous.empty()) return text;
  if (!IsOneObject(previous))
    return base::DataLoss("the result of the plugin before is no JSON object");
  text.back() = ',';
  return text + "\"prevResult\":" + previous + "}";
}

Result<std::string> GarbageInput(const NetworkConfig& network, const PluginConfig& plugin,
                                 const std::string& version,
                                 const std::vector<std::pair<std::string, std::string>>& valid) {
  Value document = Base(network, plugin, version);
  Value attachments = Value::Array();
  for (const auto& [id, interface] : valid) {
    Value one = Value::Object();
    one.Set("containerID", Value(id));
    one.Set("ifname", Value(interface));
    attachments.Append(std::move(one));
  }
  document.Set("cni.dev/valid-attachments", std::move(attachments));
  return json::WriteJson(document);
}

}  // namespace keelson::cni
