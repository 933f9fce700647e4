// SPDX-License-Identifier: Apache-2.0
#include "proxy/model/model.h"

#include <algorithm>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::proxy {

using base::IpAddress;

namespace {

std::optional<Protocol> ProtocolOf(const json::Value& value) {
  const std::string& text = value.AsString();
  if (text.empty() || text == "TCP") return Protocol::kTcp;
  if (text == "UDP") return Protocol::kUdp;
  if (text == "SCTP") return Protocol::kSctp;
  return std::nullopt;
}

uint16_t PortOf(const json::Value& value) {
  const int64_t number = value.AsInt();
  return number > 0 && number <= 65535 ? static_cast<uint16_t>(number) : 0;
}

bool IsAddress(const std::string& text) { return IpAddress::Parse(text).has_value(); }
bool IsRange(const std::string& text) { return base::IpBlock::Parse(text).has_value(); }

std::vector<std::string> Strings(const json::Value& list, bool (*good)(const std::string&)) {
  std::vector<std::string> out;
  for (const json::Value& item : list.items()) {
    const std::string text(base::Trim(item.AsString()));
    if (good(text)) out.push_back(text);
  }
  return out;
}

// Names stand in the comments of rules, where a quote or a line's end would be the end of them.
bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

std::vector<std::string> Names(const json::Value& hints, std::string_view list) {
  std::vector<std::string> out;
  if (const json::Value* items = hints.Find(list)) {
    for (const json::Value& item : items->items()) out.push_back(item.At({"name"}).AsString());
  }
  return out;
}

}  // namespace

std::string_view NameOf(Protocol protocol) {
  switch (protocol) {
    case Protocol::kUdp:
      return "udp";
    case Protocol::kSctp:
      return "sctp";
    default:
      return "tcp";
  }
}

std::optional<Service> ReadService(const json::Value& object) {
  const json::Value& spec = object.At({"spec"});
  if (spec.At({"type"}).AsString() == "ExternalName") return std::nullopt;
  const json::Value& labels = object.At({"metadata", "labels"});
  if (labels.Find("service.kubernetes.io/service-proxy-name") != nullptr) return std::nullopt;
  Service service;
  service.name = kube::NameOf(object);
  if (!IsName(service.name.ns) || !IsName(service.name.name)) return std::nullopt;
  service.cluster_ips = Strings(spec.At({"clusterIPs"}), IsAddress);
  if (service.cluster_ips.empty()) {
    const std::string& only = spec.At({"clusterIP"}).AsString();
    if (!IsAddress(only)) return std::nullopt;  // "None", or not given yet
    service.cluster_ips = {only};
  }
  service.external_ips = Strings(spec.At({"externalIPs"}), IsAddress);
  service.source_ranges = Strings(spec.At({"loadBalancerSourceRanges"}), IsRange);
  for (const json::Value& ingress : object.At({"status", "loadBalancer", "ingress"}).items()) {
    const std::string& ip = ingress.At({"ip"}).AsString();
    if (IsAddress(ip) && ingress.At({"ipMode"}).AsString() != "Proxy")
      service.balancer_ips.push_back(ip);
  }
  for (const json::Value& port : spec.At({"ports"}).items()) {
    const auto protocol = ProtocolOf(port.At({"protocol"}));
    const uint16_t number = PortOf(port.At({"port"}));
    const std::string& name = port.At({"name"}).AsString();
    if (!protocol || number == 0 || (!name.empty() && !IsName(name))) continue;
    service.ports.push_back({name, *protocol, number, PortOf(port.At({"nodePort"}))});
  }
  if (spec.At({"sessionAffinity"}).AsString() == "ClientIP") {
    const int64_t seconds =
        spec.At({"sessionAffinityConfig", "clientIP", "timeoutSeconds"}).AsInt();
    service.affinity_seconds =
        seconds > 0 && seconds <= 86400 ? static_cast<uint32_t>(seconds) : 10800;
  }
  service.health_port = PortOf(spec.At({"healthCheckNodePort"}));
  service.internal_local = spec.At({"internalTrafficPolicy"}).AsString() == "Local";
  service.external_local = spec.At({"externalTrafficPolicy"}).AsString() == "Local";
  return service;
}

std::optional<Slice> ReadSlice(const json::Value& object) {
  const std::string& type = object.At({"addressType"}).AsString();
  if (type != "IPv4" && type != "IPv6") return std::nullopt;
  const json::Value& labels = object.At({"metadata", "labels"});
  if (labels.Find("service.kubernetes.io/headless") != nullptr) return std::nullopt;
  const json::Value* service = labels.Find("kubernetes.io/service-name");
  if (service == nullptr || service->AsString().empty()) return std::nullopt;
  Slice slice;
  slice.name = kube::NameOf(object);
  slice.service = service->AsString();
  slice.ipv6 = type == "IPv6";
  for (const json::Value& port : object.At({"ports"}).items()) {
    const auto protocol = ProtocolOf(port.At({"protocol"}));
    const uint16_t number = PortOf(port.At({"port"}));
    if (protocol && number != 0)
      slice.ports.push_back({port.At({"name"}).AsString(), *protocol, number});
  }
  for (const json::Value& item : object.At({"endpoints"}).items()) {
    Endpoint endpoint;
    // Only the first one counts: the others are said to be of no use since 1.21.
    const json::Value& addresses = item.At({"addresses"});
    if (addresses.items().empty()) continue;
    endpoint.address = addresses.items().front().AsString();
    const auto address = IpAddress::Parse(endpoint.address);
    if (!address || address->v6 != slice.ipv6) continue;
    endpoint.node = item.At({"nodeName"}).AsString();
    const json::Value& conditions = item.At({"conditions"});
    const json::Value* ready = conditions.Find("ready");
    endpoint.ready = ready == nullptr || ready->IsNull() || ready->AsBool();
    const json::Value* serving = conditions.Find("serving");
    endpoint.serving = serving == nullptr || serving->IsNull() ? endpoint.ready : serving->AsBool();
    endpoint.terminating = conditions.At({"terminating"}).AsBool();
    const json::Value& hints = item.At({"hints"});
    endpoint.zones = Names(hints, "forZones");
    endpoint.nodes = Names(hints, "forNodes");
    slice.endpoints.push_back(std::move(endpoint));
  }
  return slice;
}

}  // namespace keelson::proxy
