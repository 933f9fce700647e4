// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/endpoints/slices.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/endpoints/ports.h"

namespace keelson::endpoints {
namespace {

using json::Value;

const schema::Resource& Slices() {
  static const schema::Resource& resource =
      control::ResourceNamed("discovery.k8s.io", "endpointslices");
  return resource;
}

bool Hints(const Value& service) {
  const std::string& wish = service.At({"spec", "trafficDistribution"}).AsString();
  return wish == "PreferClose" || wish == "PreferSameZone" || wish == "PreferSameNode";
}

Value EndpointOf(const SliceFacts& facts, const pods::PodFacts& pod,
                 std::vector<std::string> addresses) {
  const bool always = facts.service.At({"spec", "publishNotReadyAddresses"}).AsBool();
  const bool ready = always || (pod.ready && !pod.being_deleted());
  Value out;
  Value list = Value::Array();
  for (std::string& address : addresses) list.Append(Value(std::move(address)));
  out.Set("addresses", std::move(list));
  out.Set("conditions", Value::Object({{"ready", Value(ready)},
                                       {"serving", Value(always || pod.ready)},
                                       {"terminating", Value(pod.being_deleted())}}));
  if (!pod.hostname.empty() && pod.subdomain == facts.service.At({"metadata", "name"}).AsString())
    out.Set("hostname", Value(pod.hostname));
  out.Set("targetRef", Value::Object({{"kind", Value("Pod")},
                                      {"namespace", Value(pod.ns())},
                                      {"name", Value(pod.name())},
                                      {"uid", Value(pod.uid())}}));
  if (pod.node.empty()) return out;
  out.Set("nodeName", Value(pod.node));
  const auto zone = facts.zones.find(pod.node);
  if (zone == facts.zones.end() || zone->second.empty()) return out;
  out.Set("zone", Value(zone->second));
  if (ready && Hints(facts.service)) {
    Value hints;
    hints.Set("forZones", Value::Array({Value::Object({{"name", Value(zone->second)}})}));
    if (facts.service.At({"spec", "trafficDistribution"}).AsString() == "PreferSameNode")
      hints.Set("forNodes", Value::Array({Value::Object({{"name", Value(pod.node)}})}));
    out.Set("hints", std::move(hints));
  }
  return out;
}

Value FreshSlice(const Value& service, std::string_view family, Value ports) {
  const Value& metadata = service.At({"metadata"});
  Value out;
  out.Set("apiVersion", Value("discovery.k8s.io/v1"));
  out.Set("kind", Value("EndpointSlice"));
  Value own;
  own.Set("generateName", Value(metadata.At({"name"}).AsString() + "-"));
  own.Set("namespace", metadata.At({"namespace"}));
  own.Set("labels", SliceLabels(service, kSliceManager));
  own.Set("ownerReferences",
          Value::Array({control::ControllerReference("v1", "Service", service)}));
  out.Set("metadata", std::move(own));
  out.Set("addressType", Value(family));
  out.Set("endpoints", Value::Array());
  out.Set("ports", std::move(ports));
  return out;
}

struct Slice {
  const Value* old;
  Value endpoints = Value::Array();
  bool changed = false;
};

}  // namespace

std::string IdentityOf(const Value& endpoint) {
  std::string out = endpoint.At({"targetRef", "uid"}).AsString();
  for (const Value& address : endpoint.At({"addresses"}).items()) out += " " + address.AsString();
  return out;
}

Value SliceLabels(const Value& service, std::string_view manager) {
  Value labels = Value::Object();
  for (const auto& [key, value] : service.At({"metadata", "labels"}).members()) {
    if (key != "service.kubernetes.io/headless" && key != kServiceLabel && key != kManagerLabel)
      labels.Set(key, value);
  }
  if (IsHeadless(service)) labels.Set("service.kubernetes.io/headless", Value(""));
  labels.Set(kServiceLabel, service.At({"metadata", "name"}));
  labels.Set(kManagerLabel, Value(manager));
  return labels;
}

std::vector<control::Write> PlanGroup(Wanted wanted, const std::vector<const Value*>& existing,
                                      const Value& fresh) {
  std::vector<Slice> slices;
  for (const Value* old : existing) {
    Slice slice{old};
    for (const Value& endpoint : old->At({"endpoints"}).items()) {
      const auto found = wanted.find(IdentityOf(endpoint));
      if (found == wanted.end()) {
        slice.changed = true;
        continue;
      }
      slice.changed |= !(found->second == endpoint);
      slice.endpoints.Append(std::move(found->second));
      wanted.erase(found);
    }
    slices.push_back(std::move(slice));
  }
  // What is new goes first to slices that are written anyway, the fullest first.
  std::vector<Slice*> order;
  for (Slice& slice : slices) order.push_back(&slice);
  std::stable_sort(order.begin(), order.end(), [](const Slice* a, const Slice* b) {
    if (a->changed != b->changed) return a->changed;
    return a->endpoints.items().size() > b->endpoints.items().size();
  });
  const auto fill = [&wanted](Value& endpoints) {
    while (!wanted.empty() && endpoints.items().size() < kMostEndpoints) {
      endpoints.Append(std::move(wanted.begin()->second));
      wanted.erase(wanted.begin());
    }
  };
  for (Slice* slice : order) {
    const size_t room = kMostEndpoints - std::min(kMostEndpoints, slice->endpoints.items().size());
    if (wanted.empty() || room == 0) continue;
    // A slice that nothing else changes is written for the last few only: full ones are made new.
    if (!slice->changed && wanted.size() > room) continue;
    fill(slice->endpoints);
    slice->changed = true;
  }
  std::vector<control::Write> out;
  while (!wanted.empty()) {
    Value slice = fresh;
    fill(*slice.Find("endpoints"));
    out.push_back(control::Create(Slices(), fresh.At({"metadata", "namespace"}).AsString(),
                                  std::move(slice)));
  }
  for (Slice& slice : slices) {
    const Value& metadata = slice.old->At({"metadata"});
    if (slice.endpoints.items().empty()) {
      out.push_back(control::Delete(Slices(), metadata.At({"namespace"}).AsString(),
                                    metadata.At({"name"}).AsString(),
                                    metadata.At({"uid"}).AsString()));
      continue;
    }
    const Value& labels = fresh.At({"metadata", "labels"});
    if (!slice.changed && metadata.At({"labels"}) == labels) continue;
    Value update = *slice.old;
    update.Find("metadata")->Set("labels", labels);
    update.Set("endpoints", std::move(slice.endpoints));
    out.push_back(control::Update(Slices(), std::move(update)));
  }
  return out;
}

std::vector<control::Write> PlanSlices(const SliceFacts& facts) {
  const Value& service = facts.service;
  std::vector<control::Write> out;
  const bool wants = !service.At({"spec", "selector"}).members().empty() &&
                     service.At({"spec", "type"}).AsString() != "ExternalName";
  if (!wants) return out;
  const bool always = service.At({"spec", "publishNotReadyAddresses"}).AsBool();
  const std::vector<std::string> families = Families(service);
  struct Group {
    std::string family;
    Value ports;
    Wanted wanted;
    std::vector<const Value*> existing;
  };
  std::map<std::string, Group> groups;
  for (const std::string& family : families) {
    for (const pods::PodPtr& held : facts.pods) {
      const pods::PodFacts& pod = *held;
      std::vector<std::string> addresses = AddressesOf(pod, family);
      if (pod.ended() || addresses.empty()) continue;
      // Its node is gone: so will it be soon, and nobody could route to it.
      if (!always && !pod.node.empty() && !facts.zones.contains(pod.node)) continue;
      Value ports = PortsOf(service, pod, true);
      Group& group = groups[SliceGroup(family, ports)];
      group.family = family;
      group.ports = std::move(ports);
      Value endpoint = EndpointOf(facts, pod, std::move(addresses));
      group.wanted.emplace(IdentityOf(endpoint), std::move(endpoint));
    }
  }
  for (const Value& slice : facts.slices) {
    const std::string& family = slice.At({"addressType"}).AsString();
    Group& group = groups[SliceGroup(family, slice.At({"ports"}))];
    group.family = family;
    group.ports = slice.At({"ports"});
    group.existing.push_back(&slice);
  }
  for (const std::string& family : families) {
    const bool any = std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
      return group.second.family == family && !group.second.wanted.empty();
    });
    if (any) continue;
    // Nothing to lead to: one empty slice says so.
    const std::string none = SliceGroup(family, Value());
    const auto group = groups.find(none);
    const Value fresh = FreshSlice(service, family, Value::Array());
    const Value* kept = nullptr;
    if (group != groups.end()) {
      for (const Value* slice : group->second.existing) {
        if (slice->At({"endpoints"}).items().empty()) kept = slice;
      }
    }
    if (kept == nullptr) {
      out.push_back(
          control::Create(Slices(), service.At({"metadata", "namespace"}).AsString(), fresh));
      continue;
    }
    std::erase(group->second.existing, kept);
    if (!(kept->At({"metadata", "labels"}) == fresh.At({"metadata", "labels"}))) {
      Value update = *kept;
      update.Find("metadata")->Set("labels", fresh.At({"metadata", "labels"}));
      out.push_back(control::Update(Slices(), std::move(update)));
    }
  }
  for (auto& [key, group] : groups) {
    Value ports = group.ports.IsNull() ? Value::Array() : group.ports;
    std::vector<control::Write> writes =
        PlanGroup(std::move(group.wanted), group.existing,
                  FreshSlice(service, group.family, std::move(ports)));
    std::move(writes.begin(), writes.end(), std::back_inserter(out));
  }
  // Makes come before takes, so that a change of ports leaves no moment without endpoints.
  std::stable_sort(out.begin(), out.end(), [](const control::Write& a, const control::Write& b) {
    return (a.verb != control::Write::Verb::kDelete) > (b.verb != control::Write::Verb::kDelete);
  });
  return out;
}

}  // namespace keelson::endpoints
