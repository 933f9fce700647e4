// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/downward.h"

#include "lib/base/strings.h"

namespace keelson::pod {
namespace {

std::string Quoted(const std::string& text) { return json::WriteJson(json::Value(text)); }

std::string MapText(const std::map<std::string, std::string>& map) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : map) lines.push_back(key + "=" + Quoted(value));
  return base::Join(lines, "\n");
}

int64_t CeilDivide(int64_t value, int64_t by) { return (value + by - 1) / by; }

std::string ResourceText(const kube::Container& container, const std::string& resource,
                         const kube::Quantity& divisor,
                         const node_cgroup::NodeCapacity& allocatable) {
  const bool limit = resource.starts_with("limits.");
  const std::string name = resource.substr(resource.find('.') + 1);
  const kube::ResourceList& list =
      limit ? container.resources.limits : container.resources.requests;
  const auto found = list.find(name);
  kube::Quantity amount;
  if (found != list.end()) {
    amount = found->second;
  } else if (limit && name == "cpu") {
    amount = kube::Quantity::FromMilli(allocatable.milli_cpu);
  } else if (limit && name == "memory") {
    amount = kube::Quantity::FromUnits(allocatable.memory_bytes);
  } else if (limit && name == "ephemeral-storage") {
    amount = kube::Quantity::FromUnits(allocatable.storage_bytes);
  }
  if (name == "cpu")
    return std::to_string(
        CeilDivide(amount.MilliValue(), divisor.IsZero() ? 1000 : divisor.MilliValue()));
  return std::to_string(CeilDivide(amount.Value(), divisor.IsZero() ? 1 : divisor.Value()));
}

}  // namespace

volume::DownwardValues DownwardOf(const kube::Pod& pod, const NodeNames& node,
                                  const std::vector<std::string>& pod_ips,
                                  const node_cgroup::NodeCapacity& allocatable) {
  volume::DownwardValues values;
  const kube::ObjectMeta& metadata = pod.metadata;
  values.fields = {
      {"metadata.name", metadata.name},
      {"metadata.namespace", metadata.namespace_name},
      {"metadata.uid", metadata.uid},
      {"metadata.labels", MapText(metadata.labels)},
      {"metadata.annotations", MapText(metadata.annotations)},
      {"spec.nodeName", node.node_name},
      {"spec.serviceAccountName", pod.spec.service_account_name},
      {"status.hostIP", node.host_ips.empty() ? "" : node.host_ips.front()},
      {"status.hostIPs", base::Join(node.host_ips, ",")},
      {"status.podIP", pod_ips.empty() ? "" : pod_ips.front()},
      {"status.podIPs", base::Join(pod_ips, ",")},
  };
  for (const auto& [key, value] : metadata.labels)
    values.fields["metadata.labels['" + key + "']"] = value;
  for (const auto& [key, value] : metadata.annotations)
    values.fields["metadata.annotations['" + key + "']"] = value;

  const auto add = [&](const kube::ResourceFieldSelector& selector,
                       const std::string& own_container) {
    const std::string name =
        selector.container_name.empty() ? own_container : selector.container_name;
    if (const kube::Container* container = kube::FindContainer(pod.spec, name)) {
      values.resources[volume::ResourceKey(selector, own_container)] =
          ResourceText(*container, selector.resource, selector.divisor, allocatable);
    }
  };
  kube::ForEachContainer(pod.spec, [&](const kube::Container& container) {
    for (const kube::EnvVar& variable : container.env) {
      if (variable.from == kube::EnvVar::From::kResource) add(variable.resource, container.name);
    }
  });
  const auto add_items = [&](const kube::DownwardApiVolume& downward) {
    for (const kube::DownwardApiItem& item : downward.items) {
      if (item.resource) add(*item.resource, "");
    }
  };
  for (const kube::Volume& volume : pod.spec.volumes) {
    if (const auto* downward = std::get_if<kube::DownwardApiVolume>(&volume.source))
      add_items(*downward);
    if (const auto* projected = std::get_if<kube::ProjectedVolume>(&volume.source)) {
      for (const kube::ProjectedSource& source : projected->sources) {
        if (const auto* downward = std::get_if<kube::DownwardApiVolume>(&source))
          add_items(*downward);
      }
    }
  }
  return values;
}

}  // namespace keelson::pod
