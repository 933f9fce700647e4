// SPDX-License-Identifier: Apache-2.0
// networking, rbac, storage classes, scheduling, admission, flow control, authentication.
#include "minimal-master/defaults/parts.h"

namespace keelson::defaults {
namespace {

constexpr char kRbac[] = "rbac.authorization.k8s.io";

void NetworkPolicy(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  for (const char* direction : {"ingress", "egress"}) {
    Each(*spec, direction, [](Value& rule) {
      Each(rule, "ports", [](Value& port) { IfUnset(port, "protocol", Value("TCP")); });
    });
  }
  if (!IsZero(*spec, "policyTypes")) return;
  Value types = Value::Array({Value("Ingress")});
  if (!IsZero(*spec, "egress")) types.Append(Value("Egress"));
  spec->Set("policyTypes", std::move(types));
}

void IngressClass(std::string_view, Value& object) {
  if (Value* parameters = Inner(object, {"spec", "parameters"}))
    IfUnset(*parameters, "scope", Value("Cluster"));
}

void Binding(std::string_view, Value& object) {
  if (Value* role = Made(object, "roleRef")) IfZero(*role, "apiGroup", Value(kRbac));
  Each(object, "subjects", [](Value& subject) {
    const std::string& kind = subject.At({"kind"}).AsString();
    if (kind == "User" || kind == "Group") IfZero(subject, "apiGroup", Value(kRbac));
  });
}

void PriorityClass(std::string_view, Value& object) {
  IfUnset(object, "preemptionPolicy", Value("PreemptLowerPriority"));
}

void StorageClass(std::string_view, Value& object) {
  IfUnset(object, "reclaimPolicy", Value("Delete"));
  IfUnset(object, "volumeBindingMode", Value("Immediate"));
}

void CsiDriver(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  IfUnset(*spec, "attachRequired", Value(true));
  IfUnset(*spec, "podInfoOnMount", Value(false));
  IfUnset(*spec, "storageCapacity", Value(false));
  IfUnset(*spec, "fsGroupPolicy", Value("ReadWriteOnceWithFSType"));
  IfZero(*spec, "volumeLifecycleModes", Value::Array({Value("Persistent")}));
  IfUnset(*spec, "requiresRepublish", Value(false));
  IfUnset(*spec, "seLinuxMount", Value(false));
}

void Rules(Value& holder, std::string_view key) {
  Each(holder, key, [](Value& rule) { IfUnset(rule, "scope", Value("*")); });
}

void Webhooks(Value& object, bool mutating) {
  Each(object, "webhooks", [&](Value& hook) {
    IfUnset(hook, "failurePolicy", Value("Fail"));
    IfUnset(hook, "matchPolicy", Value("Equivalent"));
    IfUnset(hook, "namespaceSelector", Value::Object());
    IfUnset(hook, "objectSelector", Value::Object());
    IfUnset(hook, "timeoutSeconds", Value(10));
    if (mutating) IfUnset(hook, "reinvocationPolicy", Value("Never"));
    Rules(hook, "rules");
    if (Value* service = Inner(hook, {"clientConfig", "service"}))
      IfUnset(*service, "port", Value(443));
  });
}

void MutatingWebhooks(std::string_view, Value& object) { Webhooks(object, true); }
void ValidatingWebhooks(std::string_view, Value& object) { Webhooks(object, false); }

void MatchResources(Value& match) {
  IfUnset(match, "matchPolicy", Value("Equivalent"));
  IfUnset(match, "namespaceSelector", Value::Object());
  IfUnset(match, "objectSelector", Value::Object());
  Rules(match, "resourceRules");
  Rules(match, "excludeResourceRules");
}

void AdmissionPolicy(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  IfUnset(*spec, "failurePolicy", Value("Fail"));
  if (Value* match = Inner(*spec, "matchConstraints")) MatchResources(*match);
}

void AdmissionPolicyBinding(std::string_view, Value& object) {
  if (Value* match = Inner(object, {"spec", "matchResources"})) MatchResources(*match);
}

void CustomResourceDefinition(std::string_view, Value& object) {
  Value* spec = Made(object, "spec");
  if (spec == nullptr) return;
  if (Value* names = Made(*spec, "names")) {
    std::string kind = names->At({"kind"}).AsString();
    IfZero(*names, "listKind", Value(kind + "List"));
    for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    IfZero(*names, "singular", Value(kind));
  }
  IfZero(*spec, "scope", Value("Namespaced"));
  if (Value* conversion = Made(*spec, "conversion")) {
    IfZero(*conversion, "strategy", Value("None"));
    if (Value* service = Inner(*conversion, {"webhook", "clientConfig", "service"}))
      IfUnset(*service, "port", Value(443));
  }
}

void ApiService(std::string_view, Value& object) {
  if (Value* service = Inner(object, {"spec", "service"})) IfUnset(*service, "port", Value(443));
}

void FlowSchema(std::string_view, Value& object) {
  if (Value* spec = Made(object, "spec")) IfZero(*spec, "matchingPrecedence", Value(1000));
}

void PriorityLevel(std::string_view, Value& object) {
  Value* spec = Inner(object, "spec");
  if (spec == nullptr) return;
  if (spec->At({"type"}).AsString() == "Exempt") {
    if (Value* exempt = Made(*spec, "exempt")) {
      IfUnset(*exempt, "nominalConcurrencyShares", Value(0));
      IfUnset(*exempt, "lendablePercent", Value(0));
    }
  }
  Value* limited = Inner(*spec, "limited");
  if (limited == nullptr) return;
  IfUnset(*limited, "nominalConcurrencyShares", Value(30));
  IfUnset(*limited, "lendablePercent", Value(0));
  if (Value* queuing = Inner(*limited, {"limitResponse", "queuing"})) {
    IfZero(*queuing, "handSize", Value(8));
    IfZero(*queuing, "queues", Value(64));
    IfZero(*queuing, "queueLengthLimit", Value(50));
  }
}

void TokenRequest(std::string_view, Value& object) {
  if (Value* spec = Made(object, "spec")) IfUnset(*spec, "expirationSeconds", Value(3600));
}

void DeviceRequests(Value& devices) {
  const auto fill = [](Value& request) {
    IfZero(request, "allocationMode", Value("ExactCount"));
    if (request.At({"allocationMode"}).AsString() == "ExactCount")
      IfZero(request, "count", Value(1));
    Each(request, "tolerations",
         [](Value& toleration) { IfZero(toleration, "operator", Value("Equal")); });
  };
  Each(devices, "requests", [&](Value& request) {
    if (Value* exactly = Inner(request, "exactly")) fill(*exactly);
    Each(request, "firstAvailable", fill);
  });
}

void ResourceClaim(std::string_view, Value& object) {
  if (Value* devices = Inner(object, {"spec", "devices"})) DeviceRequests(*devices);
}

void ResourceClaimTemplate(std::string_view, Value& object) {
  if (Value* devices = Inner(object, {"spec", "spec", "devices"})) DeviceRequests(*devices);
}

}  // namespace

const Entry kOtherKinds[] = {
    {"networking.k8s.io", "NetworkPolicy", NetworkPolicy},
    {"networking.k8s.io", "IngressClass", IngressClass},
    {kRbac, "RoleBinding", Binding},
    {kRbac, "ClusterRoleBinding", Binding},
    {"scheduling.k8s.io", "PriorityClass", PriorityClass},
    {"storage.k8s.io", "StorageClass", StorageClass},
    {"storage.k8s.io", "CSIDriver", CsiDriver},
    {"admissionregistration.k8s.io", "MutatingWebhookConfiguration", MutatingWebhooks},
    {"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", ValidatingWebhooks},
    {"admissionregistration.k8s.io", "ValidatingAdmissionPolicy", AdmissionPolicy},
    {"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", AdmissionPolicyBinding},
    {"apiextensions.k8s.io", "CustomResourceDefinition", CustomResourceDefinition},
    {"apiregistration.k8s.io", "APIService", ApiService},
    {"flowcontrol.apiserver.k8s.io", "FlowSchema", FlowSchema},
    {"flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", PriorityLevel},
    {"authentication.k8s.io", "TokenRequest", TokenRequest},
    {"resource.k8s.io", "ResourceClaim", ResourceClaim},
    {"resource.k8s.io", "ResourceClaimTemplate", ResourceClaimTemplate},
    {},
};

}  // namespace keelson::defaults
