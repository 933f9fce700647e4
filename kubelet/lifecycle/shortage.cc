// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/shortage.h"

#include <algorithm>

#include "kubelet/lifecycle/disk_use.h"
#include "kubelet/node/pressure.h"
#include "kubelet/pod/names.h"
#include "lib/base/log.h"
#include "lib/os/files.h"

namespace keelson::lifecycle {

using eviction::Candidate;
using eviction::Condition;
using eviction::PodUse;
using eviction::Signal;
using eviction::Threshold;

namespace {

constexpr std::chrono::seconds kCleanUp{30};  // a pod that was evicted is waited for so long
constexpr int64_t kAtOnce = 1;                // second of grace, as upstream

template <typename Labels>
std::string LabelOf(const Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

eviction::ContainerUse UseOf(const cri::ContainerStats& stats) {
  eviction::ContainerUse use;
  use.name = LabelOf(stats.attributes().labels(), pod::kContainerNameLabel);
  if (use.name.empty()) use.name = stats.attributes().metadata().name();
  use.memory = static_cast<int64_t>(stats.memory().working_set_bytes().value());
  use.layer = {static_cast<int64_t>(stats.writable_layer().used_bytes().value()),
               static_cast<int64_t>(stats.writable_layer().inodes_used().value())};
  return use;
}

// Every folder of <volumes>/<kind>/<name>, and the logs of each container.
void Measure(const Shortage::Place& place, PodUse& use) {
  for (const os::DirEntry& kind : os::ListDir(place.volumes).ValueOr({})) {
    const std::string folder = place.volumes + "/" + kind.name;
    for (const os::DirEntry& volume : os::ListDir(folder).ValueOr({})) {
      if (const base::Result<eviction::DiskUse> disk = DiskUseOf(folder + "/" + volume.name);
          disk.ok())
        use.volumes[volume.name] = *disk;
    }
  }
  for (const os::DirEntry& container : os::ListDir(place.logs).ValueOr({})) {
    const base::Result<eviction::DiskUse> disk = DiskUseOf(place.logs + "/" + container.name);
    if (!disk.ok()) continue;
    const auto known =
        std::find_if(use.containers.begin(), use.containers.end(),
                     [&](const eviction::ContainerUse& one) { return one.name == container.name; });
    if (known != use.containers.end()) {
      known->logs = *disk;
    } else {
      use.containers.push_back({.name = container.name, .logs = *disk});
    }
  }
}

std::string EventOf(Condition condition, bool holds) {
  switch (condition) {
    case Condition::kMemoryPressure:
      return holds ? "NodeHasInsufficientMemory" : "NodeHasSufficientMemory";
    case Condition::kDiskPressure:
      return holds ? "NodeHasDiskPressure" : "NodeHasNoDiskPressure";
    case Condition::kPidPressure:
      break;
  }
  return holds ? "NodeHasInsufficientPID" : "NodeHasSufficientPID";
}

}  // namespace

struct Shortage::Outside {
  cri_client::RuntimeClient& runtime;
  node_cgroup::PodCgroups& cgroups;
  const ShortageSettings settings;

