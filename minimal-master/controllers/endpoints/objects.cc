// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/endpoints/objects.h"

#include <algorithm>
#include <map>

#include "minimal-master/controllers/endpoints/ports.h"

namespace keelson::endpoints {
namespace {

using json::Value;

constexpr std::string_view kManagedBy = "endpoints.kubernetes.io/managed-by";
constexpr std::string_view kManager = "endpoint-controller";
constexpr std::string_view kHeadless = "service.kubernetes.io/headless";
constexpr std::string_view kOverCapacity = "endpoints.kubernetes.io/over-capacity";
constexpr size_t kMost = 1000;

const schema::Resource& Endpoints() {
  static const schema::Resource& resource = control::ResourceNamed("", "endpoints");
  return resource;
}

Value AddressOf(const Value& service, const pods::PodFacts& pod, const std::string& ip) {
  Value out;
  out.Set("ip", Value(ip));
  if (!pod.hostname.empty() && pod.subdomain == service.At({"metadata", "name"}).AsString())
    out.Set("hostname", Value(pod.hostname));
  if (!pod.node.empty()) out.Set("nodeName", Value(pod.node));
  out.Set("targetRef", Value::Object({{"kind", Value("Pod")},
                                      {"namespace", Value(pod.ns())},
                                      {"name", Value(pod.name())},
                                      {"uid", Value(pod.uid())}}));
  return out;
}

struct Subset {
  Value ports;
  std::map<std::string, Value> ready, not_ready;  // by address and uid
};

Value ListOf(std::map<std::string, Value>& addresses) {
  Value out = Value::Array();
  for (auto& [key, address] : addresses) out.Append(std::move(address));
  return out;
}

Value Labels(const Value& service) {
  Value labels = Value::Object();
  for (const auto& [key, value] : service.At({"metadata", "labels"}).members()) {
    if (key != kHeadless) labels.Set(key, value);
  }
  labels.Set(kManagedBy, Value(kManager));
  if (IsHeadless(service)) labels.Set(kHeadless, Value(""));
  return labels;
}

// Ready ones first; returns whether some had to be left out.
bool Truncate(std::map<std::string, Subset>& subsets) {
  size_t room = kMost;
  bool cut = false;
  const auto trim = [&](std::map<std::string, Value>& addresses) {
    while (addresses.size() > room) {
      addresses.erase(std::prev(addresses.end()));
      cut = true;
    }
    room -= addresses.size();
  };
  for (auto& [key, subset] : subsets) trim(subset.ready);
  for (auto& [key, subset] : subsets) trim(subset.not_ready);
  return cut;
}

}  // namespace

std::vector<control::Write> PlanEndpoints(const EndpointsFacts& facts) {
  const Value& service = facts.service;
  if (service.IsNull()) {
    // What people made themselves is theirs.
    if (!facts.endpoints ||
        facts.endpoints->At({"metadata", "labels", kManagedBy}).AsString() != kManager)
      return {};
    const Value& metadata = facts.endpoints->At({"metadata"});
    return {control::Delete(Endpoints(), metadata.At({"namespace"}).AsString(),
                            metadata.At({"name"}).AsString(), metadata.At({"uid"}).AsString())};
  }
  if (service.At({"spec", "selector"}).members().empty() ||
      service.At({"spec", "type"}).AsString() == "ExternalName")
    return {};
  const bool always = service.At({"spec", "publishNotReadyAddresses"}).AsBool();
  const std::string family = Families(service)[0];
  std::map<std::string, Subset> by_ports;
  for (const pods::PodPtr& held : facts.pods) {
    const pods::PodFacts& pod = *held;
    const std::vector<std::string> addresses = AddressesOf(pod, family);
    if (pod.ended() || addresses.empty() || (pod.being_deleted() && !always)) continue;
    Value ports = PortsOf(service, pod, false);
    // None of the service's ports is in this pod: it is no endpoint of anything.
    if (ports.items().empty() &&
        !(IsHeadless(service) && service.At({"spec", "ports"}).items().empty()))
      continue;
    Subset& subset = by_ports[WriteJson(ports)];
    subset.ports = std::move(ports);
    (pod.ready || always ? subset.ready : subset.not_ready)
        .emplace(addresses[0] + " " + std::string(pod.uid()),
                 AddressOf(service, pod, addresses[0]));
  }
  const bool cut = Truncate(by_ports);
  Value subsets = Value::Array();
  for (auto& [key, subset] : by_ports) {
    Value one;
    if (!subset.ready.empty()) one.Set("addresses", ListOf(subset.ready));
    if (!subset.not_ready.empty()) one.Set("notReadyAddresses", ListOf(subset.not_ready));
    if (one.IsNull()) continue;
    if (!subset.ports.items().empty()) one.Set("ports", std::move(subset.ports));
    subsets.Append(std::move(one));
  }
  Value labels = Labels(service);
  const Value& has = facts.endpoints ? *facts.endpoints : Value::Object();
  const bool was_cut = has.At({"metadata", "annotations", kOverCapacity}).IsString();
  const Value& old = has.At({"subsets"});
  if (facts.endpoints && (old.IsNull() ? Value::Array() : old) == subsets &&
      has.At({"metadata", "labels"}) == labels && was_cut == cut)
    return {};
  Value out = has;
  out.Set("apiVersion", Value("v1"));
  out.Set("kind", Value("Endpoints"));
  if (out.Find("metadata") == nullptr) {
    Value metadata;
    metadata.Set("name", service.At({"metadata", "name"}));
    metadata.Set("namespace", service.At({"metadata", "namespace"}));
    out.Set("metadata", std::move(metadata));
  }
  Value& metadata = *out.Find("metadata");
  metadata.Set("labels", std::move(labels));
  if (cut && metadata.Find("annotations") == nullptr) metadata.Set("annotations", Value::Object());
  if (Value* annotations = metadata.Find("annotations")) {
    annotations->Erase(kOverCapacity);
    if (cut) annotations->Set(kOverCapacity, Value("truncated"));
  }
  out.Set("subsets", std::move(subsets));
  if (facts.endpoints) return {control::Update(Endpoints(), std::move(out))};
  const std::string ns = service.At({"metadata", "namespace"}).AsString();
  return {control::Create(Endpoints(), ns, std::move(out))};
}

}  // namespace keelson::endpoints
