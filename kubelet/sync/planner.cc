// SPDX-License-Identifier: Apache-2.0
#include "kubelet/sync/planner.h"

#include <algorithm>
#include <set>

#include "kubelet/pod/hash.h"
#include "lib/base/strings.h"

namespace keelson::sync {
namespace {

using pod::ContainerFact;
using pod::kSecond;
using pod::RunState;
using pod::SandboxFact;

class Planner {
 public:
  Planner(const pod::Facts& facts, int64_t now) : f_(facts), spec_(facts.pod.spec), now_(now) {}

  Plan Run() {
    if (f_.memory.deletion) {
      Terminate(std::max<int64_t>(1, f_.memory.deletion->grace_seconds),
                f_.memory.deletion->requested_at, "the pod was deleted");
      if (Quiet()) RemoveEverything();
      return std::move(plan_);
    }
    DecideEnd();
    if (plan_.end || f_.memory.end || !f_.memory.final_phase.empty() ||
        !plan_.final_phase.empty()) {
      const std::optional<int64_t> hurry =
          f_.memory.end ? f_.memory.end->grace_seconds : std::nullopt;
      Terminate(hurry.value_or(spec_.termination_grace_period_seconds), 0,
                f_.memory.end ? f_.memory.end->message : "the pod has come to its end");
      if (Quiet() && !f_.memory.torn_down) Do(TearDown{});
    } else {
      Keep();
    }
    CollectGarbage();
    return std::move(plan_);
  }

 private:
  // --- writing the plan
  bool InFlight(const Action& action) const { return f_.memory.in_flight.contains(Key(action)); }
  void Do(Action action) {
    const bool of_a_container = std::holds_alternative<EnsureImage>(action) ||
                                std::holds_alternative<StartContainer>(action) ||
                                std::holds_alternative<PostStart>(action) ||
                                std::holds_alternative<PreStop>(action);
    if (InFlight(action)) {
      Wait(Describe(action) + " (under way)");
    } else if (!of_a_container && f_.memory.pod_failure && now_ < f_.memory.pod_failure->retry_at) {
      WaitUntil(f_.memory.pod_failure->retry_at,
                Describe(action) + " again, after: " + f_.memory.pod_failure->message);
    } else {
      plan_.actions.push_back(std::move(action));
    }
  }
  void Wait(std::string what) { plan_.waits.push_back(std::move(what)); }
  void WakeAt(int64_t at) {
    if (plan_.wake_at == 0 || at < plan_.wake_at) plan_.wake_at = at;
  }
  void WaitUntil(int64_t at, const std::string& what) {
    WakeAt(at);
    Wait(what + ", for " + std::to_string((at - now_ + kSecond - 1) / kSecond) + " s more");
  }

  static std::string Listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  }

  const pod::ContainerMemory& MemoryOf(const std::string& name) const {
    static const pod::ContainerMemory kNothing;
    const auto found = f_.memory.containers.find(name);
    return found == f_.memory.containers.end() ? kNothing : found->second;
  }
  static bool Lives(const ContainerFact& container) {
    return container.state == RunState::kRunning || container.state == RunState::kUnknown;
  }
  bool AnyInFlight(std::initializer_list<std::string_view> prefixes) const {
    return std::any_of(
        f_.memory.in_flight.begin(), f_.memory.in_flight.end(), [&](const std::string& key) {
          return std::any_of(prefixes.begin(), prefixes.end(),
                             [&](std::string_view prefix) { return key.starts_with(prefix); });
        });
  }
  const kube::Container* Spec(const std::string& name) const {
    return kube::FindContainer(spec_, name);
  }

