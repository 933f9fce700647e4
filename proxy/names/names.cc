// SPDX-License-Identifier: Apache-2.0
#include "proxy/names/names.h"

#include "lib/base/strings.h"

namespace keelson::proxy {
namespace {

std::vector<dns::Port> Ports(const json::Value& list) {
  std::vector<dns::Port> out;
  for (const json::Value& port : list.items()) {
    const std::string& protocol = port.At({"protocol"}).AsString();
    out.push_back({port.At({"name"}).AsString(), base::ToLower(protocol.empty() ? "tcp" : protocol),
                   static_cast<uint16_t>(port.At({"port"}).AsInt())});
  }
  return out;
}

template <typename Key, typename Value>
bool Put(std::map<Key, Value>& to, const Key& key, Value value) {
  const auto there = to.find(key);
  if (there != to.end() && there->second == value) return false;
  to.insert_or_assign(key, std::move(value));
  return true;
}

}  // namespace

void Names::SetService(const json::Value& object) {
  const json::Value& spec = object.At({"spec"});
  dns::Service service;
  const kube::ObjectName name = kube::NameOf(object);
  service.ns = name.ns;
  service.name = name.name;
  if (spec.At({"type"}).AsString() == "ExternalName") {
    service.external_name = spec.At({"externalName"}).AsString();
  } else {
    for (const json::Value& ip : spec.At({"clusterIPs"}).items())
      if (!dns::AddressBytes(ip.AsString()).empty()) service.addresses.push_back(ip.AsString());
    const std::string& only = spec.At({"clusterIP"}).AsString();
    if (service.addresses.empty() && !dns::AddressBytes(only).empty())
      service.addresses.push_back(only);
    service.ports = Ports(spec.At({"ports"}));
  }
  changed_ |= Put(services_, name, std::move(service));
}

void Names::RemoveService(const kube::ObjectName& name) { changed_ |= services_.erase(name) > 0; }

void Names::SetSlice(const json::Value& object) {
  const kube::ObjectName name = kube::NameOf(object);
  const json::Value& labels = object.At({"metadata", "labels"});
  const json::Value* service = labels.Find("kubernetes.io/service-name");
  // Others' endpoints are never told: their service has an address.
  if (service == nullptr || labels.Find("service.kubernetes.io/headless") == nullptr)
    return RemoveSlice(name);
  dns::Endpoints endpoints;
  endpoints.ns = name.ns;
  endpoints.service = service->AsString();
  endpoints.ports = Ports(object.At({"ports"}));
  for (const json::Value& item : object.At({"endpoints"}).items()) {
    const json::Value* ready = item.At({"conditions"}).Find("ready");
    if (ready != nullptr && ready->IsBool() && !ready->AsBool()) continue;
    for (const json::Value& address : item.At({"addresses"}).items())
      endpoints.ready.push_back({address.AsString(), item.At({"hostname"}).AsString()});
  }
  changed_ |= Put(endpoints_, name, std::move(endpoints));
}

void Names::RemoveSlice(const kube::ObjectName& name) { changed_ |= endpoints_.erase(name) > 0; }

bool Names::TakeChanged() {
  const bool was = changed_;
  changed_ = false;
  return was;
}

dns::ZoneFile Names::ToFile(const std::string& domain, uint32_t serial) const {
  dns::ZoneFile file;
  file.domain = domain;
  file.serial = serial;
  for (const auto& [name, service] : services_) file.services.push_back(service);
  for (const auto& [name, endpoints] : endpoints_) file.endpoints.push_back(endpoints);
  return file;
}

}  // namespace keelson::proxy
