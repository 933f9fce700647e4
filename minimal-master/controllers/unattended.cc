// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/unattended.h"

namespace keelson::controllers {
namespace {

struct Kind {
  std::string_view group;
  std::string_view resource;
  std::string_view sentence;
};

constexpr Kind kKinds[] = {
    {"", "persistentvolumeclaims",
     "nothing in this cluster binds a PersistentVolumeClaim yet: pods that use it stay Pending"},
    {"", "persistentvolumes", "nothing in this cluster binds a PersistentVolume yet"},
    {"", "resourcequotas", "nothing in this cluster counts a ResourceQuota yet: it limits nothing"},
    {"admissionregistration.k8s.io", "mutatingadmissionpolicies",
     "nothing in this cluster applies a MutatingAdmissionPolicy yet"},
    {"admissionregistration.k8s.io", "mutatingwebhookconfigurations",
     "nothing in this cluster asks a MutatingWebhookConfiguration yet: all stays as it is"},
    {"admissionregistration.k8s.io", "validatingadmissionpolicies",
     "nothing in this cluster applies a ValidatingAdmissionPolicy yet: it refuses nothing"},
    {"admissionregistration.k8s.io", "validatingwebhookconfigurations",
     "nothing in this cluster asks a ValidatingWebhookConfiguration yet: it refuses nothing"},
    {"apiextensions.k8s.io", "customresourcedefinitions",
     "nothing in this cluster serves a CustomResourceDefinition yet"},
    {"apiregistration.k8s.io", "apiservices",
     "nothing in this cluster forwards to an APIService yet"},
    {"apps", "statefulsets", "nothing in this cluster makes the pods of a StatefulSet yet"},
    {"batch", "cronjobs", "nothing in this cluster makes the jobs of a CronJob yet"},
    {"networking.k8s.io", "networkpolicies",
     "nothing in this cluster enforces a NetworkPolicy yet: all traffic stays allowed"},
    {"networking.k8s.io", "servicecidrs",
     "nothing in this cluster gives out addresses of a ServiceCIDR yet"},
    {"resource.k8s.io", "resourceclaims",
     "nothing in this cluster allocates devices for a ResourceClaim yet"},
    {"storage.k8s.io", "storageclasses",
     "nothing in this cluster makes volumes of a StorageClass yet"},
    {"storage.k8s.io", "volumeattachments",
     "nothing in this cluster acts on a VolumeAttachment yet"},
};

}  // namespace

std::string_view Unattended(std::string_view group, std::string_view resource) {
  for (const Kind& kind : kKinds) {
    if (kind.group == group && kind.resource == resource) return kind.sentence;
  }
  return {};
}

}  // namespace keelson::controllers