  // --- ending
  void PreStopOf(const ContainerFact& container, int64_t grace) {
    const kube::Container* spec = Spec(container.name);
    if (spec == nullptr || !spec->pre_stop) return;
    const auto kill = f_.memory.kills.find(container.id);
    if (kill == f_.memory.kills.end() || !kill->second.pre_stop_done)
      Do(PreStop{container.name, container.id, grace});
  }
  void Kill(const ContainerFact& container, int64_t grace, int64_t asked_at,
            const std::string& why) {
    const kube::Container* spec = Spec(container.name);
    const bool hook = spec != nullptr && spec->pre_stop.has_value();
    const auto kill = f_.memory.kills.find(container.id);
    if (hook && (kill == f_.memory.kills.end() || !kill->second.pre_stop_done)) {
      Do(PreStop{container.name, container.id, grace});
      return;
    }
    if (asked_at == 0 && kill != f_.memory.kills.end()) asked_at = kill->second.began_at;
    int64_t left = grace;
    if (asked_at != 0) left = grace - (now_ - asked_at) / kSecond;
    left = std::max(left, hook ? std::min<int64_t>(grace, 2) : std::min<int64_t>(grace, 1));
    Do(KillContainer{container.name, container.id, left, why});
  }
  // Kills in order: regular and init containers at once, then sidecars from the last to the first;
  // then the sandboxes.
  void Terminate(int64_t grace, int64_t asked_at, const std::string& why) {
    std::vector<const ContainerFact*> sidecars;
    bool regular_lives = false;
    for (const ContainerFact& container : f_.observed.containers) {
      if (!Lives(container)) continue;
      const auto sidecar = std::find_if(
          spec_.init_containers.begin(), spec_.init_containers.end(),
          [&](const kube::Container& c) { return c.name == container.name && pod::IsSidecar(c); });
      if (sidecar != spec_.init_containers.end()) {
        sidecars.push_back(&container);
        PreStopOf(container, grace);
        continue;
      }
      regular_lives = true;
      Kill(container, grace, asked_at, why);
    }
    if (regular_lives) return;
    for (auto init = spec_.init_containers.rbegin(); init != spec_.init_containers.rend(); ++init) {
      const auto found =
          std::find_if(sidecars.begin(), sidecars.end(),
                       [&](const ContainerFact* c) { return c->name == init->name; });
      if (found == sidecars.end()) continue;
      Kill(**found, grace, asked_at, why);
      return;
    }
    if (AnyInFlight({"start/", "sandbox", "prepare"})) {
      Wait("what was begun before the end to finish");
      return;
    }
    for (const SandboxFact& sandbox : f_.observed.sandboxes) {
      if (sandbox.ready) Do(StopSandbox{sandbox.id});
    }
  }
  // Nothing runs, nothing is being done.
  bool Quiet() const {
    return std::none_of(f_.observed.containers.begin(), f_.observed.containers.end(), Lives) &&
           std::none_of(f_.observed.sandboxes.begin(), f_.observed.sandboxes.end(),
                        [](const SandboxFact& s) { return s.ready; }) &&
           !AnyInFlight({"start/", "sandbox", "prepare", "image/"});
  }
  void RemoveEverything() {
    if (!f_.observed.sandboxes.empty() || !f_.observed.containers.empty()) {
      for (const SandboxFact& sandbox : f_.observed.sandboxes) Do(RemoveSandbox{sandbox.id});
      for (const ContainerFact& container : f_.observed.containers) {
        const bool homeless =
            std::none_of(f_.observed.sandboxes.begin(), f_.observed.sandboxes.end(),
                         [&](const SandboxFact& s) { return s.id == container.sandbox_id; });
        if (homeless) Do(RemoveContainer{container.id});
      }
    } else if (!f_.memory.torn_down) {
      Do(TearDown{});
    } else {
      plan_.forget = true;
    }
  }

  // --- whether it is over
  void DecideEnd() {
    if (!f_.memory.final_phase.empty() || f_.memory.end) return;
    if (spec_.active_deadline_seconds && f_.memory.first_seen != 0) {
      const int64_t deadline = f_.memory.first_seen + *spec_.active_deadline_seconds * kSecond;
      if (now_ >= deadline) {
        plan_.end = pod::End{"DeadlineExceeded",
                             "Pod was active on the node longer than the specified deadline"};
        plan_.final_phase = "Failed";
        return;
      }
      WakeAt(deadline);
    }
    if (AnyInFlight({"start/"})) return;
    bool all_zero = true;
    for (const kube::Container& container : spec_.containers) {
      const ContainerFact* fact = pod::Latest(f_.observed, container.name);
      if (fact == nullptr || fact->state != RunState::kExited ||
          pod::RunsAgain(container, spec_.restart_policy, fact->exit_code)) {
        if (fact == nullptr && InitFailedForGood()) {
          plan_.final_phase = "Failed";
        }
        return;
      }
      all_zero = all_zero && fact->exit_code == 0;
    }
    plan_.final_phase = all_zero ? "Succeeded" : "Failed";
  }
  bool InitFailedForGood() const {
    return std::any_of(spec_.init_containers.begin(), spec_.init_containers.end(),
                       [&](const kube::Container& init) {
                         const ContainerFact* fact = pod::Latest(f_.observed, init.name);
                         return fact != nullptr && fact->state == RunState::kExited &&
                                fact->exit_code != 0 &&
                                !pod::InitRunsAgain(init, spec_.restart_policy, fact->exit_code);
                       });
  }

