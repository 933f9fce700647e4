// SPDX-License-Identifier: Apache-2.0
// Each case is a pod in some state, and what people are shown of it.
#include "kubelet/status/status.h"

#include <gtest/gtest.h>

#include <functional>

#include "kubelet/pod/hash.h"

namespace keelson::status {
namespace {

using json::Value;
using pod::kSecond;
using pod::RunState;

constexpr int64_t kNow = int64_t{1'767'323'045} * kSecond;  // 2026-01-02T03:04:05Z

kube::Container Named(const std::string& name, const std::string& restart = "") {
  kube::Container container;
  container.name = name;
  container.image = name + ":1";
  container.restart_policy = restart;
  return container;
}

// A pod "web" of container "a" with a ready sandbox; cases change it.
struct Story {
  pod::Facts f;
  std::map<std::string, int64_t> changes;
  NodeAddresses node{.host_ips = {"192.0.2.7", "2001:db8::7"}};
  Story() {
    f.pod.metadata = {.name = "web", .namespace_name = "default", .uid = "u"};
    f.pod.spec.containers = {Named("a")};
    f.memory.first_seen = kNow - 100 * kSecond;
    f.memory.admitted = f.memory.prepared = true;
    f.observed.sandboxes = {
        {.id = "s0", .ready = true, .created_at = 1, .ips = {"10.0.0.2", "fd00::2"}}};
  }
  pod::ContainerFact& Is(const std::string& name, RunState state, uint32_t attempt = 0,
                         int32_t exit_code = 0) {
    pod::ContainerFact fact{.id = name + std::to_string(attempt),
                            .name = name,
                            .sandbox_id = "s0",
                            .attempt = attempt,
                            .state = state,
                            .image = name + ":1",
                            .image_id = "sha256:1",
                            .created_at = attempt + 1,
                            .exit_code = exit_code};
    if (state != RunState::kCreated) fact.started_at = kNow - 60 * kSecond;
    if (state == RunState::kExited) fact.finished_at = kNow - kSecond;
    if (state == RunState::kRunning) f.health[fact.id] = {.started = true, .ready = true};
    f.observed.containers.insert(f.observed.containers.begin(), fact);
    return f.observed.containers.front();
  }
  Value Status(int64_t now = kNow) { return StatusOf(f, node, now, changes); }
};

// "running", "waiting CrashLoopBackOff" or "terminated Error 1".
std::string StateText(const Value& state) {
  if (state.Find("running") != nullptr) return "running";
  if (state.Find("waiting") != nullptr)
    return "waiting " + state.At({"waiting", "reason"}).AsString();
  if (state.Find("terminated") == nullptr) return "";
  return "terminated " + state.At({"terminated", "reason"}).AsString() + " " +
         std::to_string(state.At({"terminated", "exitCode"}).AsInt());
}
// "phase | a: state, last state, restarts, flags; b: …"
std::string Summary(const Value& status) {
  std::string text = status.At({"phase"}).AsString() + " |";
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Value& container : status.At({list}).items()) {
      text += " " + container.At({"name"}).AsString() + ": " + StateText(container.At({"state"}));
      const std::string last = StateText(container.At({"lastState"}));
      if (!last.empty()) text += ", was " + last;
      if (const int64_t restarts = container.At({"restartCount"}).AsInt(); restarts != 0)
        text += ", restarts " + std::to_string(restarts);
      if (container.At({"started"}).AsBool()) text += ", started";
      if (container.At({"ready"}).AsBool()) text += ", ready";
      text += ";";
    }
  }
  return text;
}
const Value& Condition(const Value& status, std::string_view type) {
  for (const Value& condition : status.At({"conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return condition;
  }
  static const Value kNone;
  return kNone;
}
std::string ConditionText(const Value& status, std::string_view type) {
  const Value& condition = Condition(status, type);
  std::string text = condition.At({"status"}).AsString();
  for (const char* field : {"reason", "message"}) {
    if (condition.Find(field) != nullptr) text += " | " + condition.At({field}).AsString();
  }
  return text;
}

TEST(PodStatus, ShowsContainersAndPhase) {
  struct Case {
    std::string_view name;
    std::function<void(Story&)> tell;
    std::string summary;
  };
  const Case cases[] = {
      {"a new pod", [](Story& s) { s.f.observed = {}; }, "Pending | a: waiting ContainerCreating;"},
      {"with init containers", [](Story& s) { s.f.pod.spec.init_containers = {Named("i")}; },
       "Pending | i: waiting ContainerCreating; a: waiting PodInitializing;"},
      {"created, not started", [](Story& s) { s.Is("a", RunState::kCreated); },
       "Pending | a: waiting ContainerCreating;"},
      {"running", [](Story& s) { s.Is("a", RunState::kRunning); },
       "Running | a: running, started, ready;"},
      {"running, probes not through",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.health["a0"] = {};
       },
       "Running | a: running;"},
      {"started, not ready",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.health["a0"].ready = false;
       },
       "Running | a: running, started;"},
      {"postStart under way",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.memory.post_start["a0"] = {};
       },
       "Pending | a: waiting ContainerCreating;"},
      {"postStart to come: the call that starts the container is not back",
       [](Story& s) {
         s.f.pod.spec.containers[0].post_start = kube::SleepAction{1};
         s.Is("a", RunState::kRunning);
         s.f.health["a0"] = {};
         s.f.memory.in_flight = {"start/a"};
       },
       "Pending | a: waiting ContainerCreating;"},
      {"postStart under way after a crash",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 1);
         s.Is("a", RunState::kRunning, 1);
         s.f.memory.post_start["a1"] = {};
       },
       "Running | a: waiting ContainerCreating, was terminated Error 1, restarts 1;"},
      {"postStart done",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.memory.post_start["a0"].state = pod::HookState::kDone;
       },
       "Running | a: running, started, ready;"},
      {"postStart failed, the container is being ended",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.memory.post_start["a0"] = {pod::HookState::kFailed, "no"};
       },
       "Pending | a: waiting PostStartHookError;"},
      {"postStart failed, runs again at once",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 143);
         s.f.memory.post_start["a0"] = {pod::HookState::kFailed, "no"};
       },
       "Running | a: waiting PostStartHookError, was terminated Error 143;"},
      {"postStart failed, the next run is being made",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 143);
         s.f.memory.post_start["a0"] = {pod::HookState::kFailed, "no"};
         s.f.memory.in_flight = {"start/a"};
       },
       "Running | a: waiting PostStartHookError, was terminated Error 143;"},
      {"postStart failed again, backs off",
       [](Story& s) {
         s.Is("a", RunState::kExited, 1, 143);
         s.f.memory.post_start["a1"] = {pod::HookState::kFailed, "no"};
         s.f.memory.containers["a"].crash = {10 * kSecond, kNow - 20 * kSecond};
       },
       "Running | a: waiting CrashLoopBackOff, was terminated Error 143, restarts 1;"},
      {"postStart failed for good: the end is the runtime's",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.f.memory.final_phase = "Failed";
         s.Is("a", RunState::kExited, 0, 143);
         s.f.memory.post_start["a0"] = {pod::HookState::kFailed, "no"};
       },
       "Failed | a: terminated Error 143;"},
      {"postStart failed in a pod that goes",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.memory.post_start["a0"] = {pod::HookState::kFailed, "no"};
         s.f.memory.deletion = pod::Deletion{kNow, 30};
       },
       "Running | a: running;"},
      {"one of two",
       [](Story& s) {
         s.f.pod.spec.containers.push_back(Named("b"));
         s.Is("a", RunState::kRunning);
       },
       "Pending | a: running, started, ready; b: waiting ContainerCreating;"},
      {"an image that cannot be pulled",
       [](Story& s) {
         s.f.memory.containers["a"].failure =
             pod::Failure{"ErrImagePull", "404", kNow, kNow + 10 * kSecond};
       },
       "Pending | a: waiting ErrImagePull;"},
      {"and the time until the next try",
       [](Story& s) {
         s.f.memory.containers["a"].failure =
             pod::Failure{"ErrImagePull", "404", kNow - 6 * kSecond, kNow + 4 * kSecond};
       },
       "Pending | a: waiting ImagePullBackOff;"},
      {"a container that cannot be made",
       [](Story& s) {
         s.f.memory.containers["a"].failure =
             pod::Failure{"CreateContainerError", "no", kNow, kNow + kSecond};
       },
       "Pending | a: waiting CreateContainerError;"},
      {"just ended, runs again at once", [](Story& s) { s.Is("a", RunState::kExited, 0, 1); },
       "Running | a: terminated Error 1;"},
      {"crashed, waits",
       [](Story& s) {
         s.Is("a", RunState::kExited, 1, 1);
         s.f.memory.containers["a"].crash = {10 * kSecond, kNow - 20 * kSecond};
       },
       "Running | a: waiting CrashLoopBackOff, was terminated Error 1, restarts 1;"},
      {"crashed, waited, starts",
       [](Story& s) {
         s.Is("a", RunState::kExited, 1, 1).finished_at = kNow - 11 * kSecond;
         s.f.memory.containers["a"].crash = {10 * kSecond, kNow - 20 * kSecond};
       },
       "Running | a: terminated Error 1, restarts 1;"},
      {"crashed, and its image is gone",
       [](Story& s) {
         s.Is("a", RunState::kExited, 1, 1).finished_at = kNow - 11 * kSecond;
         s.f.memory.containers["a"].crash = {10 * kSecond, kNow - 20 * kSecond};
         s.f.memory.containers["a"].failure =
             pod::Failure{"ErrImageNeverPull", "no", kNow, kNow + kSecond};
       },
       "Running | a: waiting ErrImageNeverPull, was terminated Error 1, restarts 1;"},
      {"runs again",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 137).reason = "OOMKilled";
         s.Is("a", RunState::kRunning, 1);
       },
       "Running | a: running, was terminated OOMKilled 137, restarts 1, started, ready;"},
      {"ended well, OnFailure",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "OnFailure";
         s.Is("a", RunState::kExited);
       },
       "Running | a: terminated Completed 0;"},
      {"succeeded",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.f.memory.final_phase = "Succeeded";
         s.Is("a", RunState::kExited);
       },
       "Succeeded | a: terminated Completed 0;"},
      {"failed",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.f.memory.final_phase = "Failed";
         s.Is("a", RunState::kExited, 0, 3);
       },
       "Failed | a: terminated Error 3;"},
      {"failed, never ran",
       [](Story& s) {
         s.f.observed = {};
         s.f.memory.end = pod::End{"OutOfcpu", "no"};
       },
       "Failed | a: waiting ContainerCreating;"},
      {"its end does not wait for a restart",
       [](Story& s) {
         s.Is("a", RunState::kExited, 1, 1);
         s.f.memory.containers["a"].crash = {300 * kSecond, kNow};
         s.f.memory.deletion = pod::Deletion{kNow, 30};
       },
       "Running | a: terminated Error 1, restarts 1;"},
      {"of unknown state", [](Story& s) { s.Is("a", RunState::kUnknown); },
       "Running | a: terminated ContainerStatusUnknown 137;"},
      {"the first init runs",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i"), Named("j")};
         s.Is("i", RunState::kRunning);
       },
       "Pending | i: running, started; j: waiting ContainerCreating; a: waiting PodInitializing;"},
      {"init done",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("i", RunState::kExited);
         s.Is("a", RunState::kRunning);
       },
       "Running | i: terminated Completed 0, ready; a: running, started, ready;"},
      {"init fails again and again",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("i", RunState::kExited, 2, 1);
         s.f.memory.containers["i"].crash = {20 * kSecond, kNow - 20 * kSecond};
       },
       "Pending | i: waiting CrashLoopBackOff, was terminated Error 1, restarts 2; a: waiting "
       "PodInitializing;"},
      {"init failed for good",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("i", RunState::kExited, 0, 1);
         s.f.memory.final_phase = "Failed";
       },
       "Failed | i: terminated Error 1; a: waiting PodInitializing;"},
      {"a sidecar starts",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i", "Always")};
         s.Is("i", RunState::kRunning);
         s.f.health["i0"] = {};
       },
       "Pending | i: running; a: waiting PodInitializing;"},
      {"a sidecar has started, and is not ready",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i", "Always")};
         s.Is("i", RunState::kRunning);
         s.f.health["i0"].ready = false;
         s.Is("a", RunState::kRunning);
       },
       "Running | i: running, started; a: running, started, ready;"},
      {"a sidecar between two lives holds nothing up",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i", "Always")};
         s.Is("i", RunState::kExited, 0, 1);
         s.f.memory.containers["i"].crash = {10 * kSecond, kNow};
         s.Is("a", RunState::kRunning);
       },
       "Running | i: waiting CrashLoopBackOff, was terminated Error 1; a: running, started, "
       "ready;"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Story story;
    c.tell(story);
    EXPECT_EQ(Summary(story.Status()), c.summary);
  }
}

