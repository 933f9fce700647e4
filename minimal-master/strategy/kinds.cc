// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/strategy/kinds.h"

#include "lib/base/strings.h"

namespace keelson::strategy {
namespace {

void AddFinalizer(Value& list_owner, std::string_view key, const char* finalizer) {
  Value* list = list_owner.Find(key);
  if (list == nullptr || !list->IsArray()) {
    list_owner.Set(key, Value::Array());
    list = list_owner.Find(key);
  }
  for (const Value& item : list->items()) {
    if (item.AsString() == finalizer) return;
  }
  list->Append(Value(finalizer));
}

void CreateNamespace(Value& space, std::string_view) {
  Member(space, "status").Set("phase", Value("Active"));
  AddFinalizer(Member(space, "spec"), "finalizers", "kubernetes");
}

void UpdateNamespace(Value& space, const Value& old) {
  Value& spec = Member(space, "spec");
  const Value& finalizers = old.At({"spec", "finalizers"});
  spec.Erase("finalizers");
  if (!finalizers.IsNull()) spec.Set("finalizers", finalizers);
}

void CreateNode(Value& node, std::string_view) { NodeRanges(node); }
// Whoever makes a node may say its status; afterwards it has a door of its own.
void UpdateNode(Value& node, const Value& old) {
  node.Erase("status");
  if (const Value& status = old.At({"status"}); !status.IsNull()) node.Set("status", status);
  NodeRanges(node);
}

void CreateSecret(Value& secret, std::string_view) { MergeStringData(secret); }
void UpdateSecret(Value& secret, const Value&) { MergeStringData(secret); }

// The template's own count, kept in an annotation for a version of the API that is gone.
void CreateDaemonSet(Value& set, std::string_view) {
  Member(Member(set, "metadata"), "annotations").Set(kTemplateGeneration, Value("1"));
}

void UpdateDaemonSet(Value& set, const Value& old) {
  const std::string before = old.At({"metadata", "annotations", kTemplateGeneration}).AsString();
  int64_t count = base::ParseInt64(before).value_or(1);
  if (!(set.At({"spec", "template"}) == old.At({"spec", "template"}))) ++count;
  Member(Member(set, "metadata"), "annotations")
      .Set(kTemplateGeneration, Value(std::to_string(count)));
}

void CreateVolume(Value& volume, std::string_view time) {
  AddFinalizer(Member(volume, "metadata"), "finalizers", "kubernetes.io/pv-protection");
  Value& status = Member(volume, "status");
  status.Set("phase", Value("Pending"));
  status.Set("lastPhaseTransitionTime", Value(time));
}

// A source may be named in two ways, which say the same.
void NameSourceTwice(Value& claim) {
  Value& spec = Member(claim, "spec");
  const Value source = spec.At({"dataSource"});
  const Value reference = spec.At({"dataSourceRef"});
  if (source.IsObject() && reference.IsNull()) {
    spec.Set("dataSourceRef", source);
    return;
  }
  if (!reference.IsObject() || !source.IsNull()) return;
  if (!reference.At({"namespace"}).AsString().empty()) return;
  const std::string& group = reference.At({"apiGroup"}).AsString();
  const std::string& kind = reference.At({"kind"}).AsString();
  if ((group.empty() && kind == "PersistentVolumeClaim") ||
      (group == "snapshot.storage.k8s.io" && kind == "VolumeSnapshot"))
    spec.Set("dataSource", reference);
}

void CreateClaim(Value& claim, std::string_view) {
  AddFinalizer(Member(claim, "metadata"), "finalizers", "kubernetes.io/pvc-protection");
  Member(claim, "status").Set("phase", Value("Pending"));
  NameSourceTwice(claim);
}
void UpdateClaim(Value& claim, const Value&) { NameSourceTwice(claim); }

void CreateVolumeAttributesClass(Value& object, std::string_view) {
  AddFinalizer(Member(object, "metadata"), "finalizers", "kubernetes.io/vac-protection");
}

constexpr bool kGeneration = true;
constexpr bool kStatus = true;

const Rules kRules[] = {
    {{"", "Pod"}, kGeneration, kStatus, Counts::kSpec, CreatePod, UpdatePod},
    {{"", "Namespace"}, false, kStatus, Counts::kSpec, CreateNamespace, UpdateNamespace},
    {{"", "Node"}, false, false, Counts::kSpec, CreateNode, UpdateNode},
    {{"", "Secret"}, false, false, Counts::kSpec, CreateSecret, UpdateSecret},
    {{"", "Service"}, false, kStatus},
    {{"", "ResourceQuota"}, false, kStatus},
    {{"", "ReplicationController"}, kGeneration, kStatus},
    {{"", "PodTemplate"}, kGeneration},
    {{"", "PersistentVolume"}, false, kStatus, Counts::kSpec, CreateVolume},
    {{"", "PersistentVolumeClaim"}, false, kStatus, Counts::kSpec, CreateClaim, UpdateClaim},
    {{"apps", "Deployment"}, kGeneration, kStatus, Counts::kAnnotationsToo},
    {{"apps", "ReplicaSet"}, kGeneration, kStatus},
    {{"apps", "StatefulSet"}, kGeneration, kStatus},
    {{"apps", "DaemonSet"}, kGeneration, kStatus, Counts::kSpec, CreateDaemonSet, UpdateDaemonSet},
    {{"batch", "Job"}, kGeneration, kStatus, Counts::kSpec, CreateJob},
    {{"batch", "CronJob"}, kGeneration, kStatus},
    {{"autoscaling", "HorizontalPodAutoscaler"}, false, kStatus},
    {{"policy", "PodDisruptionBudget"}, kGeneration, kStatus},
    {{"networking.k8s.io", "Ingress"}, kGeneration, kStatus},
    {{"networking.k8s.io", "IngressClass"}, kGeneration},
    {{"networking.k8s.io", "NetworkPolicy"}, kGeneration},
    {{"networking.k8s.io", "ServiceCIDR"}, false, kStatus},
    {{"discovery.k8s.io", "EndpointSlice"}, kGeneration, false, Counts::kLabelsToo},
    {{"scheduling.k8s.io", "PriorityClass"}, kGeneration, false, Counts::kNothing},
    {{"storage.k8s.io", "VolumeAttachment"}, false, kStatus},
    {{"storage.k8s.io", "VolumeAttributesClass"},
     false,
     false,
     Counts::kSpec,
     CreateVolumeAttributesClass},
    {{"certificates.k8s.io", "CertificateSigningRequest"}, false, kStatus},
    {{"admissionregistration.k8s.io", "MutatingWebhookConfiguration"}, kGeneration},
    {{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration"}, kGeneration},
    {{"admissionregistration.k8s.io", "ValidatingAdmissionPolicy"}, kGeneration, kStatus},
    {{"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"}, kGeneration},
    {{"apiextensions.k8s.io", "CustomResourceDefinition"}, kGeneration, kStatus},
    {{"apiregistration.k8s.io", "APIService"}, false, kStatus},
    {{"flowcontrol.apiserver.k8s.io", "FlowSchema"}, kGeneration, kStatus},
    {{"flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"}, kGeneration, kStatus},
    {{"resource.k8s.io", "DeviceClass"}, kGeneration},
    {{"resource.k8s.io", "ResourceSlice"}, kGeneration},
    {{"resource.k8s.io", "ResourceClaim"}, false, kStatus},
};

}  // namespace

const Rules* RulesOf(const Kind& kind) {
  for (const Rules& rules : kRules) {
    if (rules.kind.name == kind.name && rules.kind.group == kind.group) return &rules;
  }
  return nullptr;
}

}  // namespace keelson::strategy
