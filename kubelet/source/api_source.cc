// SPDX-License-Identifier: Apache-2.0
#include "kubelet/source/api_source.h"

#include "lib/base/log.h"
#include "lib/base/rfc3339.h"
#include "lib/kube/decode.h"

namespace keelson::source {
namespace {

constexpr char kMirror[] = "kubernetes.io/config.mirror";

kube::Reflector::Query QueryOf(const std::string& node) {
  return {"/api/v1/pods", "fieldSelector=spec.nodeName%3D" + node};
}

// Better refused than run without.
base::Status RefuseWhatIsNotBuilt(const kube::Pod& pod) {
  const json::Value& spec = pod.object.At({"spec"});
  if (!spec.At({"resourceClaims"}).items().empty())
    return base::InvalidArgument("spec.resourceClaims: this node cannot take devices by claim");
  for (const char* list : {"containers", "initContainers"}) {
    for (const json::Value& container : spec.At({list}).items()) {
      for (const json::Value& variable : container.At({"env"}).items()) {
        if (!variable.At({"valueFrom", "fileKeyRef"}).IsNull())
          return base::InvalidArgument(
              "container {}, env {}: this node cannot take variables from "
              "files (fileKeyRef) yet",
              container.At({"name"}).AsString(), variable.At({"name"}).AsString());
      }
    }
  }
  return {};
}

}  // namespace

base::Result<ApiPod> PodFromApi(const json::Value& object, int64_t seen_wall_nanos) {
  ApiPod out;
  out.status = object.At({"status"});
  out.revision = object.At({"metadata", "resourceVersion"}).AsString();
  json::Value slim = json::Value::Object({{"apiVersion", json::Value("v1")},
                                          {"kind", json::Value("Pod")},
                                          {"metadata", object.At({"metadata"})},
                                          {"spec", object.At({"spec"})}});
  json::Value& metadata = slim.Set("metadata", object.At({"metadata"}));
  metadata.Erase("managedFields");
  metadata.Erase("resourceVersion");
  ASSIGN_OR_RETURN(out.pod, kube::DecodeStoredPod(slim));
  RETURN_IF_ERROR(RefuseWhatIsNotBuilt(out.pod));
  kube::ObjectMeta& meta = out.pod.metadata;
  if (meta.uid.empty() || meta.name.empty() || meta.namespace_name.empty())
    return base::InvalidArgument("a pod without a name, namespace or uid");
  if (const auto mirror = meta.annotations.find(kMirror); mirror != meta.annotations.end())
    out.mirror_of = mirror->second;
  meta.annotations["kubernetes.io/config.source"] = "api";
  meta.annotations["kubernetes.io/config.seen"] = base::FormatRfc3339(seen_wall_nanos);
  return out;
}

ApiSource::ApiSource(kube::Api& api, const std::string& node, const base::Clock& clock,
                     Handler handler)
    : clock_(clock),
      handler_(std::move(handler)),
      reflector_(api, QueryOf(node),
                 {.changed = [this](const json::Value& object) { Changed(object); },
                  .gone =
                      [this](const kube::ObjectName& name) {
                        const auto found = known_.find(name);
                        if (found == known_.end()) return;
                        const std::string uid = found->second.uid;
                        known_.erase(found);
                        handler_.gone(uid);
                      },
                  .synced = [this] { handler_.synced(); },
                  .problem =
                      [](const base::Error& error) {
                        base::LogWarn("the node's pods cannot be followed, trying again",
                                      {{"error", error}});
                      }}) {}

void ApiSource::Changed(const json::Value& object) {
  const kube::ObjectName name{object.At({"metadata", "namespace"}).AsString(),
                              object.At({"metadata", "name"}).AsString()};
  const std::string& uid = object.At({"metadata", "uid"}).AsString();
  Known& known = known_[name];
  if (!known.uid.empty() && known.uid != uid) {  // it went and came while nobody looked
    const std::string former = known.uid;
    known = {};
    handler_.gone(former);
  }
  known.uid = uid;
  base::Result<ApiPod> pod = PodFromApi(object, clock_.WallNanos());
  if (!pod.ok()) return handler_.refused(object, pod.error());
  std::string& seen = pod->pod.metadata.annotations["kubernetes.io/config.seen"];
  if (known.seen.empty())
    known.seen = seen;
  else
    seen = known.seen;
  handler_.changed(std::move(pod).value());
}

}  // namespace keelson::source
