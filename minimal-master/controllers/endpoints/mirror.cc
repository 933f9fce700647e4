// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/endpoints/mirror.h"

#include "lib/base/ip_address.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/endpoints/ports.h"
#include "minimal-master/controllers/endpoints/slices.h"

namespace keelson::endpoints {
namespace {

using json::Value;

constexpr std::string_view kSkip = "endpointslice.kubernetes.io/skip-mirror";
constexpr std::string_view kLeader = "control-plane.alpha.kubernetes.io/leader";
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

bool Mirrors(const Value& service, const Value& endpoints) {
  if (service.IsNull() || endpoints.IsNull()) return false;
  return service.At({"spec", "selector"}).members().empty() &&
         endpoints.At({"metadata", "labels", kSkip}).AsString() != "true" &&
         endpoints.At({"metadata", "labels", "endpoints.kubernetes.io/managed-by"}).AsString() !=
             "endpoint-controller" &&
         endpoints.At({"metadata", "annotations", kLeader}).IsNull();
}

Value EndpointOf(const Value& address, bool ready) {
  Value out;
  out.Set("addresses", Value::Array({address.At({"ip"})}));
  out.Set("conditions", Value::Object({{"ready", Value(ready)}}));
  for (const std::string_view field : {"hostname", "nodeName", "targetRef"}) {
    if (const Value* value = address.Find(field)) out.Set(field, *value);
  }
  return out;
}

Value Fresh(const Value& endpoints, std::string_view family, Value ports) {
  const Value& metadata = endpoints.At({"metadata"});
  Value own;
  own.Set("generateName", Value(metadata.At({"name"}).AsString() + "-"));
  own.Set("namespace", metadata.At({"namespace"}));
  Value labels = Value::Object();
  for (const auto& [key, value] : metadata.At({"labels"}).members()) labels.Set(key, value);
  labels.Set(kServiceLabel, metadata.At({"name"}));
  labels.Set(kManagerLabel, Value(kMirrorManager));
  own.Set("labels", std::move(labels));
  Value annotations = Value::Object();
  for (const auto& [key, value] : metadata.At({"annotations"}).members()) {
    if (key != kLastApplied) annotations.Set(key, value);
  }
  if (!annotations.members().empty()) own.Set("annotations", std::move(annotations));
  own.Set("ownerReferences",
          Value::Array({control::ControllerReference("v1", "Endpoints", endpoints)}));
  Value out;
  out.Set("apiVersion", Value("discovery.k8s.io/v1"));
  out.Set("kind", Value("EndpointSlice"));
  out.Set("metadata", std::move(own));
  out.Set("addressType", Value(family));
  out.Set("endpoints", Value::Array());
  out.Set("ports", std::move(ports));
  return out;
}

struct Group {
  std::string family;
  Value ports;
  Wanted wanted;
  std::vector<const Value*> existing;
};

}  // namespace

std::vector<control::Write> PlanMirror(const Value& service, const Value& endpoints,
                                       const std::vector<Value>& slices) {
  std::map<std::string, Group> groups;
  const auto group_of = [&](const std::string& family, const Value& ports) -> Group& {
    Value list = ports.IsNull() ? Value::Array() : ports;
    Group& group = groups[SliceGroup(family, list)];
    group.family = family;
    group.ports = std::move(list);
    return group;
  };
  if (Mirrors(service, endpoints)) {
    for (const Value& subset : endpoints.At({"subsets"}).items()) {
      Value ports = Value::Array();
      for (const Value& port : subset.At({"ports"}).items()) {
        Value one = port;
        if (one.Find("name") == nullptr) one.Set("name", Value(""));
        ports.Append(std::move(one));
      }
      for (const bool ready : {true, false}) {
        for (const Value& address :
             subset.At({ready ? "addresses" : "notReadyAddresses"}).items()) {
          const std::string& ip = address.At({"ip"}).AsString();
          const std::string family = base::IsV6(ip) ? "IPv6" : "IPv4";
          Value endpoint = EndpointOf(address, ready);
          group_of(family, ports).wanted.emplace(IdentityOf(endpoint), std::move(endpoint));
        }
      }
    }
  }
  for (const Value& slice : slices)
    group_of(slice.At({"addressType"}).AsString(), slice.At({"ports"})).existing.push_back(&slice);
  std::vector<control::Write> out;
  for (auto& [key, group] : groups) {
    std::vector<control::Write> writes =
        PlanGroup(std::move(group.wanted), group.existing,
                  Fresh(endpoints, group.family, std::move(group.ports)));
    std::move(writes.begin(), writes.end(), std::back_inserter(out));
  }
  return out;
}

}  // namespace keelson::endpoints
