// SPDX-License-Identifier: Apache-2.0
// The pod planner: from all that is known of a pod and the time to what is to be done now, and when
// to look again. Pure: no I/O, no clock, no locks. Order and rules: init containers one after
// another, sidecars (init containers that restart always) kept running beside, then the regular
// ones in their order (images of all at once); restarts after a growing pause; sandbox made anew
// when it is gone; at the end regular containers first, sidecars in reverse order, then sandbox,
// volumes and cgroup. Ephemeral containers wait for nothing but the sandbox and their target, and
// run once.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "kubelet/pod/facts.h"

namespace keelson::sync {

struct Prepare {};  // cgroup, directories, volumes
struct CreateSandbox {
  uint32_t attempt = 0;
};
struct EnsureImage {
  std::string container;
  uint32_t attempt = 0;
};
struct StartContainer {  // create and start
  std::string container;
  uint32_t attempt = 0;
  std::string sandbox_id;
  pod::Backoff crash;  // to be remembered once it is begun
  // Of an ephemeral container: the runtime's id of the one whose processes it sees; empty: none.
  std::string target_id = {};
};
struct PostStart {
  std::string container;
  std::string id;
};
struct PreStop {
  std::string container;
  std::string id;
  int64_t grace_seconds = 30;
};
struct KillContainer {
  std::string container;
  std::string id;
  int64_t grace_seconds = 30;
  std::string why;
};
struct RemoveContainer {
  std::string id;
};
struct StopSandbox {
  std::string id;
};
struct RemoveSandbox {
  std::string id;
};
struct TearDown {};  // volumes, cgroup, directories
using Action = std::variant<Prepare, CreateSandbox, EnsureImage, StartContainer, PostStart, PreStop,
                            KillContainer, RemoveContainer, StopSandbox, RemoveSandbox, TearDown>;

// Two actions of one key never run at once. Facts::memory.in_flight holds these.
std::string Key(const Action& action);
// For people: `start container web (attempt 2)`.
std::string Describe(const Action& action);

struct Plan {
  std::vector<Action> actions;
  int64_t wake_at = 0;             // look again then, if nothing happens before; 0: no need
  std::vector<std::string> waits;  // what it waits for, for people
  std::string final_phase;         // set when the pod has come to its end: Succeeded or Failed
  std::optional<pod::End> end;     // the pod must end, for this reason
  bool waits_for_network = false;
  bool volumes_overdue = false;  // to be told, and waited for anew
  bool forget = false;           // deleted, and nothing of it is left
};

Plan PlanPod(const pod::Facts& facts, int64_t now);

}  // namespace keelson::sync