  // --- keeping it running
  void Keep() {
    if (!f_.memory.awaits.empty()) {
      WaitUntil(f_.memory.awaits_until,
                "room that these pods give up: " + Listed(f_.memory.awaits));
      return;
    }
    if (!f_.memory.prepared) {
      Do(Prepare{});
      AwaitVolumes();
      return;
    }
    const SandboxFact* sandbox = GoodSandbox();
    if (sandbox == nullptr) {
      ReplaceSandbox();
      return;
    }
    sandbox_ = sandbox->id;
    for (const ContainerFact& container : f_.observed.containers) {
      if (Lives(container) && Spec(container.name) == nullptr) {
        Kill(container, spec_.termination_grace_period_seconds, 0,
             "Container " + container.name + " is not part of the pod any more");
      }
    }
    StartEphemeral();
    if (!KeepInit()) return;
    // In the order of the manifest: one that is on its way up for the first time, its postStart
    // hook included, goes before the rest.
    for (const kube::Container& container : spec_.containers) {
      const bool on_its_way = KeepRunning(container, pod::Latest(f_.observed, container.name));
      const ContainerFact* fact = pod::LatestIn(f_.observed, container.name, sandbox_);
      // The runtime may show it before the call that starts it has come back.
      const bool begins = fact == nullptr || InFlight(StartContainer{container.name, 0, "", {}}) ||
                          PostStartPending(*fact);
      if (before_it_.empty() && on_its_way && begins) before_it_ = container.name;
    }
  }
  void AwaitVolumes() {
    if (f_.memory.volumes_since == 0 || f_.memory.unmounted.empty()) return;
    const int64_t deadline = f_.memory.volumes_since + pod::kVolumeWait;
    plan_.volumes_overdue = now_ >= deadline;
    if (!plan_.volumes_overdue) WakeAt(deadline);
  }
  // Whatever came of one that was started, it is not started again. One that was only made was left
  // by an earlier life of the kubelet.
  void StartEphemeral() {
    for (const kube::Container& container : spec_.ephemeral_containers) {
      const ContainerFact* fact = pod::Latest(f_.observed, container.name);
      if (InFlight(StartContainer{container.name, 0, "", {}})) {
        Wait("container " + container.name + " to be started (under way)");
        continue;
      }
      if (fact != nullptr && fact->state != RunState::kCreated) continue;
      const std::string& target = container.target_container_name;
      if (target.empty()) {
        Start(container, fact);
        continue;
      }
      const ContainerFact* seen = pod::LatestIn(f_.observed, target, sandbox_);
      if (seen == nullptr || seen->state != RunState::kRunning) {
        Wait("container " + target + " to run, which container " + container.name + " looks at");
        continue;
      }
      Start(container, fact, seen->id);
    }
  }
  bool PostStartPending(const ContainerFact& fact) const {
    const auto hook = f_.memory.post_start.find(fact.id);
    return fact.state == RunState::kRunning && hook != f_.memory.post_start.end() &&
           hook->second.state == pod::HookState::kPending;
  }
  const SandboxFact* GoodSandbox() const {
    if (f_.observed.sandboxes.empty()) return nullptr;
    const SandboxFact& newest = f_.observed.sandboxes.front();
    const auto ready = std::count_if(f_.observed.sandboxes.begin(), f_.observed.sandboxes.end(),
                                     [](const SandboxFact& s) { return s.ready; });
    const bool good = newest.ready && ready == 1 && newest.host_network == spec_.host_network &&
                      (spec_.host_network || !newest.ips.empty());
    return good ? &newest : nullptr;
  }
  void ReplaceSandbox() {
    bool clean = true;
    for (const ContainerFact& container : f_.observed.containers) {
      if (!Lives(container)) continue;
      clean = false;
      Kill(container, spec_.termination_grace_period_seconds, 0,
           "Pod sandbox changed, it will be killed and re-created.");
    }
    if (!clean) return;
    for (const SandboxFact& sandbox : f_.observed.sandboxes) {
      if (!sandbox.ready) continue;
      clean = false;
      Do(StopSandbox{sandbox.id});
    }
    if (!clean) return;
    if (!spec_.host_network && !f_.network_ready) {
      plan_.waits_for_network = true;
      WaitUntil(now_ + kSecond, "the runtime's network: " + f_.network_message);
      return;
    }
    uint32_t attempt = 0;
    for (const SandboxFact& sandbox : f_.observed.sandboxes)
      attempt = std::max(attempt, sandbox.attempt + 1);
    Do(CreateSandbox{attempt});
  }
  // True when every init container is done and the regular ones may run.
  bool KeepInit() {
    const bool regular_began = std::any_of(
        spec_.containers.begin(), spec_.containers.end(), [&](const kube::Container& c) {
          return pod::LatestIn(f_.observed, c.name, sandbox_) != nullptr ||
                 InFlight(StartContainer{c.name, 0, "", {}});
        });
    for (const kube::Container& init : spec_.init_containers) {
      const ContainerFact* fact = pod::LatestIn(f_.observed, init.name, sandbox_);
      if (pod::IsSidecar(init)) {
        KeepRunning(init, fact != nullptr ? fact : pod::Latest(f_.observed, init.name));
        if (regular_began || (fact != nullptr && pod::IsStarted(f_, *fact))) continue;
        Wait("sidecar " + init.name + " to have started");
        return false;
      }
      if (regular_began ||
          (fact != nullptr && fact->state == RunState::kExited && fact->exit_code == 0))
        continue;
      if (fact != nullptr && fact->state == RunState::kRunning) {
        KeepRunning(init, fact);
        Wait("init container " + init.name + " to end");
        return false;
      }
      Start(init, pod::Latest(f_.observed, init.name));
      return false;
    }
    return true;
  }
  // True while the container is being brought up, false when it runs, has ended for good or has to
  // wait.
  bool KeepRunning(const kube::Container& container, const ContainerFact* fact) {
    if (InFlight(StartContainer{container.name, 0, "", {}})) {
      Wait("container " + container.name + " to be started (under way)");
      return true;
    }
    if (fact == nullptr) return Start(container, nullptr);
    switch (fact->state) {
      case RunState::kRunning:
        KeepHealthy(container, *fact);
        return PostStartPending(*fact);
      case RunState::kUnknown:
        // Once killed it is as good as gone.
        if (!f_.memory.kills.contains(fact->id)) {
          Kill(*fact, spec_.termination_grace_period_seconds, 0, "its state is unknown");
          return false;
        }
        break;
      case RunState::kExited:
        if (fact->hash == pod::ContainerHash(container) &&
            !pod::RunsAgain(container, spec_.restart_policy, fact->exit_code))
          return false;
        break;
      case RunState::kCreated:
        break;  // a life before this one did not get to start it
    }
    return Start(container, fact);
  }
  void KeepHealthy(const kube::Container& container, const ContainerFact& fact) {
    const int64_t grace = spec_.termination_grace_period_seconds;
    if (fact.hash != pod::ContainerHash(container)) {
      Kill(fact, grace, 0,
           "Container " + container.name + " definition changed, will be restarted");
      return;
    }
    const auto hook = f_.memory.post_start.find(fact.id);
    if (hook != f_.memory.post_start.end() && hook->second.state == pod::HookState::kPending)
      Do(PostStart{container.name, fact.id});
    if (hook != f_.memory.post_start.end() && hook->second.state == pod::HookState::kFailed) {
      Kill(fact, grace, 0, "FailedPostStartHook: " + hook->second.message);
      return;
    }
    const auto health = f_.health.find(fact.id);
    if (health == f_.health.end() || !health->second.kill) return;
    Kill(fact, health->second.kill->grace_seconds.value_or(grace), 0,
         "Container " + container.name + " failed " + health->second.kill->probe +
             " probe, will be restarted");
  }
  bool Start(const kube::Container& container, const ContainerFact* last,
             const std::string& target_id = "") {
    const pod::ContainerMemory& memory = MemoryOf(container.name);
    const uint32_t attempt = last != nullptr ? last->attempt + 1 : memory.first_attempt;
    pod::Backoff crash = memory.crash;
    if (last != nullptr && last->state == RunState::kExited &&
        last->hash == pod::ContainerHash(container)) {
      const bool restart = last->exit_code != 0 || last->sandbox_id == sandbox_;
      if (const int64_t at = pod::RestartAt(crash, last->finished_at, now_); restart && at > now_) {
        WaitUntil(at, "back-off before container " + container.name + " is restarted");
        return false;
      }
      if (restart) crash = pod::Next(crash, last->finished_at, now_, f_.restart_cap);
    }
    if (memory.failure && now_ < memory.failure->retry_at) {
      const int64_t shown_until =
          memory.failure->at + pod::kPullErrorShown + 1;  // then it has another name
      if (pod::IsPullError(*memory.failure) && now_ < shown_until) WakeAt(shown_until);
      WaitUntil(memory.failure->retry_at, "container " + container.name + ": " +
                                              memory.failure->reason + ": " +
                                              memory.failure->message);
      return false;
    }
    if (memory.image_ready_for != attempt) {
      Do(EnsureImage{container.name, attempt});
    } else if (!before_it_.empty()) {
      Wait("container " + before_it_ + " to be up before " + container.name);
    } else {
      Do(StartContainer{container.name, attempt, sandbox_, crash, target_id});
    }
    return true;
  }

