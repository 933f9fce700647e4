// SPDX-License-Identifier: Apache-2.0
// All that is known of one pod: what is wanted, what the runtime shows, what the probes say, and
// what this kubelet remembers of its own doing. Plain data, owned by the agent's one thread; the
// planner (kubelet/sync) and the status (kubelet/status) are functions of it. Times are wall
// nanoseconds since the epoch, as the runtime reports them; 0 means never.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/kube/pod.h"

namespace keelson::pod {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kBackoffBase = 10 * kSecond;
constexpr int64_t kBackoffCap = 300 * kSecond;
constexpr int64_t kVolumeWait = 123 * kSecond;  // then it is said which volumes a pod waits for
constexpr int64_t kBackoffForgotten = 600 * kSecond;

// --- what the runtime shows
struct SandboxFact {
  std::string id;
  uint32_t attempt = 0;
  bool ready = false;
  bool host_network = false;
  int64_t created_at = 0;
  std::vector<std::string> ips;
  bool operator==(const SandboxFact&) const = default;
};
enum class RunState { kCreated, kRunning, kExited, kUnknown };
struct UserFact {  // whom it runs as, as the runtime says
  int64_t uid = 0, gid = 0;
  std::vector<int64_t> groups;
  bool operator==(const UserFact&) const = default;
};
struct ContainerFact {
  std::string id;
  std::string name;
  std::string sandbox_id;
  uint32_t attempt = 0;
  RunState state = RunState::kUnknown;
  std::string hash;      // of what a restart is needed for when it changes
  std::string image;     // as asked for
  std::string image_id;  // as the runtime names it
  int64_t created_at = 0, started_at = 0, finished_at = 0;
  int32_t exit_code = 0;
  std::string reason, message;
  std::string log_path;
  std::optional<UserFact> user;
  // What its end takes, for when nothing else knows: hook and ports as documents, and the pod's
  // time.
  std::string pre_stop, ports;
  int64_t pod_grace_seconds = 0;
  bool operator==(const ContainerFact&) const = default;
};
struct Observed {
  std::vector<SandboxFact> sandboxes;     // newest first
  std::vector<ContainerFact> containers;  // newest first
  bool operator==(const Observed&) const = default;
};

// --- what the probes say, by container id
struct HealthFact {
  bool started = false;
  bool ready = false;
  struct Kill {
    std::string probe;  // the one that failed: liveness, startup
    std::optional<int64_t> grace_seconds;
  };
  std::optional<Kill> kill;
};

// --- what this kubelet remembers
struct Failure {
  std::string reason;  // ErrImagePull, CreateContainerError, …
  std::string message;
  int64_t at = 0;
  int64_t retry_at = 0;
};
struct Backoff {  // grows when used, is forgotten after a quiet time
  int64_t delay = 0;
  int64_t updated_at = 0;
};
struct ContainerMemory {
  Backoff crash;
  Backoff pull;
  std::optional<Failure> failure;           // of the present attempt: pull, create, start
  std::optional<uint32_t> image_ready_for;  // the attempt that the image was made sure of
  std::string image_ref;
  uint32_t first_attempt = 0;  // after logs that an earlier life left
};
struct KillMemory {
  int64_t began_at = 0;
  bool pre_stop_done = false;
  std::string why;
  int hook_tries = 0;  // that did not reach the runtime
};
struct HookState {
  enum { kPending, kDone, kFailed } state = kPending;
  std::string message;
  int tries = 0;  // that did not reach the runtime
};
struct Deletion {
  int64_t requested_at = 0;
  int64_t grace_seconds = 30;
};
struct End {           // the pod is over, whatever its containers say
  std::string reason;  // DeadlineExceeded, Evicted, OutOfcpu, …
  std::string message;
  std::optional<int64_t> grace_seconds = {};  // nothing: the pod's own
  std::string disruption =
      {};  // the kubelet ended it for the sake of others: why; empty: it did not
};
struct Memory {
  int64_t first_seen = 0;  // status.startTime
  bool admitted = false;
  bool prepared = false;  // cgroup, directories, volumes
  bool torn_down = false;
  std::optional<Deletion> deletion;
  std::optional<End> end;
  std::string final_phase;             // Succeeded or Failed, sticky
  std::optional<Failure> pod_failure;  // preparing, sandbox
  int64_t volumes_since = 0;           // since when its volumes are waited for; 0: they are not
  std::vector<std::string> unmounted;  // which
  std::map<std::string, ContainerMemory> containers;  // by name
  std::map<std::string, KillMemory> kills;            // by container id
  std::map<std::string, HookState>
      post_start;  // by container id; absent: there is none, or an earlier life ran it
  std::set<std::string> in_flight;  // keys of actions
  std::vector<ContainerFact> lost;  // ran, and the runtime knows nothing of them any more
  std::map<std::string, int64_t> condition_changes;  // "Ready=True" -> when it became so
  // Names of pods that must end before this one begins, and until when they are waited for.
  std::vector<std::string> awaits;
  int64_t awaits_until = 0;
};

struct Facts {
  kube::Pod pod;
  Observed observed;
  std::map<std::string, HealthFact> health;
  Memory memory;
  bool network_ready = true;
  std::string network_message;
  bool recursive_read_only = false;   // the runtime can do it
  int64_t restart_cap = kBackoffCap;  // of the node's configuration
};

// The newest of that name; null: none.
const ContainerFact* Latest(const Observed& observed, const std::string& name);
const ContainerFact* LatestIn(const Observed& observed, const std::string& name,
                              const std::string& sandbox_id);
inline bool IsSidecar(const kube::Container& init) { return init.restart_policy == "Always"; }

// When a container that ended at `finished_at` may run again; at most `now` if at once. 10 s,
// doubled each time up to 300 s or what the configuration says, forgotten when nothing happened for
// ten minutes.
int64_t RestartAt(const Backoff& backoff, int64_t finished_at, int64_t now);
Backoff Next(const Backoff& backoff, int64_t event_at, int64_t now, int64_t cap = kBackoffCap);
// After a failed try an image is called ErrImagePull (or more exactly) for a moment, then
// ImagePullBackOff until the next try.
constexpr int64_t kPullErrorShown = 5 * kSecond;
inline bool IsPullError(const Failure& failure) {
  return failure.reason == "ErrImagePull" || failure.reason == "RegistryUnavailable" ||
         failure.reason == "SignatureValidationFailed";
}

// Containers that ran `before` and are missing `now` have ended, nobody knows how: remembered in
// `lost`, and added to what is seen.
// Of a pod that is over the last of each name stays known as it was: what it came to is all that is
// left of it.
void KeepLost(const Observed& before, Observed& now, std::vector<ContainerFact>& lost, int64_t wall,
              bool over = false);

// Startup probe passed and postStart done.
bool IsStarted(const Facts& facts, const ContainerFact& container);
bool IsReady(const Facts& facts, const ContainerFact& container);

// Whether a container that ended so runs again: its own rules, then its own policy, then the pod's.
// An init container that ended with 0 is done; with another code it runs again unless the policy is
// Never.
bool RunsAgain(const std::string& restart_policy, int32_t exit_code);
bool RunsAgain(const kube::Container& container, const std::string& pod_policy, int32_t exit_code);
bool InitRunsAgain(const kube::Container& init, const std::string& pod_policy, int32_t exit_code);

}  // namespace keelson::pod
