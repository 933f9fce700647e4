// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/usage/objects.h"

#include <fmt/format.h>

#include <cmath>

#include "lib/base/rfc3339.h"

namespace keelson::usage {
namespace {

json::Value UseText(const Use& use) {
  json::Value out;
  out.Set("cpu", json::Value(CoresText(use.cores)));
  out.Set("memory", json::Value(BytesText(use.memory_bytes)));
  return out;
}

json::Value Begun(const char* kind, const std::string& ns, const std::string& name,
                  json::Value labels, int64_t now_nanos) {
  json::Value metadata;
  metadata.Set("name", json::Value(name));
  if (!ns.empty()) metadata.Set("namespace", json::Value(ns));
  metadata.Set("creationTimestamp", json::Value(base::FormatRfc3339(now_nanos)));
  if (!labels.members().empty()) metadata.Set("labels", std::move(labels));
  json::Value out;
  out.Set("kind", json::Value(kind));
  out.Set("apiVersion", json::Value("metrics.k8s.io/v1beta1"));
  out.Set("metadata", std::move(metadata));
  return out;
}

void SetTimes(json::Value& out, int64_t at_millis, int64_t window_millis) {
  out.Set("timestamp", json::Value(base::FormatRfc3339(at_millis * 1'000'000)));
  out.Set("window",
          json::Value(window_millis % 1000 == 0
                          ? fmt::format("{}s", window_millis / 1000)
                          : fmt::format("{:.3f}s", static_cast<double>(window_millis) / 1000)));
}

}  // namespace

std::string CoresText(double cores) {
  const auto nano = static_cast<int64_t>(std::llround(cores * 1e9));
  return nano == 0 ? "0" : fmt::format("{}n", nano);
}

std::string BytesText(double bytes) {
  const auto whole = static_cast<int64_t>(bytes);
  if (whole == 0) return "0";
  return whole % 1024 == 0 ? fmt::format("{}Ki", whole / 1024) : std::to_string(whole);
}

std::vector<json::Value> NodeMetrics(const std::vector<NodeUse>& nodes, const LabelsOf& labels,
                                     int64_t now_nanos) {
  std::vector<json::Value> out;
  for (const NodeUse& one : nodes) {
    std::optional<json::Value> of = labels("", one.node);
    if (!of) continue;
    json::Value object = Begun("NodeMetrics", "", one.node, *std::move(of), now_nanos);
    SetTimes(object, one.at_millis, one.window_millis);
    object.Set("usage", UseText(one.use));
    out.push_back(std::move(object));
  }
  return out;
}

std::vector<json::Value> PodMetrics(const std::vector<PodUse>& pods, const LabelsOf& labels,
                                    int64_t now_nanos) {
  std::vector<json::Value> out;
  for (const PodUse& one : pods) {
    std::optional<json::Value> of = labels(one.pod.ns, one.pod.name);
    if (!of) continue;
    json::Value object = Begun("PodMetrics", one.pod.ns, one.pod.name, *std::move(of), now_nanos);
    SetTimes(object, one.at_millis, one.window_millis);
    json::Value containers = json::Value::Array();
    for (const auto& [name, use] : one.containers) {
      json::Value container;
      container.Set("name", json::Value(name));
      container.Set("usage", UseText(use));
      containers.Append(std::move(container));
    }
    object.Set("containers", std::move(containers));
    out.push_back(std::move(object));
  }
  return out;
}

}  // namespace keelson::usage
