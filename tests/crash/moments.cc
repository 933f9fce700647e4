// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/moments.h"

#include <poll.h>
#include <signal.h>

#include <thread>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "tests/crash/points_fixture.h"

namespace keelson::node_test {

using std::chrono::microseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr seconds kPatience{10};

void Rest() { (void)poll(nullptr, 0, 5); }

}  // namespace

struct Moments::Pod {
  std::string name, id;
  cri::PodSandboxConfig config;
  std::map<std::string, std::string> ids;  // of containers, by name
};

Moments::Moments(Side side, unsigned long seed)
    : side_(std::move(side)), random_(static_cast<std::mt19937::result_type>(seed)) {}

Moments::Outcome Moments::Again(const std::function<base::Status()>& ask) {
  const auto deadline = steady_clock::now() + kPatience;
  while (true) {
    if (std::string down = side_.revive(); !down.empty()) return {.kind = "daemon", .what = down};
    const base::Status done = ask();
    if (done.ok()) return {};
    if (steady_clock::now() > deadline)
      return {.kind = "refused for ten seconds", .what = done.error().message()};
    Rest();
  }
}

// Whatever there is of it and is not ready goes first; the next has the next attempt.
base::Status Moments::Run(Pod& pod) {
  ASSIGN_OR_RETURN(const auto pods, side_.runtime().ListPodSandboxes());
  for (const cri::PodSandbox& one : pods) {
    if (one.metadata().uid() != pod.config.metadata().uid()) continue;
    if (one.state() == cri::SANDBOX_READY) {
      pod.id = one.id();
      return {};
    }
    RETURN_IF_ERROR(side_.runtime().StopPodSandbox(one.id()));
    RETURN_IF_ERROR(side_.runtime().RemovePodSandbox(one.id()));
  }
  const base::Result<std::string> id = side_.runtime().RunPodSandbox(pod.config, "");
  if (!id.ok()) {
    pod.config.mutable_metadata()->set_attempt(pod.config.metadata().attempt() + 1);
    return id.error();
  }
  pod.id = *id;
  return {};
}

base::Status Moments::Start(Pod& pod, const std::string& name) {
  uint32_t attempt = 0;
  ASSIGN_OR_RETURN(const auto containers, side_.runtime().ListContainers());
  for (const cri::Container& one : containers) {
    if (one.pod_sandbox_id() != pod.id || one.metadata().name() != name) continue;
    pod.ids[name] = one.id();
    const std::string begun = os::ReadFile(side_.marks + "/" + pod.name + "-" + name).ValueOr("");
    if (one.state() == cri::CONTAINER_RUNNING || !begun.empty()) return {};
    if (one.state() == cri::CONTAINER_CREATED) return side_.runtime().StartContainer(one.id());
    attempt = std::max(attempt, one.metadata().attempt() + 1);  // it ended before it began
  }
  cri::ContainerConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_attempt(attempt);
  config.mutable_image()->set_image("docker.io/library/busybox:demo");
  const std::string file = "/m/" + pod.name + "-" + name;
  const std::string script =
      "echo start >>" + file + "; " +
      (name == "ends" ? "while [ ! -e /m/" + pod.name + "-go ]; do sleep 0.01; done; exit 3"
                      : "trap \"exit 7\" TERM; n=0; while true; do n=$((n+1)); echo line $n; "
                        "sleep 0.01; done");
  for (const std::string& word : {std::string("/bin/sh"), std::string("-c"), script})
    config.add_command(word);
  config.set_log_path(name + ".log");
  cri::Mount& marks = *config.add_mounts();
  marks.set_host_path(side_.marks);
  marks.set_container_path("/m");
  ASSIGN_OR_RETURN(pod.ids[name], side_.runtime().CreateContainer(pod.id, config, pod.config));
  return side_.runtime().StartContainer(pod.ids[name]);
}

Moments::Outcome Moments::Exited(Pod& pod, const std::string& name, int code) {
  cri::ContainerStatus status;
  Outcome asked = Again([&]() -> base::Status {
    ASSIGN_OR_RETURN(status, side_.runtime().ContainerStatus(pod.ids[name]));
    return status.state() == cri::CONTAINER_EXITED ? base::Ok()
                                                   : base::Unavailable("it does not end");
  });
  if (!asked.kind.empty()) return asked;
  const std::string begun = os::ReadFile(side_.marks + "/" + pod.name + "-" + name).ValueOr("");
  if (begun != "start\n") return {.kind = "a program ran twice or never", .what = begun};
  if (status.exit_code() != code)
    return {.kind = "a container was lost, or its exit code",
            .what = std::to_string(status.exit_code()) + " " + status.reason() + " " +
                    status.message()};
  return {};
}

