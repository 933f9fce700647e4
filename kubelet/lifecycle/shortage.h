// SPDX-License-Identifier: Apache-2.0
// Looks each ten seconds at what is left on the node and does what kubelet/eviction says: tells the
// node's conditions, makes room by removing what ended and images that nobody uses, then evicts one
// pod, and looks again when nothing of it is left. Pods that took more of the disk than they may go
// too. What pods use is asked of the runtime only when it matters. Everything on the loop's thread
// but what workers do; those know only what outlives this object.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cri-api/client/runtime_client.h"
#include "kubelet/cgroup/pod_cgroups.h"
#include "kubelet/eviction/victims.h"
#include "kubelet/eviction/watch.h"
#include "lib/async/executor.h"
#include "lib/base/clock.h"
#include "lib/os/event_loop.h"

namespace keelson::lifecycle {

struct ShortageSettings {
  eviction::Rules rules;
  int64_t max_pod_grace_seconds = 0;                 // of soft thresholds; negative: the pod's own
  int64_t pods_memory = 0;                           // what all of them together may have
  std::string root_dir;                              // where volumes are
  std::function<base::Status()> remove_images = {};  // that nobody uses; from a worker
  std::chrono::milliseconds period{10'000};
};

class Shortage {
 public:
  struct Place {  // where a pod writes to the disk
    std::string volumes, logs;
  };
  struct Subject {
    const kube::Pod* pod = nullptr;
    Place place;
  };
  struct Owner {
    // Pods that may be evicted or count: those that have not come to their end.
    std::function<std::vector<Subject>()> pods;
    // Calls for the removal of what ended pods have left of their containers; from a worker.
    std::function<std::vector<std::function<void()>>()> remains;
    std::function<void(const std::string& uid, pod::End end, eviction::Notice notice)> evict;
    // The node's conditions are these now.
    std::function<void(const std::set<eviction::Condition>&)> conditions;
    std::function<void(bool warning, const std::string& reason, const std::string& message)> tell;
  };
  Shortage(os::EventLoop& loop, async::Executor& workers, base::Clock& clock,
           cri_client::RuntimeClient& runtime, node_cgroup::PodCgroups& cgroups,
           ShortageSettings settings, Owner owner);
  void Start() { Look(); }
  // Nothing of a pod is left on the node but its records.
  void Cleaned(const std::string& uid);
  const std::set<eviction::Condition>& conditions() const { return conditions_; }

 private:
  struct Seen {
    eviction::Observations left;
    bool images_apart = false;
    std::set<std::string> asked;                  // uids of pods that there were
    std::map<std::string, eviction::PodUse> use;  // of those, by uid
  };
  using Places = std::map<std::string, std::pair<Place, bool>>;  // by uid; whether to measure it
  struct Outside;                                                // what a worker may use

  void Look();
  void LookAgain(std::chrono::milliseconds after);
  void Judge(const Seen& seen);
  void SetConditions(const std::set<eviction::Condition>& now);
  void Ask(const eviction::Threshold& shortage);
  void Choose(const eviction::Threshold& shortage, const Seen& seen);
  bool EvictThoseOverLimits(const Seen& seen);
  void Evict(const eviction::Candidate& candidate, int64_t grace_seconds, eviction::Notice notice,
             bool disruption);
  std::vector<eviction::Candidate> Candidates(const Seen& seen);

  os::EventLoop& loop_;
  async::Executor& workers_;
  base::Clock& clock_;
  const std::shared_ptr<const Outside> outside_;
  const ShortageSettings settings_;
  const Owner owner_;
  eviction::State state_;
  std::set<eviction::Condition> conditions_;
  std::set<std::string> awaited_;  // uids of pods that were evicted and are not gone yet
  base::SteadyTime awaited_until_{};
  bool looking_ = false;
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace keelson::lifecycle