  Seen Observe(const Places& pods) const {
    Seen seen;
    std::string images;
    if (const base::Result<cri::ImageFsInfoResponse> info = runtime.ImageFsInfo();
        info.ok() && !info->image_filesystems().empty())
      images = info->image_filesystems(0).fs_id().mountpoint();
    node::Supply supply = node::LookAtSupply(settings.root_dir, images);
    seen.left = std::move(supply.left);
    seen.images_apart = supply.images_apart;
    if (const base::Result<int64_t> used = cgroups.WorkingSet();
        used.ok() && settings.pods_memory > 0) {
      seen.left[Signal::kPodsMemory] = {std::max<int64_t>(0, settings.pods_memory - *used),
                                        settings.pods_memory};
    }
    if (pods.empty()) return seen;
    for (const auto& [uid, place] : pods) seen.asked.insert(uid);
    const auto listed = runtime.ListPodSandboxStats();
    if (!listed.ok()) {
      base::LogWarn("the runtime does not say what pods use: who must go is chosen without",
                    {{"error", listed.error()}});
      return seen;
    }
    for (const cri::PodSandboxStats& stats : *listed) {
      const std::string uid = stats.attributes().metadata().uid();
      if (!pods.contains(uid)) continue;
      PodUse& use = seen.use[uid];
      use.memory = static_cast<int64_t>(stats.linux().memory().working_set_bytes().value());
      use.processes = static_cast<int64_t>(stats.linux().process().process_count().value());
      for (const cri::ContainerStats& container : stats.linux().containers())
        use.containers.push_back(UseOf(container));
    }
    for (const auto& [uid, place] : pods) {
      if (const auto use = seen.use.find(uid); use != seen.use.end() && place.second)
        Measure(place.first, use->second);
    }
    return seen;
  }
};

Shortage::Shortage(os::EventLoop& loop, async::Executor& workers, base::Clock& clock,
                   cri_client::RuntimeClient& runtime, node_cgroup::PodCgroups& cgroups,
                   ShortageSettings settings, Owner owner)
    : loop_(loop),
      workers_(workers),
      clock_(clock),
      outside_(std::make_shared<const Outside>(Outside{runtime, cgroups, settings})),
      settings_(std::move(settings)),
      owner_(std::move(owner)) {}

void Shortage::LookAgain(std::chrono::milliseconds after) {
  looking_ = false;
  loop_.CancelTimer(timer_);
  timer_ = loop_.After(after, [this] { Look(); });
}

void Shortage::Look() {
  if (looking_) return;
  looking_ = true;
  Places places;  // of pods whose use of the disk is limited
  for (const Subject& subject : owner_.pods()) {
    if (eviction::HasDiskLimits(*subject.pod))
      places[subject.pod->metadata.uid] = {subject.place, true};
  }
  workers_.Post([this, &loop = loop_, outside = outside_, places = std::move(places)] {
    Seen seen = outside->Observe(places);
    loop.Post([this, seen = std::move(seen)] { Judge(seen); });
  });
}

void Shortage::Judge(const Seen& seen) {
  const int64_t now = clock_.Steady().time_since_epoch().count();
  const eviction::Verdict verdict = eviction::Judge(settings_.rules, seen.left, now, state_);
  SetConditions(verdict.conditions);
  if (EvictThoseOverLimits(seen)) return LookAgain(settings_.period);
  const bool waits = !awaited_.empty() && clock_.Steady() < awaited_until_;
  if (!waits) awaited_.clear();
  if (verdict.shortages.empty() || waits) return LookAgain(settings_.period);
  const Threshold& shortage = verdict.shortages.front();
  owner_.tell(true, "EvictionThresholdMet",
              "Attempting to reclaim " + eviction::ResourceOf(shortage.signal));
  Ask(shortage);
}

void Shortage::SetConditions(const std::set<Condition>& now) {
  for (const Condition condition :
       {Condition::kMemoryPressure, Condition::kDiskPressure, Condition::kPidPressure}) {
    if (now.contains(condition) == conditions_.contains(condition)) continue;
    const std::string event = EventOf(condition, now.contains(condition));
    owner_.tell(false, event, "Node status is now: " + event);
  }
  conditions_ = now;
  owner_.conditions(conditions_);
}

// Makes what room there is without ending anything, then looks at all pods.
void Shortage::Ask(const Threshold& shortage) {
  Places places;
  for (const Subject& subject : owner_.pods())
    places[subject.pod->metadata.uid] = {subject.place, eviction::IsOfDisk(shortage.signal)};
  const bool disk = eviction::IsOfDisk(shortage.signal);
  workers_.Post([this, &loop = loop_, outside = outside_, places = std::move(places), shortage,
                 disk, remains = disk ? owner_.remains() : std::vector<std::function<void()>>()] {
    for (const auto& remove : remains) remove();
    if (disk && outside->settings.remove_images) {
      if (const base::Status done = outside->settings.remove_images(); !done.ok())
        base::LogWarn("images that nobody uses are still there, going on",
                      {{"error", done.error()}});
    }
    Seen seen = outside->Observe(places);
    loop.Post([this, seen = std::move(seen), shortage] { Choose(shortage, seen); });
  });
}

std::vector<Candidate> Shortage::Candidates(const Seen& seen) {
  std::vector<Candidate> candidates;
  for (const Subject& subject : owner_.pods()) {
    if (!seen.asked.contains(subject.pod->metadata.uid)) continue;  // it came meanwhile
    Candidate& candidate = candidates.emplace_back();
    candidate.pod = subject.pod;
    if (const auto use = seen.use.find(subject.pod->metadata.uid); use != seen.use.end())
      candidate.use = use->second;
  }
  return candidates;
}

void Shortage::Choose(const Threshold& shortage, const Seen& seen) {
  if (eviction::IsOfDisk(shortage.signal) && eviction::IsEnough(settings_.rules, seen.left)) {
    base::LogInfo("there is enough again without the end of any pod",
                  {{"resource", eviction::ResourceOf(shortage.signal)}});
    return LookAgain(settings_.period);
  }
  std::vector<Candidate> candidates = Candidates(seen);
  eviction::Rank(candidates, shortage.signal, seen.images_apart);
  const auto victim = std::find_if(candidates.begin(), candidates.end(), [](const Candidate& one) {
    return eviction::MayBeEvicted(*one.pod);
  });
  if (victim == candidates.end()) {
    base::LogWarn("there is no pod that could be evicted, looking again in a moment",
                  {{"resource", eviction::ResourceOf(shortage.signal)}});
    return LookAgain(settings_.period);
  }
  const int64_t own = victim->pod->spec.termination_grace_period_seconds;
  int64_t grace = kAtOnce;
  if (!shortage.IsHard()) {
    const int64_t most = settings_.max_pod_grace_seconds;
    grace = most < 0 ? own : std::min(own, most);
  }
  Evict(*victim, grace, eviction::NoticeOf(shortage, seen.left, *victim), true);
  LookAgain(settings_.period);
}

bool Shortage::EvictThoseOverLimits(const Seen& seen) {
  bool any = false;
  for (const Candidate& candidate : Candidates(seen)) {
    const std::optional<std::string> message =
        eviction::OverItsLimits(candidate, seen.images_apart);
    if (!message || !eviction::MayBeEvicted(*candidate.pod)) continue;
    Evict(candidate, kAtOnce, {*message, {}}, false);
    any = true;
  }
  return any;
}

void Shortage::Evict(const Candidate& candidate, int64_t grace_seconds, eviction::Notice notice,
                     bool disruption) {
  pod::End end{"Evicted", notice.message};
  end.grace_seconds = grace_seconds;
  if (disruption) end.disruption = notice.message;
  awaited_.insert(candidate.pod->metadata.uid);
  awaited_until_ = clock_.Steady() + kCleanUp;
  owner_.evict(candidate.pod->metadata.uid, std::move(end), std::move(notice));
}

void Shortage::Cleaned(const std::string& uid) {
  if (awaited_.erase(uid) == 0 || !awaited_.empty() || looking_) return;
  LookAgain(std::chrono::milliseconds(0));
}

}  // namespace keelson::lifecycle
