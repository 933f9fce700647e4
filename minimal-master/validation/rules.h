// SPDX-License-Identifier: Apache-2.0
// What the rules of the kinds are made of: one field each, or one shape that many kinds share. For
// this folder alone. Pure; every function adds what it finds to `problems`.
#pragma once

#include <initializer_list>
#include <string_view>

#include "lib/kube/names.h"
#include "lib/kube/problems.h"

namespace keelson::validation {

using kube::Field;
using kube::Problems;

using NameRule = kube::Complaints (*)(std::string_view);

// Rules of one field.
void Required(const Field& field, Problems& problems, std::string_view why = "");  // a text
void OneOf(const Field& field, std::initializer_list<std::string_view> values, Problems& problems);
// The same, and an empty or missing one is Required.
void RequiredOneOf(const Field& field, std::initializer_list<std::string_view> values,
                   Problems& problems);
void NotNegative(const Field& field, Problems& problems);
void Positive(const Field& field, Problems& problems);  // zero as well is refused
void Port(const Field& field, Problems& problems);
void Named(const Field& field, NameRule rule, Problems& problems);
void Ip(const Field& field, Problems& problems);
void Cidr(const Field& field, Problems& problems);
// Neither negative nor a text without "%".
void IntOrPercent(const Field& field, Problems& problems);
bool IsHundredPercentOrLess(const Field& field, Problems& problems);
int64_t NumberOf(const Field& field);  // of a number or a percentage, without the sign

// Rules of a change. Absent and its zero value are the same.
bool Same(const Field& now, const Field& before);
void Immutable(const Field& now, const Field& before, Problems& problems);

// Shared shapes.
bool IsEmptySelector(const Field& selector);
bool Selects(const Field& selector, const Field& labels);
// A template in a workload: its metadata and pod.
void Template(const Field& pod_template, Problems& problems);
void TemplateOf(const Field& spec, std::string_view workload, Problems& problems);

// The entry of a table of kinds.
struct Kind {
  std::string_view group;
  std::string_view kind;
  NameRule name = kube::CheckDns1123Subdomain;                        // null: any
  void (*object)(const Field& object, Problems& problems) = nullptr;  // of create and update
  void (*change)(const Field& now, const Field& before, Problems& problems) = nullptr;
  // Also called for kinds whose creation knows more than an update.
  void (*create)(const Field& object, Problems& problems) = nullptr;
};

// Each subject's own rules; see the files of their names.
void PodCreate(const Field& pod, Problems& problems);
void PodObject(const Field& pod, Problems& problems);
void PodChange(const Field& now, const Field& before, Problems& problems);
void EphemeralChange(const Field& now, const Field& before, Problems& problems);
void Resize(const Field& now, const Field& before, Problems& problems);
void PodTemplate(const Field& object, Problems& problems);

void CoreEvent(const Field& event, Problems& problems);
void NewEvent(const Field& event, Problems& problems);
void NewEventCreate(const Field& event, Problems& problems);
void NewEventChange(const Field& now, const Field& before, Problems& problems);

void IngressClassChange(const Field& now, const Field& before, Problems& problems);
void StorageCapacity(const Field& object, Problems& problems);
void StorageCapacityChange(const Field& now, const Field& before, Problems& problems);
void AttributesClass(const Field& object, Problems& problems);
void AttributesClassChange(const Field& now, const Field& before, Problems& problems);
void Quota(const Field& object, Problems& problems);
void Revision(const Field& object, Problems& problems);
void RevisionChange(const Field& now, const Field& before, Problems& problems);

void Deployment(const Field& object, Problems& problems);
void DeploymentChange(const Field& now, const Field& before, Problems& problems);
void ReplicaSet(const Field& object, Problems& problems);
void ReplicationController(const Field& object, Problems& problems);
void DaemonSet(const Field& object, Problems& problems);
void StatefulSet(const Field& object, Problems& problems);
void StatefulSetCreate(const Field& object, Problems& problems);
void StatefulSetChange(const Field& now, const Field& before, Problems& problems);

void Job(const Field& object, Problems& problems);
void JobChange(const Field& now, const Field& before, Problems& problems);
void CronJob(const Field& object, Problems& problems);

void Autoscaler(const Field& object, Problems& problems);

void Service(const Field& object, Problems& problems);
void ServiceChange(const Field& now, const Field& before, Problems& problems);
void Endpoints(const Field& object, Problems& problems);
void EndpointSlice(const Field& object, Problems& problems);
void EndpointSliceChange(const Field& now, const Field& before, Problems& problems);
void Ingress(const Field& object, Problems& problems);
void IngressClass(const Field& object, Problems& problems);
void NetworkPolicyChange(const Field& now, const Field& before, Problems& problems);
void NetworkPolicy(const Field& object, Problems& problems);

void Node(const Field& object, Problems& problems);
void NodeChange(const Field& now, const Field& before, Problems& problems);
void ConfigObject(const Field& object, Problems& problems);
void ConfigObjectChange(const Field& now, const Field& before, Problems& problems);
void Lease(const Field& object, Problems& problems);
void PriorityClass(const Field& object, Problems& problems);
void PriorityClassChange(const Field& now, const Field& before, Problems& problems);
void SigningRequest(const Field& object, Problems& problems);
void DisruptionBudget(const Field& object, Problems& problems);
void RuntimeClass(const Field& object, Problems& problems);
void RuntimeClassChange(const Field& now, const Field& before, Problems& problems);

void StorageClass(const Field& object, Problems& problems);
void StorageClassChange(const Field& now, const Field& before, Problems& problems);
void Claim(const Field& object, Problems& problems);
void ClaimSpec(const Field& spec, Problems& problems);
void ClaimChange(const Field& now, const Field& before, Problems& problems);

void PersistentVolume(const Field& object, Problems& problems);
void PersistentVolumeChange(const Field& now, const Field& before, Problems& problems);
void LimitRange(const Field& object, Problems& problems);
void CsiNode(const Field& object, Problems& problems);
void VolumeAttachment(const Field& object, Problems& problems);

void MutatingWebhooks(const Field& object, Problems& problems);
void ValidatingWebhooks(const Field& object, Problems& problems);
void AdmissionPolicy(const Field& object, Problems& problems);

void Role(const Field& object, Problems& problems);
void ClusterRole(const Field& object, Problems& problems);
void RoleBinding(const Field& object, Problems& problems);
void ClusterRoleBinding(const Field& object, Problems& problems);
void BindingChange(const Field& now, const Field& before, Problems& problems);

}  // namespace keelson::validation
