// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/facts.h"

#include <algorithm>

namespace keelson::pod {

const ContainerFact* Latest(const Observed& observed, const std::string& name) {
  const auto found = std::find_if(observed.containers.begin(), observed.containers.end(), [&](const ContainerFact& c) { return c.name == name; });
  return found == observed.containers.end() ? nullptr : &*found;
}

const ContainerFact* LatestIn(const Observed& observed, const std::string& name, const std::string& sandbox_id) {
  const auto found = std::find_if(observed.containers.begin(), observed.containers.end(),
                                  [&](const ContainerFact& c) { return c.name == name && c.sandbox_id == sandbox_id; });
  return found == observed.containers.end() ? nullptr : &*found;
}

int64_t RestartAt(const Backoff& backoff, int64_t finished_at, int64_t now) {
  if (backoff.delay == 0 || now - finished_at > 2 * kBackoffCap) return now;
  return finished_at + backoff.delay;
}

Backoff Next(const Backoff& backoff, int64_t event_at, int64_t now) {
  const bool forgotten = backoff.delay == 0 || event_at - backoff.updated_at > 2 * kBackoffCap;
  return {forgotten ? kBackoffBase : std::min(backoff.delay * 2, kBackoffCap), now};
}

bool IsStarted(const Facts& facts, const ContainerFact& container) {
  if (container.state != RunState::kRunning) return false;
  const auto hook = facts.memory.post_start.find(container.id);
  if (hook != facts.memory.post_start.end() && hook->second.state != HookState::kDone) return false;
  const auto health = facts.health.find(container.id);
  return health != facts.health.end() && health->second.started;
}

bool IsReady(const Facts& facts, const ContainerFact& container) {
  return IsStarted(facts, container) && facts.health.at(container.id).ready;
}

bool RunsAgain(const std::string& restart_policy, int32_t exit_code) {
  return restart_policy == "Always" || (restart_policy == "OnFailure" && exit_code != 0);
}

}  // namespace keelson::pod
