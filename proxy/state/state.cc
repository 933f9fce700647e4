// SPDX-License-Identifier: Apache-2.0
#include "proxy/state/state.h"

#include <algorithm>

namespace keelson::proxy {
namespace {

std::string Key(const std::string& ns, const std::string& name) { return ns + "/" + name; }

}  // namespace

void State::Touch(const std::string& service) { changed_.insert(service); }

void State::SetService(const json::Value& object) {
  std::optional<Service> service = ReadService(object);
  if (!service) return RemoveService(kube::NameOf(object));
  const std::string key = Key(service->name.ns, service->name.name);
  const auto there = services_.find(key);
  if (there != services_.end() && there->second == *service) return;
  services_[key] = *std::move(service);
  Touch(key);
}

void State::RemoveService(const kube::ObjectName& name) {
  const std::string key = Key(name.ns, name.name);
  if (services_.erase(key) > 0) Touch(key);
}

void State::SetSlice(const json::Value& object) {
  std::optional<Slice> slice = ReadSlice(object);
  if (!slice) return RemoveSlice(kube::NameOf(object));
  const auto there = slices_.find(slice->name);
  if (there != slices_.end()) {
    if (there->second == *slice) return;
    if (there->second.service != slice->service) RemoveSlice(slice->name);
  }
  const std::string service = Key(slice->name.ns, slice->service);
  slices_of_[service].insert(slice->name);
  slices_[slice->name] = *std::move(slice);
  Touch(service);
}

void State::RemoveSlice(const kube::ObjectName& name) {
  const auto there = slices_.find(name);
  if (there == slices_.end()) return;
  const std::string service = Key(name.ns, there->second.service);
  slices_.erase(there);
  std::set<kube::ObjectName>& left = slices_of_[service];
  left.erase(name);
  if (left.empty()) slices_of_.erase(service);
  Touch(service);
}

void State::SetNode(const json::Value& object) {
  const std::string& zone =
      object.At({"metadata", "labels", "topology.kubernetes.io/zone"}).AsString();
  if (zone == node_.zone) return;
  node_.zone = zone;
  for (const auto& [name, service] : services_) Touch(name);
}

std::set<std::string> State::TakeChanged() {
  std::set<std::string> out;
  out.swap(changed_);
  return out;
}

const Service* State::Find(const std::string& name) const {
  const auto found = services_.find(name);
  return found == services_.end() ? nullptr : &found->second;
}

std::vector<const Slice*> State::SlicesOf(const std::string& service) const {
  std::vector<const Slice*> out;
  const auto names = slices_of_.find(service);
  if (names == slices_of_.end()) return out;
  for (const kube::ObjectName& name : names->second) out.push_back(&slices_.at(name));
  return out;
}

std::vector<PortPlan> State::Plan(const std::string& name, Family family) const {
  const Service* service = Find(name);
  if (service == nullptr) return {};
  return PlanService(*service, SlicesOf(name), node_, family);
}

std::vector<std::string> State::Services() const {
  std::vector<std::string> out;
  for (const auto& [name, service] : services_) out.push_back(name);
  return out;
}

size_t State::LocalReady(const std::string& name) const {
  std::set<std::string> addresses;
  for (const Slice* slice : SlicesOf(name)) {
    for (const Endpoint& one : slice->endpoints)
      if (one.ready && one.node == node_.name) addresses.insert(one.address);
  }
  return addresses.size();
}

}  // namespace keelson::proxy
