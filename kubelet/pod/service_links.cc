// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/service_links.h"

#include <algorithm>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"

namespace keelson::pod {
namespace {

std::string Variable(std::string_view name) {
  std::string out;
  for (const char c : name)
    out += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

}  // namespace

ServiceFact ServiceOf(const json::Value& object) {
  ServiceFact service;
  service.ns = object.At({"metadata", "namespace"}).AsString();
  service.name = object.At({"metadata", "name"}).AsString();
  service.address = object.At({"spec", "clusterIP"}).AsString();
  if (service.address == "None") service.address.clear();
  for (const json::Value& port : object.At({"spec", "ports"}).items()) {
    service.ports.push_back({port.At({"name"}).AsString(), port.At({"protocol"}).AsString(),
                             port.At({"port"}).AsInt()});
    if (service.ports.back().protocol.empty()) service.ports.back().protocol = "TCP";
  }
  return service;
}

std::vector<std::pair<std::string, std::string>> VariablesOf(const ServiceFact& service) {
  std::vector<std::pair<std::string, std::string>> out;
  if (service.address.empty() || service.ports.empty()) return out;
  const std::string name = Variable(service.name);
  out.emplace_back(name + "_SERVICE_HOST", service.address);
  out.emplace_back(name + "_SERVICE_PORT", std::to_string(service.ports.front().number));
  for (const ServiceFact::Port& port : service.ports) {
    if (!port.name.empty())
      out.emplace_back(name + "_SERVICE_PORT_" + Variable(port.name), std::to_string(port.number));
  }
  for (size_t i = 0; i < service.ports.size(); ++i) {
    const ServiceFact::Port& port = service.ports[i];
    const std::string protocol = base::ToLower(port.protocol), number = std::to_string(port.number);
    const std::string url = protocol + "://" + base::Bracketed(service.address) + ":" + number;
    if (i == 0) out.emplace_back(name + "_PORT", url);
    const std::string prefix = name + "_PORT_" + number + "_" + Variable(protocol);
    out.emplace_back(prefix, url);
    out.emplace_back(prefix + "_PROTO", protocol);
    out.emplace_back(prefix + "_PORT", number);
    out.emplace_back(prefix + "_ADDR", service.address);
  }
  return out;
}

}  // namespace keelson::pod
