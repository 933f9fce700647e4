// SPDX-License-Identifier: Apache-2.0
#include "kubelet/source/manifest.h"

#include "kubelet/pod/hash.h"
#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "lib/kube/decode.h"

namespace keelson::source {
namespace {

base::Status RefuseApiReferences(const kube::Pod& pod) {
  const json::Value& claims = pod.object.At({"spec", "resourceClaims"});
  if (!claims.items().empty()) {
    return base::InvalidArgument(
        "line {}: spec.resourceClaims: a static pod may not refer to API objects", claims.line());
  }
  for (const json::Value& volume : pod.object.At({"spec", "volumes"}).items()) {
    for (const json::Value& source : volume.At({"projected", "sources"}).items()) {
      if (const json::Value* bundle = source.Find("clusterTrustBundle")) {
        return base::InvalidArgument(
            "line {}: volume {}: a static pod may not refer to a clusterTrustBundle",
            bundle->line(), volume.At({"name"}).AsString());
      }
    }
  }
  return {};
}

// Better refused than run without.
base::Status RefuseWhatIsNotBuilt(const kube::Pod& pod) {
  for (const char* list : {"containers", "initContainers"}) {
    for (const json::Value& container : pod.object.At({"spec", list}).items()) {
      for (const json::Value& variable : container.At({"env"}).items()) {
        if (variable.At({"valueFrom", "fileKeyRef"}).IsNull()) continue;
        return base::InvalidArgument(
            "line {}: container {}, env {}: this node cannot take variables from files "
            "(fileKeyRef) yet",
            variable.line(), container.At({"name"}).AsString(), variable.At({"name"}).AsString());
      }
    }
  }
  return {};
}

base::Result<kube::Pod> Decode(std::string_view text) {
  ASSIGN_OR_RETURN(const json::Value document, json::ParseYaml(text));
  ASSIGN_OR_RETURN(kube::Pod pod, kube::DecodePod(document));
  RETURN_IF_ERROR(RefuseApiReferences(pod));
  RETURN_IF_ERROR(RefuseWhatIsNotBuilt(pod));
  return pod;
}

}  // namespace

base::Result<kube::Pod> StaticPod(const std::string& path, std::string_view text,
                                  const std::string& node_name, int64_t seen_wall_nanos) {
  base::Result<kube::Pod> decoded = Decode(text);
  if (!decoded.ok()) return std::move(decoded).WithContext(path);
  kube::Pod pod = std::move(decoded).value();
  kube::ObjectMeta& metadata = pod.metadata;
  const std::string hash = pod::StaticPodUid(pod.object, node_name, "file:" + path);
  if (metadata.uid.empty()) metadata.uid = hash;
  metadata.name += "-" + base::ToLower(node_name);
  if (metadata.namespace_name.empty()) metadata.namespace_name = "default";
  const std::string seen = base::FormatRfc3339(seen_wall_nanos);
  metadata.annotations["kubernetes.io/config.hash"] = hash;
  metadata.annotations["kubernetes.io/config.source"] = "file";
  metadata.annotations["kubernetes.io/config.seen"] = seen;
  metadata.creation_timestamp = seen;
  pod.spec.node_name = node_name;
  // Shown, and what upstream adds: a static pod is never moved away.
  json::Value toleration = json::Value::Object();
  toleration.Set("effect", json::Value("NoExecute"));
  toleration.Set("operator", json::Value("Exists"));
  json::Value& spec = pod.object.Set("spec", pod.object.At({"spec"}));
  if (spec.Find("tolerations") == nullptr) spec.Set("tolerations", json::Value::Array());
  spec.Find("tolerations")->Append(std::move(toleration));
  return pod;
}

}  // namespace keelson::source