TEST(PodStatus, ShowsConditionsWithUpstreamsReasons) {
  struct Case {
    std::string_view name;
    std::function<void(Story&)> tell;
    std::string sandbox, initialized, ready, containers_ready;
  };
  const Case cases[] = {
      {"a new pod", [](Story& s) { s.f.observed = {}; }, "False", "True",
       "False | ContainersNotReady | containers with unready status: [a]",
       "False | ContainersNotReady | containers with unready status: [a]"},
      {"sandbox without address",
       [](Story& s) {
         s.f.observed.sandboxes[0].ips.clear();
         s.Is("a", RunState::kRunning);
       },
       "False", "True", "True", "True"},
      {"remains of a pod without a container",
       [](Story& s) {
         s.f.observed = {};
         s.f.pod.spec.containers.clear();
       },
       "False", "True", "False | UnknownContainerStatuses", "False | UnknownContainerStatuses"},
      {"host network",
       [](Story& s) {
         s.f.observed.sandboxes[0].ips.clear();
         s.f.pod.spec.host_network = true;
         s.Is("a", RunState::kRunning);
       },
       "True", "True", "True", "True"},
      {"all well", [](Story& s) { s.Is("a", RunState::kRunning); }, "True", "True", "True", "True"},
      {"initializing",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i"), Named("j")};
         s.f.pod.spec.containers.push_back(Named("b"));
         s.Is("i", RunState::kExited);
       },
       "True", "False | ContainersNotInitialized | containers with incomplete status: [j]",
       "False | ContainersNotReady | containers with unready status: [a b]",
       "False | ContainersNotReady | containers with unready status: [a b]"},
      {"a sidecar that is not ready",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i", "Always")};
         s.Is("i", RunState::kRunning);
         s.f.health["i0"].ready = false;
         s.Is("a", RunState::kRunning);
       },
       "True", "True", "False | ContainersNotReady | containers with unready status: [i]",
       "False | ContainersNotReady | containers with unready status: [i]"},
      {"completed",
       [](Story& s) {
         s.f.observed.sandboxes[0].ready = false;
         s.f.memory.final_phase = "Succeeded";
         s.f.pod.spec.restart_policy = "Never";
         s.Is("a", RunState::kExited);
       },
       "False", "True", "False | PodCompleted", "False | PodCompleted"},
      {"failed",
       [](Story& s) {
         s.f.memory.final_phase = "Failed";
         s.f.pod.spec.restart_policy = "Never";
         s.Is("a", RunState::kExited, 0, 1);
       },
       "True", "True", "False | PodFailed", "False | PodFailed"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Story story;
    c.tell(story);
    const Value status = story.Status();
    EXPECT_EQ(ConditionText(status, "PodReadyToStartContainers"), c.sandbox);
    EXPECT_EQ(ConditionText(status, "Initialized"), c.initialized);
    EXPECT_EQ(ConditionText(status, "Ready"), c.ready);
    EXPECT_EQ(ConditionText(status, "ContainersReady"), c.containers_ready);
    EXPECT_EQ(ConditionText(status, "PodScheduled"), "True");
  }
}

