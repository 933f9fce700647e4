// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cgroup/resources.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>

namespace keelson::node_cgroup {
namespace {

constexpr int64_t kMinShares = 2, kMaxShares = 262144;
constexpr int64_t kMinQuota = 1000;
constexpr std::string_view kHugePages = "hugepages-";
constexpr int kGuaranteedScore = -997, kBestEffortScore = 1000;

int64_t QuotaOf(int64_t milli_cpu, int64_t period) {
  if (milli_cpu <= 0) return 0;
  if (milli_cpu > std::numeric_limits<int64_t>::max() / period)
    return std::numeric_limits<int64_t>::max() / 1000;
  return std::max(kMinQuota, milli_cpu * period / 1000);
}

const kube::Quantity* Find(const kube::ResourceList& list, const char* name) {
  const auto found = list.find(name);
  return found == list.end() || found->second.IsZero() ? nullptr : &found->second;
}
int64_t MilliCpu(const kube::ResourceList& list) {
  const kube::Quantity* cpu = Find(list, "cpu");
  return cpu == nullptr ? 0 : cpu->MilliValue();
}
int64_t Memory(const kube::ResourceList& list) {
  const kube::Quantity* memory = Find(list, "memory");
  return memory == nullptr ? 0 : memory->Value();
}

void Add(kube::ResourceList& to, const kube::ResourceList& more) {
  for (const auto& [name, quantity] : more) {
    const auto [at, is_new] = to.try_emplace(name, quantity);
    if (!is_new) at->second = at->second + quantity;
  }
}
void Raise(kube::ResourceList& to, const kube::ResourceList& floor) {
  for (const auto& [name, quantity] : floor) {
    const auto [at, is_new] = to.try_emplace(name, quantity);
    if (!is_new && at->second < quantity) at->second = quantity;
  }
}

bool IsSidecar(const kube::Container& container) { return container.restart_policy == "Always"; }
bool IsPodLevel(const std::string& name) {
  return name == "cpu" || name == "memory" || name.starts_with(kHugePages);
}

// The most that the pod uses at any one time: all that run together, or an init step beside the
// sidecars started before it.
kube::ResourceList SumOfContainers(const kube::PodSpec& spec,
                                   kube::ResourceList kube::ResourceRequirements::* which) {
  kube::ResourceList together, sidecars, largest_step;
  for (const kube::Container& container : spec.containers)
    Add(together, container.resources.*which);
  for (const kube::Container& container : spec.init_containers) {
    if (IsSidecar(container)) {
      Add(together, container.resources.*which);
      Add(sidecars, container.resources.*which);
      Raise(largest_step, sidecars);
    } else {
      kube::ResourceList step = sidecars;
      Add(step, container.resources.*which);
      Raise(largest_step, step);
    }
  }
  Raise(together, largest_step);
  return together;
}

void TakePodLevel(kube::ResourceList& sum, const kube::PodSpec& spec,
                  kube::ResourceList kube::ResourceRequirements::* which) {
  if (!spec.resources) return;
  for (const auto& [name, quantity] : (*spec.resources).*which) {
    if (IsPodLevel(name)) sum[name] = quantity;
  }
}

kube::ResourceList PodLimits(const kube::Pod& pod) {
  kube::ResourceList limits = SumOfContainers(pod.spec, &kube::ResourceRequirements::limits);
  TakePodLevel(limits, pod.spec, &kube::ResourceRequirements::limits);
  for (const auto& [name, quantity] : pod.spec.overhead) {
    const auto found = limits.find(name);
    if (found != limits.end() && !found->second.IsZero()) found->second = found->second + quantity;
  }
  return limits;
}

// Of every container, init ones too: one without leaves the pod without.
bool EveryContainerLimits(const kube::Pod& pod, const char* resource) {
  if (pod.spec.resources && Find(pod.spec.resources->limits, resource) != nullptr) return true;
  const auto limits = [&](const kube::Container& container) {
    return Find(container.resources.limits, resource) != nullptr;
  };
  return std::all_of(pod.spec.containers.begin(), pod.spec.containers.end(), limits) &&
         std::all_of(pod.spec.init_containers.begin(), pod.spec.init_containers.end(), limits);
}

}  // namespace

int64_t SharesOf(int64_t milli_cpu) {
  if (milli_cpu <= 0) return kMinShares;
  if (milli_cpu >= kMaxShares * 1000 / 1024) return kMaxShares;
  return std::max(kMinShares, milli_cpu * 1024 / 1000);
}

QosClass QosOf(const kube::Pod& pod) {
  kube::ResourceList requests, limits;
  bool all_limited = true;
  const auto take = [&](const kube::ResourceRequirements& resources) {
    for (const char* name : {"cpu", "memory"}) {
      if (const kube::Quantity* request = Find(resources.requests, name))
        Add(requests, {{name, *request}});
      const kube::Quantity* limit = Find(resources.limits, name);
      if (limit != nullptr) Add(limits, {{name, *limit}});
      all_limited = all_limited && limit != nullptr;
    }
  };
  const auto names_any = [](const kube::ResourceList& list) {
    return std::any_of(list.begin(), list.end(),
                       [](const auto& entry) { return IsPodLevel(entry.first); });
  };
  if (pod.spec.resources &&
      (names_any(pod.spec.resources->requests) || names_any(pod.spec.resources->limits))) {
    take(*pod.spec.resources);
  } else {
    for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
      for (const kube::Container& container : *list) take(container.resources);
    }
  }
  if (requests.empty() && limits.empty()) return QosClass::kBestEffort;
  return all_limited && requests == limits ? QosClass::kGuaranteed : QosClass::kBurstable;
}

