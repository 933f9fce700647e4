// SPDX-License-Identifier: Apache-2.0
// The core group, and what is near it: services, their endpoints, storage, events.
#include <map>

#include "lib/kube/quantity.h"
#include "lib/kube/schema.h"
#include "minimal-master/defaults/parts.h"

namespace keelson::defaults {
namespace {

// Requests that are left out are the limits.
void RequestsFromLimits(Value& resources) {
  const Value* limits = Inner(resources, "limits");
  if (limits == nullptr || limits->members().empty()) return;
  const Value copy = *limits;
  Value* requests = Made(resources, "requests");
  if (requests == nullptr) return;
  for (const auto& [name, amount] : copy.members()) {
    if (requests->Find(name) == nullptr) requests->Set(name, amount);
  }
}

bool IsPodLevel(std::string_view resource) {
  return resource == "cpu" || resource == "memory" || resource.starts_with("hugepages-");
}

std::map<std::string, kube::Quantity> RequestsOfContainers(Value& spec) {
  std::map<std::string, kube::Quantity> sum;
  Each(spec, "containers", [&](Value& container) {
    for (const auto& [name, amount] : container.At({"resources", "requests"}).members()) {
      const base::Result<kube::Quantity> quantity = kube::QuantityOf(amount);
      if (quantity.ok()) sum[name] = sum[name] + *quantity;
    }
  });
  return sum;
}

// Of the whole pod: what its containers ask for, else the limit.
void PodLevelRequests(Value& spec) {
  Value* resources = Inner(spec, "resources");
  if (resources == nullptr) return;
  Value requests =
      resources->At({"requests"}).IsObject() ? resources->At({"requests"}) : Value::Object();
  for (const auto& [name, amount] : RequestsOfContainers(spec)) {
    if (IsPodLevel(name) && requests.Find(name) == nullptr)
      requests.Set(name, Value(amount.Canonical()));
  }
  for (const auto& [name, amount] : resources->At({"limits"}).members()) {
    if (IsPodLevel(name) && requests.Find(name) == nullptr) requests.Set(name, amount);
  }
  if (!requests.members().empty()) resources->Set("requests", std::move(requests));
}

void Pod(std::string_view, Value& pod) {
  Value* spec = Made(pod, "spec");
  if (spec == nullptr) return;
  PodSpec(*spec);
  IfUnset(*spec, "enableServiceLinks", Value(true));
  for (const char* kind : {"containers", "initContainers"}) {
    Each(*spec, kind, [](Value& container) {
      if (Value* resources = Inner(container, "resources")) RequestsFromLimits(*resources);
    });
  }
  PodLevelRequests(*spec);
}

void PodTemplate(std::string_view, Value& object) { PodTemplateOf(object); }

bool IsReachedFromOutside(const Value& spec) {
  const std::string& type = spec.At({"type"}).AsString();
  return type == "NodePort" || type == "LoadBalancer" ||
         (type == "ClusterIP" && !spec.At({"externalIPs"}).items().empty());
}

void Service(std::string_view, Value& service) {
  Value* spec = Made(service, "spec");
  if (spec == nullptr) return;
  IfZero(*spec, "sessionAffinity", Value("None"));
  if (spec->At({"sessionAffinity"}).AsString() == "None") spec->Erase("sessionAffinityConfig");
  if (spec->At({"sessionAffinity"}).AsString() == "ClientIP") {
    Value* config = Made(*spec, "sessionAffinityConfig");
    Value* client = config == nullptr ? nullptr : Made(*config, "clientIP");
    if (client != nullptr) IfUnset(*client, "timeoutSeconds", Value(10800));
  }
  IfZero(*spec, "type", Value("ClusterIP"));
  Each(*spec, "ports", [](Value& port) {
    IfZero(port, "protocol", Value("TCP"));
    if (const Value* number = port.Find("port")) IfZero(port, "targetPort", Value(*number));
  });
  const std::string type = spec->At({"type"}).AsString();
  if (IsReachedFromOutside(*spec)) IfZero(*spec, "externalTrafficPolicy", Value("Cluster"));
  if (type == "NodePort" || type == "LoadBalancer" || type == "ClusterIP")
    IfUnset(*spec, "internalTrafficPolicy", Value("Cluster"));
  if (type != "LoadBalancer") return;
  IfUnset(*spec, "allocateLoadBalancerNodePorts", Value(true));
  if (Value* balancer = Inner(service, {"status", "loadBalancer"})) {
    Each(*balancer, "ingress", [](Value& ingress) {
      if (!IsZero(ingress, "ip")) IfUnset(ingress, "ipMode", Value("VIP"));
    });
  }
}

void Endpoints(std::string_view, Value& endpoints) {
  Each(endpoints, "subsets", [](Value& subset) {
    Each(subset, "ports", [](Value& port) { IfZero(port, "protocol", Value("TCP")); });
  });
}

void EndpointSlice(std::string_view, Value& slice) {
  Each(slice, "ports", [](Value& port) {
    IfUnset(port, "name", Value(""));
    IfUnset(port, "protocol", Value("TCP"));
  });
}

void Secret(std::string_view, Value& secret) { IfZero(secret, "type", Value("Opaque")); }

void Namespace(std::string_view, Value& space) {
  const std::string name = space.At({"metadata", "name"}).AsString();
  Value* metadata = Inner(space, "metadata");
  if (name.empty() || metadata == nullptr) return;
  Value* labels = Made(*metadata, "labels");
  if (labels != nullptr) labels->Set("kubernetes.io/metadata.name", Value(name));
}

void Node(std::string_view, Value& node) {
  Value* status = Inner(node, "status");
  if (status == nullptr || IsZero(*status, "capacity")) return;
  IfZero(*status, "allocatable", Value(status->At({"capacity"})));
}

// What a limit leaves out follows from what it has: the default from the maximum, the default
// request from the default and then from the minimum.
void LimitRange(std::string_view, Value& range) {
  Value* spec = Inner(range, "spec");
  if (spec == nullptr) return;
  Each(*spec, "limits", [](Value& limit) {
    if (limit.At({"type"}).AsString() != "Container") return;
    const auto fill = [&](const char* into, const char* from) {
      const Value source = limit.At({from});
      if (source.members().empty()) return;
      Value* target = Made(limit, into);
      if (target == nullptr) return;
      for (const auto& [name, amount] : source.members()) {
        if (target->Find(name) == nullptr) target->Set(name, amount);
      }
    };
    fill("default", "max");
    fill("defaultRequest", "default");
    fill("defaultRequest", "min");
  });
}

void PersistentVolume(std::string_view, Value& volume) {
  if (Value* status = Made(volume, "status")) IfZero(*status, "phase", Value("Pending"));
  Value* spec = Made(volume, "spec");
  if (spec == nullptr) return;
  IfZero(*spec, "persistentVolumeReclaimPolicy", Value("Retain"));
  IfUnset(*spec, "volumeMode", Value("Filesystem"));
  VolumeSource(*spec);
}

void PersistentVolumeClaim(std::string_view, Value& claim) {
  if (Value* status = Made(claim, "status")) IfZero(*status, "phase", Value("Pending"));
  if (Value* spec = Made(claim, "spec")) ClaimSpec(*spec);
}

void ReplicationController(std::string_view, Value& controller) {
  Value* spec = Made(controller, "spec");
  if (spec == nullptr) return;
  IfUnset(*spec, "replicas", Value(1));
  const Value labels = spec->At({"template", "metadata", "labels"});
  if (Value* pod = Inner(*spec, {"template", "spec"})) PodSpec(*pod);
  if (labels.members().empty()) return;
  IfZero(*spec, "selector", labels);
  if (Value* metadata = Made(controller, "metadata")) IfZero(*metadata, "labels", labels);
}

}  // namespace

void ClaimSpec(Value& spec) { IfUnset(spec, "volumeMode", Value("Filesystem")); }

const Entry kCoreKinds[] = {
    {"", "Pod", Pod},
    {"", "PodTemplate", PodTemplate},
    {"", "Service", Service},
    {"", "Endpoints", Endpoints},
    {"", "Secret", Secret},
    {"", "Namespace", Namespace},
    {"", "Node", Node},
    {"", "LimitRange", LimitRange},
    {"", "PersistentVolume", PersistentVolume},
    {"", "PersistentVolumeClaim", PersistentVolumeClaim},
    {"", "ReplicationController", ReplicationController},
    {"discovery.k8s.io", "EndpointSlice", EndpointSlice},
    {},
};

}  // namespace keelson::defaults