TEST(PodStatus, KeepsTheTimeOfAConditionWhileItStays) {
  Story story;
  const auto since = [](const Value& status) {
    return Condition(status, "Ready").At({"lastTransitionTime"}).AsString();
  };
  EXPECT_EQ(since(story.Status(kNow)), "2026-01-02T03:04:05Z");
  EXPECT_EQ(since(story.Status(kNow + 5 * kSecond)), "2026-01-02T03:04:05Z");
  story.Is("a", RunState::kRunning);
  EXPECT_EQ(since(story.Status(kNow + 6 * kSecond)), "2026-01-02T03:04:11Z");
  EXPECT_EQ(since(story.Status(kNow + 7 * kSecond)), "2026-01-02T03:04:11Z");
  story.f.health["a0"].ready = false;
  EXPECT_EQ(since(story.Status(kNow + 8 * kSecond)), "2026-01-02T03:04:13Z");
  EXPECT_EQ(Condition(story.Status(), "PodScheduled").At({"lastTransitionTime"}).AsString(),
            "2026-01-02T03:02:25Z");
}

TEST(PodStatus, TellsWhyAContainerWaits) {
  Story story;
  const auto message = [&] {
    return story.Status()
        .At({"containerStatuses"})
        .items()[0]
        .At({"state", "waiting", "message"})
        .AsString();
  };
  EXPECT_EQ(message(), "");
  story.f.memory.pod_failure = pod::Failure{"FailedMount", "no such path", kNow, kNow};
  EXPECT_EQ(message(), "no such path");
  story.f.memory.pod_failure.reset();
  story.f.memory.containers["a"].failure =
      pod::Failure{"ErrImagePull", "GET: 404", kNow - 6 * kSecond, kNow};
  EXPECT_EQ(message(), "Back-off pulling image \"a:1\": ErrImagePull: GET: 404");
  story.f.memory.containers["a"].failure =
      pod::Failure{"CreateContainerConfigError", "configmap \"c\" not found", kNow, kNow};
  EXPECT_EQ(message(), "configmap \"c\" not found");
  story.f.memory.containers["a"].failure.reset();
  story.Is("a", RunState::kExited, 3, 1);
  story.f.memory.containers["a"].crash = {40 * kSecond, kNow};
  EXPECT_EQ(message(), "back-off 40s restarting failed container=a pod=web_default(u)");
}

