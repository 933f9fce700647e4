// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/orphan.h"

#include <set>

#include "lib/base/log.h"
#include "lib/kube/decode.h"

namespace keelson::lifecycle {
namespace {

json::Value Part(const std::string& text) {
  return text.empty() ? json::Value() : json::ParseJson(text).ValueOr({});
}

}  // namespace

kube::Pod OrphanPod(const kube::ObjectMeta& metadata, const pod::Observed& observed) {
  json::Value containers = json::Value::Array();
  std::set<std::string> names;
  int64_t grace = 0;
  for (const pod::ContainerFact& fact : observed.containers) {  // newest first
    if (!names.insert(fact.name).second) continue;
    json::Value container =
        json::Value::Object({{"name", json::Value(fact.name)}, {"image", json::Value(fact.image)}});
    if (json::Value ports = Part(fact.ports); ports.IsArray())
      container.Set("ports", std::move(ports));
    if (json::Value hook = Part(fact.pre_stop); hook.IsObject())
      container.Set("lifecycle", json::Value::Object({{"preStop", std::move(hook)}}));
    containers.Append(std::move(container));
    grace = std::max(grace, fact.pod_grace_seconds);
  }
  kube::Pod pod;
  if (!names.empty()) {
    const json::Value document = json::Value::Object(
        {{"apiVersion", json::Value("v1")},
         {"kind", json::Value("Pod")},
         {"metadata", json::Value::Object({{"name", json::Value(metadata.name)}})},
         {"spec", json::Value::Object({{"terminationGracePeriodSeconds", json::Value(grace)},
                                       {"containers", std::move(containers)}})}});
    base::Result<kube::Pod> read = kube::DecodePod(document);
    if (read.ok()) {
      pod = std::move(read).value();
    } else {
      base::LogWarn("a pod that nothing asks for ends without its hooks",
                    {{"pod", metadata.name}, {"error", read.error()}});
    }
  }
  pod.metadata = metadata;
  pod.spec.termination_grace_period_seconds = std::max<int64_t>(grace, 1);
  return pod;
}

}  // namespace keelson::lifecycle
