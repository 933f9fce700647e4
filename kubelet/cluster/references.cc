// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/references.h"

namespace keelson::cluster {

References ReferencesOf(const kube::Pod& pod) {
  References out;
  const std::string& ns = pod.metadata.namespace_name;
  for (const kube::Volume& volume : pod.spec.volumes) {
    if (const auto* object = std::get_if<kube::ObjectVolume>(&volume.source))
      out.objects.insert({object->secret, ns, object->name});
    const auto* projected = std::get_if<kube::ProjectedVolume>(&volume.source);
    if (projected == nullptr) continue;
    for (const kube::ProjectedSource& source : projected->sources) {
      if (const auto* object = std::get_if<kube::ObjectVolume>(&source))
        out.objects.insert({object->secret, ns, object->name});
      if (const auto* token = std::get_if<kube::ServiceAccountTokenSource>(&source))
        out.tokens.insert({pod.metadata.uid, token->audience, token->expiration_seconds});
    }
  }
  kube::ForEachContainer(pod.spec, [&](const kube::Container& container) {
    for (const kube::EnvFrom& from : container.env_from)
      out.objects.insert({from.secret, ns, from.name});
    for (const kube::EnvVar& variable : container.env) {
      const bool secret = variable.from == kube::EnvVar::From::kSecret;
      if (secret || variable.from == kube::EnvVar::From::kConfigMap)
        out.objects.insert({secret, ns, variable.key.name});
    }
  });
  for (const std::string& name : pod.spec.image_pull_secrets) out.objects.insert({true, ns, name});
  return out;
}

}  // namespace keelson::cluster