  // One ended container of a name is kept, for its log and its last state; an old sandbox goes with
  // the last container in it.
  void CollectGarbage() {
    std::set<std::string> dead_kept, kept_sandboxes;
    const std::string newest =
        f_.observed.sandboxes.empty() ? "" : f_.observed.sandboxes.front().id;
    for (const ContainerFact& container : f_.observed.containers) {
      const bool first_of_name = pod::Latest(f_.observed, container.name) == &container;
      const bool keep =
          Lives(container) || first_of_name ||
          (container.state == RunState::kExited && !dead_kept.contains(container.name));
      if (container.state == RunState::kExited && keep) dead_kept.insert(container.name);
      if (keep) {
        kept_sandboxes.insert(container.sandbox_id);
      } else {
        Do(RemoveContainer{container.id});
      }
    }
    for (const SandboxFact& sandbox : f_.observed.sandboxes) {
      if (!sandbox.ready && sandbox.id != newest && !kept_sandboxes.contains(sandbox.id))
        Do(RemoveSandbox{sandbox.id});
    }
  }

  const pod::Facts& f_;
  const kube::PodSpec& spec_;
  const int64_t now_;
  std::string sandbox_;
  std::string before_it_;  // the container that holds up the ones after it
  Plan plan_;
};

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

Plan PlanPod(const pod::Facts& facts, int64_t now) { return Planner(facts, now).Run(); }

std::string Key(const Action& action) {
  return std::visit(Overloaded{
                        [](const Prepare&) { return std::string("prepare"); },
                        [](const CreateSandbox&) { return std::string("sandbox"); },
                        [](const EnsureImage& a) { return "image/" + a.container; },
                        [](const StartContainer& a) { return "start/" + a.container; },
                        [](const PostStart& a) { return "post-start/" + a.id; },
                        [](const PreStop& a) { return "pre-stop/" + a.id; },
                        [](const KillContainer& a) { return "kill/" + a.id; },
                        [](const RemoveContainer& a) { return "remove/" + a.id; },
                        [](const StopSandbox& a) { return "stop-sandbox/" + a.id; },
                        [](const RemoveSandbox& a) { return "remove-sandbox/" + a.id; },
                        [](const TearDown&) { return std::string("tear-down"); },
                    },
                    action);
}

std::string Describe(const Action& action) {
  const auto brief = [](const std::string& id) { return id.substr(0, 12); };
  return std::visit(
      Overloaded{
          [](const Prepare&) { return std::string("prepare cgroup, directories and volumes"); },
          [](const CreateSandbox& a) {
            return "create the sandbox (attempt " + std::to_string(a.attempt) + ")";
          },
          [](const EnsureImage& a) { return "make sure of the image of container " + a.container; },
          [](const StartContainer& a) {
            return "start container " + a.container + " (attempt " + std::to_string(a.attempt) +
                   ")";
          },
          [](const PostStart& a) { return "run postStart of container " + a.container; },
          [](const PreStop& a) { return "run preStop of container " + a.container; },
          [](const KillContainer& a) {
            return "end container " + a.container + " within " + std::to_string(a.grace_seconds) +
                   " s: " + a.why;
          },
          [&](const RemoveContainer& a) { return "remove ended container " + brief(a.id); },
          [&](const StopSandbox& a) { return "stop sandbox " + brief(a.id); },
          [&](const RemoveSandbox& a) { return "remove sandbox " + brief(a.id); },
          [](const TearDown&) { return std::string("remove volumes, directories and cgroup"); },
      },
      action);
}

}  // namespace keelson::sync