std::string QosName(QosClass qos) {
  switch (qos) {
    case QosClass::kGuaranteed:
      return "Guaranteed";
    case QosClass::kBurstable:
      return "Burstable";
    case QosClass::kBestEffort:
      return "BestEffort";
  }
  return "BestEffort";
}

Shares SharesOfContainer(const kube::Container& container, const CpuQuota& rule) {
  const int64_t limit = MilliCpu(container.resources.limits);
  const int64_t request = MilliCpu(container.resources.requests);
  Shares shares;
  shares.cpu_shares = SharesOf(request == 0 ? limit : request);
  // Nothing is said of what is not enforced.
  shares.cpu_period = rule.enforced ? rule.period : 0;
  if (rule.enforced) shares.cpu_quota = QuotaOf(limit, shares.cpu_period);
  shares.memory_bytes = Memory(container.resources.limits);
  return shares;
}

Shares SharesOfPod(const kube::Pod& pod, const CpuQuota& rule) {
  Shares shares;
  shares.cpu_period = rule.period;
  const QosClass qos = QosOf(pod);
  if (qos == QosClass::kBestEffort) return shares;
  const kube::ResourceList limits = PodLimits(pod);
  shares.cpu_shares = SharesOf(MilliCpu(PodRequests(pod)));
  if (rule.enforced && (qos == QosClass::kGuaranteed || EveryContainerLimits(pod, "cpu")))
    shares.cpu_quota = QuotaOf(MilliCpu(limits), shares.cpu_period);
  if (qos == QosClass::kGuaranteed || EveryContainerLimits(pod, "memory"))
    shares.memory_bytes = Memory(limits);
  return shares;
}

std::string HugePageResource(int64_t page_bytes) {
  static constexpr const char* kUnits[] = {"", "Ki", "Mi", "Gi", "Ti"};
  size_t unit = 0;
  for (; page_bytes > 0 && page_bytes % 1024 == 0 && unit + 1 < std::size(kUnits); ++unit)
    page_bytes /= 1024;
  return std::string(kHugePages) + std::to_string(page_bytes) + kUnits[unit];
}

