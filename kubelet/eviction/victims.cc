// SPDX-License-Identifier: Apache-2.0
#include "kubelet/eviction/victims.h"

#include <fmt/format.h>

#include <algorithm>

#include "kubelet/cgroup/resources.h"
#include "kubelet/pod/preemption.h"
#include "lib/base/strings.h"
#include "lib/json/text.h"

namespace keelson::eviction {
namespace {

constexpr char kStorage[] = "ephemeral-storage";

int64_t AmountOf(const kube::ResourceList& list, const std::string& resource) {
  const auto found = list.find(resource);
  return found == list.end() ? 0 : found->second.Value();
}

DiskUse operator+(const DiskUse& a, const DiskUse& b) {
  return {a.bytes + b.bytes, a.inodes + b.inodes};
}

// What the pod has on the file system of the signal.
DiskUse OnDisk(const PodUse& use, Signal signal, bool apart) {
  DiskUse sum;
  for (const ContainerUse& container : use.containers) {
    if (!apart || IsOfImages(signal)) sum = sum + container.layer;
    if (!apart || !IsOfImages(signal)) sum = sum + container.logs;
  }
  if (!apart || !IsOfImages(signal)) {
    for (const auto& [name, volume] : use.volumes) sum = sum + volume;
  }
  return sum;
}

struct Standing {
  bool known = false, over = false;
  int32_t priority = 0;
  int64_t excess = 0;  // beyond what was asked for
};
Standing StandingOf(const Candidate& candidate, Signal signal, bool apart) {
  Standing standing;
  standing.priority = candidate.pod->spec.priority.value_or(0);
  if (!candidate.use) return standing;
  standing.known = true;
  const PodUse& use = *candidate.use;
  if (signal == Signal::kPids) {
    standing.excess = use.processes;
    return standing;  // nobody asks for processes
  }
  int64_t used = use.memory;
  if (IsOfDisk(signal)) {
    const DiskUse disk = OnDisk(use, signal, apart);
    used = ResourceOf(signal) == kStorage ? disk.bytes : disk.inodes;
  }
  const int64_t asked = AmountOf(node_cgroup::PodRequests(*candidate.pod), ResourceOf(signal));
  standing.over = used > asked;
  standing.excess = used - asked;
  return standing;
}

std::string RequestText(const kube::Container& container, const std::string& resource) {
  const auto found = container.resources.requests.find(resource);
  return found == container.resources.requests.end() ? "0" : found->second.Canonical();
}

bool Tolerates(const kube::Pod& pod, const std::string& key, const std::string& effect) {
  const auto& tolerations = pod.object.At({"spec", "tolerations"}).items();
  return std::any_of(tolerations.begin(), tolerations.end(), [&](const json::Value& one) {
    const std::string &its_key = one.At({"key"}).AsString(),
                      &its_effect = one.At({"effect"}).AsString();
    if (!its_effect.empty() && its_effect != effect) return false;
    if (one.At({"operator"}).AsString() == "Exists") return its_key.empty() || its_key == key;
    return its_key == key && one.At({"value"}).AsString().empty();
  });
}

bool IsOnDisk(const kube::EmptyDirVolume& volume) { return volume.medium.empty(); }

}  // namespace

void Rank(std::vector<Candidate>& candidates, Signal signal, bool apart) {
  std::vector<std::pair<Standing, Candidate>> standings;
  for (Candidate& candidate : candidates)
    standings.emplace_back(StandingOf(candidate, signal, apart), std::move(candidate));
  std::stable_sort(standings.begin(), standings.end(), [&](const auto& first, const auto& second) {
    const Standing &a = first.first, &b = second.first;
    // Of whom nothing is known goes first, but for processes: there priority is all.
    if (signal != Signal::kPids) {
      if (a.known != b.known) return !a.known;
      if (a.over != b.over) return a.over;
    }
    if (a.priority != b.priority) return a.priority < b.priority;
    if (a.known != b.known) return !a.known;
    return a.excess > b.excess;
  });
  candidates.clear();
  for (auto& [standing, candidate] : standings) candidates.push_back(std::move(candidate));
}

bool MayBeEvicted(const kube::Pod& pod) { return !pod::IsCritical(pod); }

Notice NoticeOf(const Threshold& shortage, const Observations& observations,
                const Candidate& candidate) {
  const std::string resource = ResourceOf(shortage.signal);
  Notice notice;
  notice.message = fmt::format("The node was low on resource: {}. ", resource);
  if (const auto seen = observations.find(shortage.signal); seen != observations.end()) {
    const int64_t left = seen->second.available;
    const bool bytes = resource == "memory" || resource == kStorage;
    notice.message += fmt::format(
        "Threshold quantity: {}, available: {}. ", shortage.least.Text(seen->second.capacity),
        bytes ? BytesText(left) : kube::Quantity::FromUnits(left).Canonical());
  }
  if (!candidate.use) return notice;
  const kube::PodSpec& spec = candidate.pod->spec;
  std::vector<std::string> names, amounts;
  if (resource == "memory" && spec.resources && spec.resources->requests.contains(resource)) {
    const std::string used = BytesText(candidate.use->memory);
    notice.message +=
        fmt::format("Pod {} was using {}, request is {}, has larger consumption of {}. ",
                    candidate.pod->metadata.name, used,
                    spec.resources->requests.at(resource).Canonical(), resource);
    notice.annotations["offending_pod"] = candidate.pod->metadata.name;
    notice.annotations["offending_pod_usage"] = used;
  }
  for (const ContainerUse& use : candidate.use->containers) {
    const kube::Container* container = kube::FindContainer(spec, use.name);
    const bool ephemeral =
        std::any_of(spec.ephemeral_containers.begin(), spec.ephemeral_containers.end(),
                    [&](const kube::Container& one) { return one.name == use.name; });
    if (container == nullptr || ephemeral || (resource != "memory" && resource != kStorage))
      continue;
    const int64_t used = resource == "memory" ? use.memory : (use.layer + use.logs).bytes;
    if (used <= AmountOf(container->resources.requests, resource)) continue;
    names.push_back(use.name);
    amounts.push_back(BytesText(used));
    notice.message +=
        fmt::format("Container {} was using {}, request is {}, has larger consumption of {}. ",
                    use.name, amounts.back(), RequestText(*container, resource), resource);
  }
  notice.annotations["offending_containers"] = base::Join(names, ",");
  notice.annotations["offending_containers_usage"] = base::Join(amounts, ",");
  notice.annotations["starved_resource"] = resource;
  return notice;
}

bool HasDiskLimits(const kube::Pod& pod) {
  for (const kube::Volume& volume : pod.spec.volumes) {
    const auto* empty = std::get_if<kube::EmptyDirVolume>(&volume.source);
    if (empty != nullptr && IsOnDisk(*empty) && empty->size_limit && !empty->size_limit->IsZero())
      return true;
  }
  bool limited = false;
  kube::ForEachContainer(pod.spec, [&](const kube::Container& container) {
    limited = limited || AmountOf(container.resources.limits, kStorage) > 0;
  });
  return limited;
}

std::optional<std::string> OverItsLimits(const Candidate& candidate, bool apart) {
  if (!candidate.use) return std::nullopt;
  const kube::PodSpec& spec = candidate.pod->spec;
  const PodUse& use = *candidate.use;
  int64_t total = 0;
  for (const ContainerUse& container : use.containers)
    total += (container.layer + container.logs).bytes;
  for (const kube::Volume& volume : spec.volumes) {
    const auto* empty = std::get_if<kube::EmptyDirVolume>(&volume.source);
    const auto used = use.volumes.find(volume.name);
    if (used == use.volumes.end()) continue;
    total += used->second.bytes;
    if (empty == nullptr || !IsOnDisk(*empty) || !empty->size_limit) continue;
    const int64_t most = empty->size_limit->Value();
    if (most > 0 && used->second.bytes > most) {
      return fmt::format("Usage of EmptyDir volume {} exceeds the limit {}. ",
                         json::Quote(volume.name), json::Quote(empty->size_limit->Canonical()));
    }
  }
  kube::Quantity together;
  for (const kube::Container& container : spec.containers) {
    const auto limit = container.resources.limits.find(kStorage);
    if (limit != container.resources.limits.end()) together = together + limit->second;
  }
  if (!together.IsZero() && total > together.Value()) {
    return fmt::format(
        "Pod ephemeral local storage usage exceeds the total limit of containers {}. ",
        together.Canonical());
  }
  for (const ContainerUse& one : use.containers) {
    const auto container =
        std::find_if(spec.containers.begin(), spec.containers.end(),
                     [&](const kube::Container& known) { return known.name == one.name; });
    if (container == spec.containers.end()) continue;
    const auto limit = container->resources.limits.find(kStorage);
    if (limit == container->resources.limits.end() || limit->second.IsZero()) continue;
    const int64_t used = one.logs.bytes + (apart ? 0 : one.layer.bytes);
    if (used > limit->second.Value()) {
      return fmt::format("Container {} exceeded its local ephemeral storage limit {}. ", one.name,
                         json::Quote(limit->second.Canonical()));
    }
  }
  return std::nullopt;
}

std::optional<pod::End> RefusalUnder(const std::set<Condition>& conditions, const kube::Pod& pod) {
  if (conditions.empty() || pod::IsCritical(pod)) return std::nullopt;
  if (conditions == std::set{Condition::kMemoryPressure} &&
      (node_cgroup::QosOf(pod) != node_cgroup::QosClass::kBestEffort ||
       Tolerates(pod, "node.kubernetes.io/memory-pressure", "NoSchedule")))
    return std::nullopt;
  std::vector<std::string> names;
  for (const Condition condition : conditions) names.push_back(NameOf(condition));
  return pod::End{"Evicted", "The node had condition: [" + base::Join(names, " ") + "]. "};
}

}  // namespace keelson::eviction