std::vector<Moments::Step> Moments::Steps() {
  auto& runtime = side_.runtime;
  return {
      {"RunPodSandbox", [this](Pod& pod) { return Again([&] { return Run(pod); }); }},
      {"create and start of the first",
       [this](Pod& pod) { return Again([&] { return Start(pod, "main"); }); }},
      {"create and start of the second",
       [this](Pod& pod) { return Again([&] { return Start(pod, "ends"); }); }},
      {"ExecSync",
       [this, &runtime](Pod& pod) {
         return Again([&]() -> base::Status {
           ASSIGN_OR_RETURN(
               const auto done,
               runtime().ExecSync(pod.ids["main"], {"sh", "-c", "echo here; exit 4"}, seconds(30)));
           if (done.stdout() == "here\n" && done.exit_code() == 4) return {};
           return base::Aborted("it answers '{}' {}", done.stdout(), done.exit_code());
         });
       }},
      {"an end",
       [this](Pod& pod) {
         (void)os::WriteFileAtomic(side_.marks + "/" + pod.name + "-go", "", 0644);
         return Exited(pod, "ends", 3);
       }},
      {"StopContainer",
       [this, &runtime](Pod& pod) {
         Outcome asked =
             Again([&] { return runtime().StopContainer(pod.ids["main"], seconds(30)); });
         if (asked.kind.empty()) asked = Exited(pod, "main", 7);
         if (!asked.kind.empty()) return asked;
         const std::string log =
             os::ReadFile(side_.logs + "/" + pod.name + "/main.log").ValueOr("");
         int number = 0;
         for (const std::string_view line : base::Split(log, '\n')) {
           if (!line.empty() && !line.ends_with(" stdout F line " + std::to_string(++number)))
             return Outcome{.kind = "lines of a log were lost", .what = std::string(line)};
         }
         return Outcome{};
       }},
      {"RemoveContainer",
       [this, &runtime](Pod& pod) {
         return Again([&] { return runtime().RemoveContainer(pod.ids["main"]); });
       }},
      {"StopPodSandbox",
       [this, &runtime](Pod& pod) {
         return Again([&] { return runtime().StopPodSandbox(pod.id); });
       }},
      {"RemovePodSandbox",
       [this, &runtime](Pod& pod) {
         return Again([&] { return runtime().RemovePodSandbox(pod.id); });
       }},
  };
}

std::string Moments::Calibrate() {
  took_.clear();
  const Outcome passed = Pass(nullptr);
  return passed.kind.empty() ? "" : passed.kind + ": " + passed.what;
}

Moments::Death Moments::Choose() {
  const auto below = [&](int64_t top) {
    return std::uniform_int_distribution<int64_t>(0, std::max<int64_t>(top, 0))(random_);
  };
  Death death{.of_daemon = below(1) == 0,
              .step = static_cast<size_t>(below(static_cast<int64_t>(took_.size()) - 1)),
              .after = {}};
  death.after = microseconds(below(took_[death.step].count() * 11 / 10));
  return death;
}

std::string Moments::Describe(const Death& death) {
  return std::string(death.of_daemon ? "the daemon" : "a process beside a pod") + " " +
         std::to_string(death.after.count()) + " us after the begin of " + Steps()[death.step].name;
}

Moments::Outcome Moments::Pass(const Death* death) {
  Pod pod;
  pod.name = "p" + std::to_string(++made_);
  pod.config.mutable_metadata()->set_name(pod.name);
  pod.config.mutable_metadata()->set_uid("uid-" + pod.name);
  pod.config.mutable_metadata()->set_namespace_("default");
  pod.config.set_hostname(pod.name);
  pod.config.set_log_directory(side_.logs + "/" + pod.name);
  pod.config.mutable_linux()->set_cgroup_parent(side_.cgroup_parent);
  Outcome outcome;
  const std::vector<Step> steps = Steps();
  for (size_t i = 0; i < steps.size() && outcome.kind.empty(); ++i) {
    const auto begin = steady_clock::now();
    std::jthread killer;
    if (death != nullptr && death->step == i) {
      killer = std::jthread([&] {
        const timespec rest = {death->after.count() / 1'000'000,
                               death->after.count() % 1'000'000 * 1000};
        (void)ppoll(nullptr, 0, &rest, nullptr);
        std::vector<pid_t> targets =
            death->of_daemon ? std::vector<pid_t>{side_.daemon()} : side_.beside_pods();
        if (!targets.empty() && targets[0] > 0) outcome.died = kill(targets[0], SIGKILL) == 0;
      });
    }
    Outcome step = steps[i].take(pod);
    if (killer.joinable()) killer.join();
    if (death == nullptr)
      took_.push_back(std::chrono::duration_cast<microseconds>(steady_clock::now() - begin));
    if (!step.kind.empty()) {
      outcome.kind = step.kind;
      outcome.what = std::string(steps[i].name) + ": " + step.what;
    }
  }
  if (outcome.kind.empty()) {
    const Outcome up = Again([&]() -> base::Status {
      std::string wrong = ListsWrong(side_.runtime());
      return wrong.empty() ? base::Ok() : base::Aborted("{}", wrong);
    });
    if (!up.kind.empty()) outcome.kind = "lists", outcome.what = up.what;
  }
  // What had to be given up is taken away as a kubelet does, and must leave nothing either.
  if (!outcome.kind.empty()) side_.clear_away();
  if (const std::string left = side_.left(); !left.empty()) {
    outcome.kind += std::string(outcome.kind.empty() ? "" : ", and ") + "something was left behind";
    outcome.what += " " + left;
  }
  return outcome;
}

}  // namespace keelson::node_test
