// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/collector.h"

#include <algorithm>

#include "runtime/stats/convert.h"

namespace keelson::stats {

namespace {

// In a list that is sorted by the targets' ids.
template <typename SamplePtr>
SamplePtr FindSample(const std::vector<SamplePtr>& samples, const std::string& id) {
  const auto at = std::lower_bound(samples.begin(), samples.end(), id,
                                   [](const SamplePtr& sample, const std::string& wanted) {
                                     return sample->target->id < wanted;
                                   });
  return at == samples.end() || (*at)->target->id != id ? nullptr : *at;
}

}  // namespace

void Rate::Add(int64_t at, uint64_t total, std::chrono::nanoseconds shortest) {
  if (at_ != 0 && at - at_ < shortest.count()) return;
  rate_.reset();
  if (at_ != 0 && total >= total_) {
    rate_ = static_cast<uint64_t>(static_cast<double>(total - total_) * 1e9 /
                                  static_cast<double>(at - at_));
  }
  at_ = at;
  total_ = total;
}

Collector::Collector(const Source& source, const base::Clock& clock, CollectorOptions options)
    : source_(source),
      clock_(clock),
      options_(std::move(options)),
      budget_(options_.most_descriptors),
      disk_(clock, options_.disk_period) {}

void Collector::Rest() {
  containers_.clear();
  pods_.clear();
  disk_.Want({});
}

void Collector::Forget(const Targets& targets) {
  std::set<std::string_view> live;
  for (const ContainerTargetPtr& target : targets.containers) live.insert(target->id);
  for (const PodTargetPtr& target : targets.pods) live.insert(target->id);
  std::erase_if(containers_, [&](const auto& entry) { return !live.contains(entry.first); });
  std::erase_if(pods_, [&](const auto& entry) { return !live.contains(entry.first); });
  std::map<std::string, std::string> layers;
  for (const ContainerTargetPtr& target : targets.containers) {
    if (!target->writable_layer.empty()) layers.emplace(target->id, target->writable_layer);
  }
  disk_.Want(std::move(layers));
}

ContainerSamplePtr Collector::Measure(const ContainerTargetPtr& target, const Scope& scope) {
  Container& state = containers_[target->id];
  if (!state.reader) {
    state.reader = std::make_unique<cgroup::UsageReader>(options_.cgroups, target->cgroup_path,
                                                         budget_, clock_);
  }
  auto sample = std::make_shared<ContainerSample>();
  sample->target = target;
  base::Result<cgroup::Usage> usage =
      state.reader->Read(scope.everything ? cgroup::Detail::kAll : cgroup::Detail::kBasic);
  if (usage.ok()) {
    if (usage->cpu) state.cpu.Add(usage->cpu_at, usage->cpu->total_ns, options_.shortest_rate);
    if (scope.everything) sample->processes = ReadProcesses(usage->pids, target->pid);
    sample->usage = std::move(*usage);
    sample->nano_cores = state.cpu.per_second();
  }
  sample->disk = disk_.Find(target->id);
  sample->message = ContainerMessage(*sample, options_.filesystem);
  return sample;
}

PodSample Collector::Measure(const PodTargetPtr& target, bool alone) {
  PodSample sample;
  sample.target = target;
  Pod& state = pods_[target->id];
  if (!alone || target->cgroup_path.empty()) return sample;
  if (!state.reader) {
    state.reader = std::make_unique<cgroup::UsageReader>(options_.cgroups, target->cgroup_path,
                                                         budget_, clock_);
  }
  base::Result<cgroup::Usage> usage = state.reader->Read(cgroup::Detail::kTotals);
  if (!usage.ok()) return sample;
  if (usage->cpu) state.cpu.Add(usage->cpu_at, usage->cpu->total_ns, options_.shortest_rate);
  sample.usage = std::move(*usage);
  sample.nano_cores = state.cpu.per_second();
  return sample;
}

void Collector::MeasureLinks(std::vector<PodSample>& pods) {
  std::vector<std::string> paths;
  std::vector<Pod*> unopened;
  for (const PodSample& sample : pods) {
    Pod& state = pods_[sample.target->id];
    if (sample.target->netns_path.empty() || state.links) continue;
    paths.push_back(sample.target->netns_path);
    unopened.push_back(&state);
  }
  std::vector<base::Result<os::UniqueFd>> opened = OpenLinks(paths);
  for (size_t i = 0; i < opened.size(); ++i) {
    if (opened[i].ok()) unopened[i]->links = std::move(*opened[i]);
  }
  // Those that are too many to stay open were opened for this round alone.
  int kept = options_.most_descriptors / 4;
  for (PodSample& sample : pods) {
    Pod& state = pods_[sample.target->id];
    if (!state.links) continue;
    base::Result<std::vector<Link>> links = ReadLinks(state.links.get());
    if (links.ok()) {
      sample.links = std::move(*links);
      sample.links_at = clock_.WallNanos();
    }
    if (--kept < 0) state.links.reset();
  }
}

void Collector::AddPods(const Targets& targets, const Snapshot* before, Snapshot& snapshot) {
  std::map<std::string, int> sharing;  // group → pods
  for (const PodTargetPtr& target : targets.pods) ++sharing[target->cgroup_path];
  std::map<std::string_view, std::vector<ContainerSamplePtr>> containers;
  for (const ContainerSamplePtr& sample : snapshot.containers)
    containers[sample->target->sandbox_id].push_back(sample);
  std::vector<PodSample> fresh;
  for (const PodTargetPtr& target : targets.pods) {
    const PodSamplePtr known = before != nullptr ? FindSample(before->pods, target->id) : nullptr;
    if (known && known->target == target) {
      if (known->containers == containers[target->id]) {
        snapshot.pods.push_back(known);
        continue;
      }
      auto copy = std::make_shared<PodSample>(*known);
      copy->containers = containers[target->id];
      copy->message = PodMessage(*copy);
      snapshot.pods.push_back(copy);
      continue;
    }
    fresh.push_back(Measure(target, sharing[target->cgroup_path] == 1));
  }
  MeasureLinks(fresh);
  for (PodSample& sample : fresh) {
    sample.containers = containers[sample.target->id];
    sample.message = PodMessage(sample);
    snapshot.pods.push_back(std::make_shared<PodSample>(std::move(sample)));
  }
  std::sort(
      snapshot.pods.begin(), snapshot.pods.end(),
      [](const PodSamplePtr& a, const PodSamplePtr& b) { return a->target->id < b->target->id; });
}

SnapshotPtr Collector::Whole(Scope scope) {
  const Targets targets = source_.Live();
  Forget(targets);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = targets.generation;
  snapshot->scope = scope;
  snapshot->taken = clock_.Steady();
  for (const ContainerTargetPtr& target : targets.containers)
    snapshot->containers.push_back(Measure(target, scope));
  if (scope.pods) AddPods(targets, nullptr, *snapshot);
  return snapshot;
}

SnapshotPtr Collector::Completed(const SnapshotPtr& before) {
  const Targets targets = source_.Live();
  Forget(targets);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = targets.generation;
  snapshot->scope = before->scope;
  snapshot->taken = before->taken;
  for (const ContainerTargetPtr& target : targets.containers) {
    const ContainerSamplePtr known = FindSample(before->containers, target->id);
    snapshot->containers.push_back(
        known && known->target == target ? known : Measure(target, before->scope));
  }
  if (before->scope.pods) AddPods(targets, before.get(), *snapshot);
  return snapshot;
}

}  // namespace keelson::stats
