// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/model/node.h"

#include <algorithm>

#include "lib/kube/quantity.h"

namespace keelson::scheduler::model {
namespace {

using json::Value;

bool Take(std::vector<PodRef>& list, const Pod& pod) {
  const auto at =
      std::find_if(list.begin(), list.end(), [&](const PodRef& a) { return a->uid == pod.uid; });
  if (at == list.end()) return false;
  *at = std::move(list.back());
  list.pop_back();
  return true;
}

std::vector<Image> ImagesOf(const Value& images, Symbols& symbols) {
  std::vector<Image> out;
  for (const Value& image : images.items()) {
    for (const Value& name : image.At({"names"}).items())
      out.push_back({symbols.Of(name.AsString()), image.At({"sizeBytes"}).AsInt()});
  }
  std::sort(out.begin(), out.end(), [](const Image& a, const Image& b) { return a.name < b.name; });
  return out;
}

}  // namespace

void Node::Add(const PodRef& pod) {
  used.Add(pod->requests.exact);
  scored_cpu += pod->requests.scored_cpu;
  scored_memory += pod->requests.scored_memory;
  pods.push_back(pod);
  if (!pod->pods.empty()) with_rules.push_back(pod);
  if (!pod->pods.required_anti.empty()) with_required_anti.push_back(pod);
  ports.insert(ports.end(), pod->ports.begin(), pod->ports.end());
}

bool Node::Remove(const PodRef& pod) {
  if (!Take(pods, *pod)) return false;
  used.Remove(pod->requests.exact);
  scored_cpu -= pod->requests.scored_cpu;
  scored_memory -= pod->requests.scored_memory;
  if (!pod->pods.empty()) Take(with_rules, *pod);
  if (!pod->pods.required_anti.empty()) Take(with_required_anti, *pod);
  if (!pod->ports.empty()) {
    ports.clear();
    for (const PodRef& other : pods)
      ports.insert(ports.end(), other->ports.begin(), other->ports.end());
  }
  return true;
}

bool ReadNode(const Value& object, Symbols& symbols, Node& node) {
  const Value& spec = object.At({"spec"});
  const Value& status = object.At({"status"});
  Labels labels(object.At({"metadata", "labels"}), symbols);
  std::vector<Taint> taints = TaintsOf(spec.At({"taints"}), symbols);
  const Value& allocatable = status.At({"allocatable"});
  Resources resources = ResourcesOf(allocatable, symbols);
  const Value& pods = allocatable.At({"pods"});
  const base::Result<kube::Quantity> quantity = kube::Quantity::Parse(pods.AsString());
  const int64_t max_pods = pods.IsInt() ? pods.AsInt() : quantity.ok() ? quantity->Value() : 0;
  const bool unschedulable = spec.At({"unschedulable"}).AsBool();
  const bool changed = !node.known || unschedulable != node.unschedulable ||
                       labels != node.labels || taints != node.taints ||
                       resources != node.allocatable || max_pods != node.max_pods;
  node.known = true;
  node.unschedulable = unschedulable;
  node.labels = std::move(labels);
  node.taints = std::move(taints);
  node.allocatable = std::move(resources);
  node.max_pods = max_pods;
  node.images = ImagesOf(status.At({"images"}), symbols);
  const auto text = [&](std::string_view key) {
    return object.At({"metadata", "labels", key}).AsString();
  };
  const std::string region = text("topology.kubernetes.io/region");
  const std::string zone = text("topology.kubernetes.io/zone");
  node.zone = region.empty() && zone.empty() ? kEmpty : symbols.Of(region + ":" + zone);
  return changed;
}

}  // namespace keelson::scheduler::model