std::string HugePageUnit(int64_t page_bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (; page_bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) page_bytes /= 1024;
  return std::to_string(page_bytes) + kUnits[unit];
}

int64_t HugePageSize(const std::string& resource) {
  if (!resource.starts_with(kHugePages)) return 0;
  const base::Result<kube::Quantity> size =
      kube::Quantity::Parse(resource.substr(kHugePages.size()));
  return size.ok() ? std::max<int64_t>(size->Value(), 0) : 0;
}

std::map<std::string, int64_t> HugePageLimits(const kube::ResourceList& amounts,
                                              const NodeCapacity& node) {
  std::map<std::string, int64_t> limits;
  for (const auto& [resource, bytes] : node.huge_pages)
    limits[HugePageUnit(HugePageSize(resource))] = 0;
  for (const auto& [resource, amount] : amounts) {
    const auto known = limits.find(HugePageUnit(HugePageSize(resource)));
    if (known != limits.end()) known->second = amount.Value();
  }
  return limits;
}

kube::ResourceList PodRequests(const kube::Pod& pod) {
  kube::ResourceList requests = SumOfContainers(pod.spec, &kube::ResourceRequirements::requests);
  TakePodLevel(requests, pod.spec, &kube::ResourceRequirements::requests);
  Add(requests, pod.spec.overhead);
  return requests;
}

int OomScoreAdjust(const kube::Pod& pod, const kube::Container& container,
                   const NodeCapacity& capacity) {
  if (pod.spec.priority_class_name == "system-node-critical") return kGuaranteedScore;
  const QosClass qos = QosOf(pod);
  if (qos == QosClass::kGuaranteed) return kGuaranteedScore;
  if (qos == QosClass::kBestEffort || capacity.memory_bytes <= 0) return kBestEffortScore;

  // What the pod asks for as a whole and no container names for itself is divided among those that
  // run together.
  int64_t unassigned = 0;
  if (pod.spec.resources && !pod.spec.resources->requests.empty()) {
    const auto& init = pod.spec.init_containers;
    const int64_t sharing = static_cast<int64_t>(pod.spec.containers.size()) +
                            std::count_if(init.begin(), init.end(), IsSidecar);
    const int64_t assigned =
        Memory(SumOfContainers(pod.spec, &kube::ResourceRequirements::requests));
    const int64_t whole = Memory(pod.spec.resources->requests);
    if (whole > assigned && sharing > 0) unassigned = (whole - assigned) / sharing;
  }
  const auto score_of = [&](int64_t request) {
    return 1000 - static_cast<int64_t>(kube::Wide{1000} * (kube::Wide{request} + unassigned) /
                                       capacity.memory_bytes);
  };
  int64_t score = score_of(Memory(container.resources.requests));
  const bool init =
      std::any_of(pod.spec.init_containers.begin(), pod.spec.init_containers.end(),
                  [&](const kube::Container& other) { return other.name == container.name; });
  if (init && IsSidecar(container)) {
    // A sidecar dies after the regular containers: as late as the one that asked for least, at
    // least.
    int64_t least = std::numeric_limits<int64_t>::max();
    for (const kube::Container& regular : pod.spec.containers)
      least = std::min(least, Memory(regular.resources.requests));
    if (!pod.spec.containers.empty()) score = std::min(score, score_of(least));
  }
  return static_cast<int>(
      std::clamp<int64_t>(score, 1000 + kGuaranteedScore, kBestEffortScore - 1));
}

std::vector<std::string> PodGroup(const kube::Pod& pod) {
  const std::string name = "pod" + pod.metadata.uid;
  switch (QosOf(pod)) {
    case QosClass::kGuaranteed:
      return {name};
    case QosClass::kBurstable:
      return {"burstable", name};
    case QosClass::kBestEffort:
      break;
  }
  return {"besteffort", name};
}

}  // namespace keelson::node_cgroup
