// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/facts.h"

#include <algorithm>

namespace keelson::pod {

const ContainerFact* Latest(const Observed& observed, const std::string& name) {
  const auto found = std::find_if(observed.containers.begin(), observed.containers.end(),
                                  [&](const ContainerFact& c) { return c.name == name; });
  return found == observed.containers.end() ? nullptr : &*found;
}

const ContainerFact* LatestIn(const Observed& observed, const std::string& name,
                              const std::string& sandbox_id) {
  const auto found = std::find_if(
      observed.containers.begin(), observed.containers.end(),
      [&](const ContainerFact& c) { return c.name == name && c.sandbox_id == sandbox_id; });
  return found == observed.containers.end() ? nullptr : &*found;
}

void KeepLost(const Observed& before, Observed& now, std::vector<ContainerFact>& lost, int64_t wall,
              bool over) {
  const auto has = [](const std::vector<ContainerFact>& list, const std::string& id) {
    return std::any_of(list.begin(), list.end(),
                       [&](const ContainerFact& c) { return c.id == id; });
  };
  std::erase_if(lost,
                [&](const ContainerFact& container) { return has(now.containers, container.id); });
  for (const ContainerFact& container : before.containers) {
    const bool is_kept = over && container.state == RunState::kExited &&
                         Latest(before, container.name) == &container;
    if ((container.state != RunState::kRunning && !is_kept) || has(now.containers, container.id) ||
        has(lost, container.id))
      continue;
    ContainerFact& gone = lost.emplace_back(container);
    if (is_kept) continue;
    gone.state = RunState::kExited;
    gone.exit_code = 137;
    gone.reason = "ContainerStatusUnknown";
    gone.message =
        "The container could not be located when the pod was looked at. The container used to be "
        "Running";
    gone.finished_at = wall;
  }
  if (lost.empty()) return;
  now.containers.insert(now.containers.end(), lost.begin(), lost.end());
  std::stable_sort(now.containers.begin(), now.containers.end(),
                   [](const ContainerFact& a, const ContainerFact& b) {
                     return a.created_at != b.created_at ? a.created_at > b.created_at
                                                         : a.attempt > b.attempt;
                   });
}

int64_t RestartAt(const Backoff& backoff, int64_t finished_at, int64_t now) {
  if (backoff.delay == 0 || now - finished_at > kBackoffForgotten) return now;
  return finished_at + backoff.delay;
}

Backoff Next(const Backoff& backoff, int64_t event_at, int64_t now, int64_t cap) {
  const bool forgotten = backoff.delay == 0 || event_at - backoff.updated_at > kBackoffForgotten;
  return {std::min(forgotten ? kBackoffBase : backoff.delay * 2, cap), now};
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

namespace {

bool RuleFits(const kube::Container& container, int32_t exit_code) {
  return std::any_of(container.restart_rules.begin(), container.restart_rules.end(),
                     [&](const kube::RestartRule& rule) {
                       return (std::find(rule.exit_codes.begin(), rule.exit_codes.end(),
                                         exit_code) != rule.exit_codes.end()) != rule.not_in;
                     });
}

}  // namespace

bool RunsAgain(const kube::Container& container, const std::string& pod_policy, int32_t exit_code) {
  return RuleFits(container, exit_code) ||
         RunsAgain(container.restart_policy.empty() ? pod_policy : container.restart_policy,
                   exit_code);
}

bool InitRunsAgain(const kube::Container& init, const std::string& pod_policy, int32_t exit_code) {
  if (IsSidecar(init)) return true;
  return exit_code != 0 &&
         (RuleFits(init, exit_code) ||
          (init.restart_policy.empty() ? pod_policy : init.restart_policy) != "Never");
}

}  // namespace keelson::pod
