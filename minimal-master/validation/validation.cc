// SPDX-License-Identifier: Apache-2.0
// Which rules are whose.
#include "minimal-master/validation/validation.h"

#include <algorithm>

#include "lib/kube/validate_parts.h"
#include "minimal-master/validation/rules.h"

namespace keelson::validation {
namespace {

using json::Value;
using kube::Problem;

kube::Complaints CheckCronJobName(std::string_view text) {
  kube::Complaints out = kube::CheckDns1123Subdomain(text);
  // Eleven more letters follow in the names of its jobs.
  if (text.size() > 52) out.insert(out.begin(), "must be no more than 52 characters");
  return out;
}

kube::Complaints CheckStatefulSetName(std::string_view text) {
  kube::Complaints out = kube::CheckDns1123Subdomain(text);
  if (!out.empty()) return out;
  if (text.find('.') != std::string_view::npos) out.push_back("must not contain dots");
  if (text.size() > 63) out.push_back("must be no more than 63 characters");
  return out;
}

kube::Complaints CheckIpName(std::string_view text) {
  if (kube::IsIpAddress(text)) return {};
  return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

constexpr std::string_view kRegistration = "admissionregistration.k8s.io";
constexpr std::string_view kRbac = "rbac.authorization.k8s.io";
constexpr Kind kKinds[] = {
    {.group = "", .kind = "Pod", .object = PodObject, .change = PodChange, .create = PodCreate},
    {.group = "", .kind = "PodTemplate", .object = PodTemplate},
    {.group = "", .kind = "Namespace", .name = kube::CheckDns1123Label},
    {.group = "", .kind = "Event", .name = kube::CheckPathSegment, .object = CoreEvent},
    {.group = "events.k8s.io",
     .kind = "Event",
     .name = kube::CheckPathSegment,
     .object = NewEvent,
     .change = NewEventChange,
     .create = NewEventCreate},
    {.group = "", .kind = "ResourceQuota", .object = Quota},
    {.group = "apps", .kind = "ControllerRevision", .object = Revision, .change = RevisionChange},
    {.group = "", .kind = "ConfigMap", .object = ConfigObject, .change = ConfigObjectChange},
    {.group = "", .kind = "Secret", .object = ConfigObject, .change = ConfigObjectChange},
    {.group = "",
     .kind = "Service",
     .name = kube::CheckDns1035Label,
     .object = Service,
     .change = ServiceChange},
    {.group = "", .kind = "Endpoints", .object = Endpoints},
    {.group = "", .kind = "Node", .object = Node, .change = NodeChange},
    {.group = "", .kind = "ReplicationController", .object = ReplicationController},
    {.group = "", .kind = "PersistentVolumeClaim", .object = Claim, .change = ClaimChange},
    {.group = "apps", .kind = "Deployment", .object = Deployment, .change = DeploymentChange},
    {.group = "apps", .kind = "ReplicaSet", .object = ReplicaSet, .change = DeploymentChange},
    {.group = "apps", .kind = "DaemonSet", .object = DaemonSet, .change = DeploymentChange},
    {.group = "apps",
     .kind = "StatefulSet",
     .name = CheckStatefulSetName,
     .object = StatefulSet,
     .change = StatefulSetChange,
     .create = StatefulSetCreate},
    {.group = "batch", .kind = "Job", .object = Job, .change = JobChange},
    {.group = "batch", .kind = "CronJob", .name = CheckCronJobName, .object = CronJob},
    {.group = "autoscaling", .kind = "HorizontalPodAutoscaler", .object = Autoscaler},
    {.group = "policy", .kind = "PodDisruptionBudget", .name = nullptr, .object = DisruptionBudget},
    {.group = "discovery.k8s.io",
     .kind = "EndpointSlice",
     .object = EndpointSlice,
     .change = EndpointSliceChange},
    {.group = "networking.k8s.io", .kind = "Ingress", .object = Ingress},
    {.group = "networking.k8s.io",
     .kind = "IngressClass",
     .object = IngressClass,
     .change = IngressClassChange},
    {.group = "storage.k8s.io",
     .kind = "CSIStorageCapacity",
     .object = StorageCapacity,
     .change = StorageCapacityChange},
    {.group = "storage.k8s.io",
     .kind = "VolumeAttributesClass",
     .object = AttributesClass,
     .change = AttributesClassChange},
    {.group = "networking.k8s.io",
     .kind = "NetworkPolicy",
     .object = NetworkPolicy,
     .change = NetworkPolicyChange},
    {.group = "networking.k8s.io", .kind = "IPAddress", .name = CheckIpName},
    {.group = "coordination.k8s.io", .kind = "Lease", .object = Lease},
    {.group = "scheduling.k8s.io",
     .kind = "PriorityClass",
     .object = PriorityClass,
     .change = PriorityClassChange},
    {.group = "certificates.k8s.io",
     .kind = "CertificateSigningRequest",
     .name = nullptr,
     .create = SigningRequest},
    {.group = "node.k8s.io",
     .kind = "RuntimeClass",
     .object = RuntimeClass,
     .change = RuntimeClassChange},
    {.group = "storage.k8s.io",
     .kind = "StorageClass",
     .object = StorageClass,
     .change = StorageClassChange},
    {.group = "",
     .kind = "PersistentVolume",
     .object = PersistentVolume,
     .change = PersistentVolumeChange},
    {.group = "", .kind = "LimitRange", .object = LimitRange},
    {.group = "storage.k8s.io", .kind = "CSINode", .object = CsiNode},
    {.group = "storage.k8s.io", .kind = "VolumeAttachment", .create = VolumeAttachment},
    {.group = kRegistration, .kind = "MutatingWebhookConfiguration", .object = MutatingWebhooks},
    {.group = kRegistration,
     .kind = "ValidatingWebhookConfiguration",
     .object = ValidatingWebhooks},
    {.group = kRegistration, .kind = "ValidatingAdmissionPolicy", .object = AdmissionPolicy},
    {.group = kRbac, .kind = "Role", .name = kube::CheckPathSegment, .object = Role},
    {.group = kRbac, .kind = "ClusterRole", .name = kube::CheckPathSegment, .object = ClusterRole},
    {.group = kRbac,
     .kind = "RoleBinding",
     .name = kube::CheckPathSegment,
     .object = RoleBinding,
     .change = BindingChange},
    {.group = kRbac,
     .kind = "ClusterRoleBinding",
     .name = kube::CheckPathSegment,
     .object = ClusterRoleBinding,
     .change = BindingChange},
};

const Kind& KindOf(std::string_view group, std::string_view kind) {
  static constexpr Kind kOther{};
  const auto* found = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& each) {
    return each.group == group && each.kind == kind;
  });
  return found == std::end(kKinds) ? kOther : *found;
}

void Metadata(const Kind& kind, const Field& meta, Problems& problems) {
  if (kind.kind == "Job") {
    // What the server made of the name is refused where it belongs, in the template.
    Value copy = meta.value();
    for (const char* key : {"job-name", "batch.kubernetes.io/job-name", "controller-uid",
                            "batch.kubernetes.io/controller-uid"}) {
      if (Value* labels = copy.Find("labels")) labels->Erase(key);
    }
    Value rooted = Value::Object();
    rooted.Set("metadata", std::move(copy));
    return kube::ValidateMeta(Field(rooted)["metadata"], problems, kube::CheckDns1123Subdomain);
  }
  kube::ValidateMeta(meta, problems, kind.name == nullptr ? kube::CheckPathSegment : kind.name);
}

void FinalizersOnlyGo(const Field& now, const Field& before, Problems& problems) {
  if (!before["deletionTimestamp"].Present()) return;
  std::string added;
  const auto& old = before["finalizers"].value().items();
  for (const Value& each : now["finalizers"].value().items()) {
    if (std::find(old.begin(), old.end(), each) != old.end()) continue;
    added += fmt::format("{}\"{}\"", added.empty() ? "" : ", ", each.AsString());
  }
  if (!added.empty())
    problems.Forbidden(now["finalizers"],
                       fmt::format("no new finalizers can be added if the object is being deleted, "
                                   "found new finalizers []string{{{}}}",
                                   added));
}

// Upstream asks about an object's metadata once for all kinds and again in most kinds' own rules,
// and its causes say so as often.
constexpr std::string_view kAskedOnce[] = {"CSINode",
                                           "EndpointSlice",
                                           "Event",
                                           "FlowSchema",
                                           "LimitRange",
                                           "MutatingWebhookConfiguration",
                                           "PersistentVolume",
                                           "PodDisruptionBudget",
                                           "PriorityLevelConfiguration",
                                           "ValidatingAdmissionPolicy",
                                           "ValidatingAdmissionPolicyBinding",
                                           "ValidatingWebhookConfiguration",
                                           "VolumeAttachment"};
constexpr std::string_view kAskedOfTheWhole[] = {"ClusterRole",
                                                 "ClusterRoleBinding",
                                                 "ConfigMap",
                                                 "CSINode",
                                                 "EndpointSlice",
                                                 "Endpoints",
                                                 "FlowSchema",
                                                 "IngressClass",
                                                 "Node",
                                                 "PersistentVolume",
                                                 "Role",
                                                 "RoleBinding",
                                                 "Secret",
                                                 "ServiceAccount",
                                                 "StatefulSet",
                                                 "PersistentVolumeClaim",
                                                 "VolumeAttachment",
                                                 "VolumeAttributesClass"};

template <size_t kCount>
bool IsAmong(const std::string_view (&kinds)[kCount], std::string_view kind) {
  return std::find(std::begin(kinds), std::end(kinds), kind) != std::end(kinds);
}

void MetadataChange(const Kind& rules, std::string_view kind, const Field& now, const Field& before,
                    Problems& problems) {
  const bool once = IsAmong(kAskedOnce, kind);
  const int whole = 2 + (once ? 0 : 1) + (IsAmong(kAskedOfTheWhole, kind) ? 1 : 0);
  for (int i = 0; i < whole; ++i) Metadata(rules, now, problems);
  for (int i = 0; i < (once ? 1 : 2); ++i) {
    Immutable(now["uid"], before["uid"], problems);
    FinalizersOnlyGo(now, before, problems);
  }
}

}  // namespace

std::vector<Problem> OfCreate(std::string_view group, std::string_view kind, const Value& object) {
  Problems problems;
  const Field root(object);
  const Kind& rules = KindOf(group, kind);
  Metadata(rules, root["metadata"], problems);
  if (rules.object != nullptr) rules.object(root, problems);
  if (rules.create != nullptr) rules.create(root, problems);
  return problems.list();
}

std::vector<Problem> OfUpdate(std::string_view group, std::string_view kind,
                              std::string_view subresource, const Value& object, const Value& old) {
  Problems problems;
  const Field now(object);
  const Field before(old);
  const Kind& rules = KindOf(group, kind);
  MetadataChange(rules, kind, now["metadata"], before["metadata"], problems);
  if (subresource == "status") return problems.list();
  if (rules.object != nullptr) rules.object(now, problems);
  if (kind == "PersistentVolume") rules.object(now, problems);  // upstream asks twice
  if (subresource == "ephemeralcontainers")
    EphemeralChange(now, before, problems);
  else if (subresource == "resize")
    Resize(now, before, problems);
  else if (rules.change != nullptr)
    rules.change(now, before, problems);
  return problems.list();
}

}  // namespace keelson::validation