TEST(PodStatus, ShowsHowAContainerEnded) {
  Story story;
  pod::ContainerFact& fact = story.Is("a", RunState::kExited, 0, 3);
  fact.message = "last words";
  story.f.memory.final_phase = "Failed";
  const Value status = story.Status();
  const Value& container = status.At({"containerStatuses"}).items()[0];
  EXPECT_EQ(
      json::WriteJson(container.At({"state"})),
      R"({"terminated":{"exitCode":3,"reason":"Error","message":"last words","startedAt":"2026-01-02T03:03:05Z","finishedAt":"2026-01-02T03:04:04Z","containerID":"keelson://a0"}})");
  EXPECT_EQ(container.At({"containerID"}).AsString(), "keelson://a0");
  EXPECT_EQ(container.At({"imageID"}).AsString(), "sha256:1");
  EXPECT_EQ(container.At({"image"}).AsString(), "a:1");
}

TEST(PodStatus, LimitsMessagesToTwelveKilobytesOfAPod) {
  Story story;
  story.f.pod.spec.init_containers = {Named("i")};
  story.f.pod.spec.containers = {Named("a"), Named("b")};
  for (const char* name : {"i", "a", "b"})
    story.Is(name, RunState::kExited, 0, 1).message = std::string(5000, 'x');
  story.Is("a", RunState::kRunning, 1);
  story.f.memory.final_phase = "Failed";
  const Value status = story.Status();
  EXPECT_EQ(status.At({"initContainerStatuses"})
                .items()[0]
                .At({"state", "terminated", "message"})
                .AsString()
                .size(),
            4096u);
  EXPECT_EQ(status.At({"containerStatuses"})
                .items()[0]
                .At({"lastState", "terminated", "message"})
                .AsString()
                .size(),
            4096u);
  EXPECT_EQ(status.At({"containerStatuses"})
                .items()[1]
                .At({"state", "terminated", "message"})
                .AsString()
                .size(),
            4096u);
}

TEST(PodStatus, ShowsAddressesTimeAndClass) {
  Story story;
  Value status = story.Status();
  EXPECT_EQ(status.At({"hostIP"}).AsString(), "192.0.2.7");
  EXPECT_EQ(json::WriteJson(status.At({"hostIPs"})),
            R"([{"ip":"192.0.2.7"},{"ip":"2001:db8::7"}])");
  EXPECT_EQ(status.At({"podIP"}).AsString(), "10.0.0.2");
  EXPECT_EQ(json::WriteJson(status.At({"podIPs"})), R"([{"ip":"10.0.0.2"},{"ip":"fd00::2"}])");
  EXPECT_EQ(status.At({"startTime"}).AsString(), "2026-01-02T03:02:25Z");
  EXPECT_EQ(status.At({"qosClass"}).AsString(), "BestEffort");
  EXPECT_EQ(status.Find("reason"), nullptr);
  story.f.pod.spec.host_network = true;
  EXPECT_EQ(story.Status().At({"podIP"}).AsString(), "192.0.2.7");
  story.f.pod.spec.host_network = false;
  story.f.observed = {};
  story.f.memory.end = pod::End{"Evicted", "the node was low on coffee"};
  status = story.Status();
  EXPECT_EQ(status.Find("podIP"), nullptr);
  EXPECT_EQ(status.At({"reason"}).AsString(), "Evicted");
  EXPECT_EQ(status.At({"message"}).AsString(), "the node was low on coffee");
}

TEST(PodStatus, ShowsWhatAContainerGotAndWhomItRunsAs) {
  Story story;
  kube::Container& a = story.f.pod.spec.containers[0];
  a.resources.requests["cpu"] = kube::Quantity::Parse("100m").value();
  a.resources.limits["memory"] = kube::Quantity::Parse("64Mi").value();
  a.volume_mounts = {
      {.name = "v", .mount_path = "/v"},
      {.name = "w", .mount_path = "/w", .read_only = true},
      {.name = "x", .mount_path = "/x", .read_only = true, .recursive_read_only = "Enabled"}};
  story.Is("a", RunState::kRunning).user = pod::UserFact{1000, 2000, {2000, 3000}};
  const Value status = story.Status();
  const Value& container = status.At({"containerStatuses"}).items()[0];
  EXPECT_EQ(json::WriteJson(container.At({"allocatedResources"})), R"({"cpu":"100m"})");
  EXPECT_EQ(json::WriteJson(container.At({"resources"})),
            R"({"limits":{"memory":"64Mi"},"requests":{"cpu":"100m"}})");
  EXPECT_EQ(
      json::WriteJson(container.At({"volumeMounts"})),
      R"([{"name":"v","mountPath":"/v"},{"name":"w","mountPath":"/w","readOnly":true,"recursiveReadOnly":"Disabled"},)"
      R"({"name":"x","mountPath":"/x","readOnly":true,"recursiveReadOnly":"Enabled"}])");
  EXPECT_EQ(json::WriteJson(container.At({"user"})),
            R"({"linux":{"uid":1000,"gid":2000,"supplementalGroups":[2000,3000]}})");
}

TEST(PodStatus, DoesNotCallItBackOffWhileTheNextRunIsBeingMade) {
  Story story;
  story.Is("a", RunState::kExited, 0, 1);
  story.f.memory.containers["a"].crash = {10 * kSecond, kNow};
  EXPECT_EQ(Summary(story.Status()),
            "Running | a: waiting CrashLoopBackOff, was terminated Error 1;");
  story.f.memory.in_flight = {"start/a"};
  EXPECT_EQ(Summary(story.Status()), "Running | a: terminated Error 1;");
}

TEST(PodStatus, SaysWhichGenerationItSpeaksOf) {
  Story story;
  EXPECT_EQ(story.Status().Find("observedGeneration"), nullptr);
  EXPECT_EQ(Condition(story.Status(), "Ready").Find("observedGeneration"), nullptr);
  story.f.pod.object = json::ParseYaml("metadata: {generation: 3}").value();
  EXPECT_EQ(story.Status().At({"observedGeneration"}).AsInt(), 3);
  for (const char* type : {"Ready", "PodScheduled", "Initialized"})
    EXPECT_EQ(Condition(story.Status(), type).At({"observedGeneration"}).AsInt(), 3) << type;
}

TEST(PodStatus, ShowsWhoCameToLookAndLetsThemDecideNothing) {
  Story story;
  story.Is("a", RunState::kRunning);
  story.f.pod.spec.ephemeral_containers = {Named("d")};
  const auto shown = [&] {
    const Value status = story.Status();
    EXPECT_EQ(status.At({"phase"}).AsString(), "Running");
    EXPECT_EQ(ConditionText(status, "Ready"), "True");
    EXPECT_EQ(status.At({"containerStatuses"}).items().size(), 1u);
    const Value& one = status.At({"ephemeralContainerStatuses"}).items().at(0);
    EXPECT_FALSE(one.At({"ready"}).AsBool());
    EXPECT_EQ(one.Find("started"), nullptr);
    EXPECT_EQ(one.At({"restartCount"}).AsInt(), 0);
    EXPECT_EQ(StateText(one.At({"lastState"})), "");
    return one.At({"name"}).AsString() + ": " + StateText(one.At({"state"}));
  };
  EXPECT_EQ(shown(), "d: waiting ContainerCreating");
  story.f.memory.containers["d"].failure =
      pod::Failure{"ErrImagePull", "404", kNow, kNow + 10 * kSecond};
  EXPECT_EQ(shown(), "d: waiting ErrImagePull");
  story.f.memory.containers.clear();
  story.Is("d", RunState::kRunning);
  EXPECT_EQ(shown(), "d: running");
  // It would run again under the pod's policy.
  story.Is("d", RunState::kExited, 0, 3);
  EXPECT_EQ(shown(), "d: terminated Error 3");
}

TEST(PodStatus, DocumentIsThePodAsGivenWithItsIdentity) {
  Story story;
  story.f.pod.object = json::ParseYaml(
                           "apiVersion: v1\nkind: Pod\nmetadata: {name: given, labels: {app: "
                           "x}}\nspec:\n  containers: [{name: a, image: 'a:1', other: 1}]\n")
                           .value();
  story.f.pod.metadata.name = "web-node";
  story.f.pod.metadata.labels = {{"app", "x"}};
  story.f.pod.metadata.annotations = {{"kubernetes.io/config.source", "file"}};
  story.f.pod.spec.node_name = "node";
  story.f.memory.deletion = pod::Deletion{kNow, 30};
  const Value document = PodDocument(story.f, Value::Object({{"phase", Value("Running")}}));
  EXPECT_EQ(
      json::WriteJson(document),
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-node","labels":{"app":"x"},"namespace":"default","uid":"u",)"
      R"("annotations":{"kubernetes.io/config.source":"file"},"deletionTimestamp":"2026-01-02T03:04:35Z","deletionGracePeriodSeconds":30},)"
      R"("spec":{"containers":[{"name":"a","image":"a:1","other":1}],"nodeName":"node"},"status":{"phase":"Running"}})");
}

}  // namespace
}  // namespace keelson::status
