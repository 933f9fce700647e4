// SPDX-License-Identifier: Apache-2.0
// The probes of all running containers: when each is due, and what their answers add up to. The
// judgement (thresholds, gating by the startup probe, holding after a failure) is a pure state
// machine in probe_state.h; this class gives it time and threads: one timer thread, probes on the
// executor (whose limit bounds how many slow ones hold up the others), never two of one probe at
// once. Thread-safe. The destructor waits for the probes under way, so no callback may call it.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kubelet/probe/prober.h"
#include "lib/async/executor.h"
#include "lib/base/clock.h"

namespace keelson::probe {

enum class Kind { kLiveness, kReadiness, kStartup };

struct Health {
  bool started = false;  // startup probe passed, or there is none
  bool ready = false;    // readiness probe passed; without one: started
  struct Kill {
    Kind kind = Kind::kLiveness;
    std::string message;                   // "Liveness probe failed: …"
    std::optional<int64_t> grace_seconds;  // the probe's own
  };
  std::optional<Kill> kill;  // the container is to be ended; stays until it is forgotten
};

class Probes {
 public:
  struct Watched {
    std::string pod_uid;
    std::string pod_name = {}, namespace_name = {};  // for who counts
    std::string container_id;
    std::string address;
    kube::Container container;
    int64_t started_at = 0;    // wall nanoseconds
    bool was_ready = false;    // what is known from before a restart of the kubelet
    bool was_started = false;  // likewise: the startup probe has passed; was_ready says so too
    bool spread = false;  // begin at a random part of the period (after a restart of the kubelet)
  };
  // `changed` is called (on a worker thread) with the pod's uid whenever Health() of one of its
  // containers changed; `failed` with a text for people whenever a probe failed or warned.
  Probes(Prober& prober, async::Executor& executor, base::Clock& clock,
         std::function<void(const std::string& pod_uid)> changed,
         std::function<void(const std::string& pod_uid, const std::string& container,
                            const std::string& text)>
             failed);
  ~Probes();

  void Watch(const Watched& watched);  // once per container id; again: no effect
  void EndLivenessAndStartup(const std::string& pod_uid);
  void Forget(const std::string& container_id);
  void ForgetPod(const std::string& pod_uid);
  Health Of(const std::string& container_id) const;  // unknown: neither started nor ready
  // How often what came of the probes of a container that is watched.
  struct Tally {
    std::string pod_uid, pod_name, namespace_name, container;
    Kind kind = Kind::kLiveness;
    Outcome outcome = Outcome::kSuccess;
    uint64_t times = 0;
    // Of these, how many took no longer than each of kSeconds and longer than the one before it;
    // those that took longer than all of them last.
    std::vector<uint64_t> by_seconds;
    double seconds = 0;  // all together
  };
  static constexpr std::array<double, 11> kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                      0.5,   1,    2.5,   5,    10};
  std::vector<Tally> Tallies() const;
  void Wake();  // looks at the clock again, for clocks that do not go by themselves

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::probe
