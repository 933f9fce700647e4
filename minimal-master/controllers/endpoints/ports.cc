// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/endpoints/ports.h"

#include <fmt/format.h>

#include "lib/base/ip_address.h"

namespace keelson::endpoints {

std::optional<int64_t> TargetPort(const json::Value& service_port, const pods::PodFacts& pod) {
  const json::Value& target = service_port.At({"targetPort"});
  if (target.IsString()) {
    const std::string& protocol = service_port.At({"protocol"}).AsString();
    for (const pods::NamedPort& port : pod.ports) {
      if (port.name == target.AsString() && port.protocol == (protocol.empty() ? "TCP" : protocol))
        return port.port;
    }
    return std::nullopt;
  }
  return target.AsInt() != 0 ? target.AsInt() : service_port.At({"port"}).AsInt();
}

json::Value PortsOf(const json::Value& service, const pods::PodFacts& pod, bool slices) {
  json::Value out = json::Value::Array();
  for (const json::Value& port : service.At({"spec", "ports"}).items()) {
    const std::optional<int64_t> number = TargetPort(port, pod);
    if (!number) continue;
    json::Value one;
    const std::string& name = port.At({"name"}).AsString();
    if (slices || !name.empty()) one.Set("name", json::Value(name));
    one.Set("port", json::Value(*number));
    const std::string& protocol = port.At({"protocol"}).AsString();
    one.Set("protocol", json::Value(protocol.empty() ? "TCP" : protocol));
    if (const json::Value* application = port.Find("appProtocol"))
      one.Set("appProtocol", *application);
    out.Append(std::move(one));
  }
  return out;
}

std::string SliceGroup(std::string_view family, const json::Value& ports) {
  std::string out(family);
  for (const json::Value& port : ports.items()) {
    out += fmt::format("\n{} {} {} {}", port.At({"name"}).AsString(), port.At({"port"}).AsInt(),
                       port.At({"protocol"}).AsString(), port.At({"appProtocol"}).AsString());
  }
  return out;
}

bool IsHeadless(const json::Value& service) {
  return service.At({"spec", "clusterIP"}).AsString() == "None";
}

std::vector<std::string> Families(const json::Value& service) {
  std::vector<std::string> out;
  for (const json::Value& family : service.At({"spec", "ipFamilies"}).items())
    out.push_back(family.AsString());
  if (out.empty()) out.emplace_back("IPv4");
  return out;
}

std::vector<std::string> AddressesOf(const pods::PodFacts& pod, std::string_view family) {
  std::vector<std::string> out;
  for (const std::string& ip : pod.ips) {
    if (base::IsV6(ip) == (family == "IPv6")) out.push_back(ip);
  }
  return out;
}

}  // namespace keelson::endpoints
