// SPDX-License-Identifier: Apache-2.0
// The planner by tables: each case is a short story of a pod, and what is to be done about it.
#include "kubelet/sync/planner.h"

#include <gtest/gtest.h>

#include <functional>

#include "kubelet/pod/hash.h"
#include "lib/base/strings.h"

namespace keelson::sync {
namespace {

using pod::kSecond;
using pod::RunState;
constexpr int64_t kNow = 1'000'000 * kSecond;

kube::Container Named(const std::string& name, const std::string& restart = "") {
  kube::Container container;
  container.name = name;
  container.image = name + ":1";
  container.restart_policy = restart;
  return container;
}

// A pod "web" with container "a", prepared, with a ready sandbox; cases change it.
struct Story {
  pod::Facts f;
  Story() {
    f.pod.metadata.name = "web";
    f.pod.metadata.uid = "u";
    f.pod.spec.containers = {Named("a")};
    f.memory.first_seen = kNow - 100 * kSecond;
    f.memory.prepared = true;
    f.observed.sandboxes = {
        {.id = "s0", .attempt = 0, .ready = true, .created_at = 1, .ips = {"10.0.0.2"}}};
  }
  kube::Container& Container(const std::string& name) {
    for (auto* list :
         {&f.pod.spec.containers, &f.pod.spec.init_containers, &f.pod.spec.ephemeral_containers}) {
      for (kube::Container& container : *list) {
        if (container.name == name) return container;
      }
    }
    return f.pod.spec.containers.emplace_back(Named(name));
  }
  pod::ContainerFact& Is(const std::string& name, RunState state, uint32_t attempt = 0,
                         int32_t exit_code = 0, int64_t finished = kNow - kSecond) {
    pod::ContainerFact fact{
        .id = name + std::to_string(attempt),
        .name = name,
        .sandbox_id = f.observed.sandboxes.empty() ? "gone" : f.observed.sandboxes.front().id,
        .attempt = attempt,
        .state = state,
        .hash = pod::ContainerHash(Container(name)),
        .created_at = attempt + 1,
        .exit_code = exit_code};
    if (state == RunState::kExited) fact.finished_at = finished;
    if (state == RunState::kRunning) f.health[fact.id] = {.started = true, .ready = true};
    f.observed.containers.insert(f.observed.containers.begin(), fact);
    return f.observed.containers.front();
  }
  // Somebody came to look at it, or at the processes of one of its containers.
  void Debugged(const std::string& target = "") {
    f.pod.spec.ephemeral_containers.push_back(Named("d"));
    f.pod.spec.ephemeral_containers.back().target_container_name = target;
  }
  void HasImage(const std::string& name, uint32_t attempt) {
    f.memory.containers[name].image_ready_for = attempt;
  }
};

std::string Actions(const Plan& plan) {
  std::vector<std::string> keys;
  for (const Action& action : plan.actions) keys.push_back(Key(action));
  return base::Join(keys, " ");
}

TEST(Planner, DoesWhatEachStoryNeeds) {
  struct Case {
    std::string_view name;
    std::function<void(Story&)> tell;
    std::string_view actions;
    std::string_view final_phase = "";
  };
  const Case cases[] = {
      {"a new pod is prepared first",
       [](Story& s) {
         s.f.memory.prepared = false;
         s.f.observed = {};
       },
       "prepare"},
      {"not while another pod makes room for it",
       [](Story& s) {
         s.f.memory.prepared = false;
         s.f.observed = {};
         s.f.memory.awaits = {"other"};
         s.f.memory.awaits_until = kNow + kSecond;
       },
       ""},
      {"then gets its sandbox", [](Story& s) { s.f.observed = {}; }, "sandbox"},
      {"not while the network is not ready",
       [](Story& s) {
         s.f.observed = {};
         s.f.network_ready = false;
       },
       ""},
      {"a host network pod does not wait for the network",
       [](Story& s) {
         s.f.observed = {};
         s.f.network_ready = false;
         s.f.pod.spec.host_network = true;
       },
       "sandbox"},
      {"the image comes before the container", [](Story&) {}, "image/a"},
      {"then the container", [](Story& s) { s.HasImage("a", 0); }, "start/a"},
      {"nothing twice",
       [](Story& s) {
         s.HasImage("a", 0);
         s.f.memory.in_flight = {"start/a"};
       },
       ""},
      {"images come beside one another", [](Story& s) { s.Container("b"); }, "image/a image/b"},
      {"containers start in their order",
       [](Story& s) {
         s.Container("b");
         s.HasImage("a", 0);
         s.HasImage("b", 0);
       },
       "start/a"},
      {"a later one waits for the image of an earlier one",
       [](Story& s) {
         s.Container("b");
         s.HasImage("b", 0);
       },
       "image/a"},
      {"and while the earlier one starts",
       [](Story& s) {
         s.Container("b");
         s.HasImage("b", 0);
         s.f.memory.in_flight = {"start/a"};
       },
       ""},
      {"also when it is seen already",
       [](Story& s) {
         s.Container("b");
         s.HasImage("b", 0);
         s.Is("a", RunState::kRunning);
         s.f.memory.in_flight = {"start/a"};
       },
       ""},
      {"and until its postStart is done",
       [](Story& s) {
         s.Container("b");
         s.HasImage("b", 0);
         s.Is("a", RunState::kRunning);
         s.f.memory.post_start["a0"] = {};
       },
       "post-start/a0"},
      {"then it comes",
       [](Story& s) {
         s.Container("b");
         s.HasImage("b", 0);
         s.Is("a", RunState::kRunning);
       },
       "start/b"},
      {"an image that cannot be had holds up nobody else",
       [](Story& s) {
         s.Container("b");
         s.HasImage("b", 0);
         s.f.memory.containers["a"].failure =
             pod::Failure{"ErrImagePull", "no", kNow, kNow + 10 * kSecond};
       },
       "start/b"},
      {"nor does a container that is restarted",
       [](Story& s) {
         s.Container("b");
         s.HasImage("b", 0);
         s.Is("a", RunState::kExited, 0, 1);
       },
       "image/a start/b"},
      {"a running pod needs nothing", [](Story& s) { s.Is("a", RunState::kRunning); }, ""},
      {"the first end is followed at once",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 1);
         s.HasImage("a", 1);
       },
       "start/a"},
      {"the next after a pause",
       [](Story& s) {
         s.Is("a", RunState::kExited, 1, 1);
         s.f.memory.containers["a"].crash = {10 * kSecond, kNow - kSecond};
       },
       ""},
      {"which ends",
       [](Story& s) {
         s.Is("a", RunState::kExited, 1, 1, kNow - 11 * kSecond);
         s.f.memory.containers["a"].crash = {10 * kSecond, kNow - 20 * kSecond};
         s.HasImage("a", 2);
       },
       "start/a"},
      {"OnFailure runs failures again",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "OnFailure";
         s.Is("a", RunState::kExited, 0, 1);
         s.HasImage("a", 1);
       },
       "start/a"},
      {"but not successes: the pod is over",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "OnFailure";
         s.Is("a", RunState::kExited);
       },
       "stop-sandbox/s0", "Succeeded"},
      {"Never means never",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.Is("a", RunState::kExited, 0, 3);
       },
       "stop-sandbox/s0", "Failed"},
      {"a container's own policy comes before the pod's",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.Container("a").restart_policy = "OnFailure";
         s.Is("a", RunState::kExited, 0, 1);
         s.HasImage("a", 1);
       },
       "start/a"},
      {"its rules come first of all",
       [](Story& s) {
         s.Container("a").restart_policy = "Never";
         s.Container("a").restart_rules = {{.exit_codes = {42}}};
         s.Is("a", RunState::kExited, 0, 42);
         s.HasImage("a", 1);
       },
       "start/a"},
      {"where none fits its policy decides",
       [](Story& s) {
         s.Container("a").restart_policy = "Never";
         s.Container("a").restart_rules = {{.exit_codes = {42}}};
         s.Is("a", RunState::kExited, 0, 43);
       },
       "stop-sandbox/s0", "Failed"},
      {"an init container of policy Never that failed ends the pod",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i", "Never")};
         s.Is("i", RunState::kExited, 0, 1);
       },
       "stop-sandbox/s0", "Failed"},
      {"unless a rule lets it try again",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i", "Never")};
         s.f.pod.spec.init_containers[0].restart_rules = {{.not_in = true, .exit_codes = {2}}};
         s.Is("i", RunState::kExited, 0, 1);
         s.HasImage("i", 1);
       },
       "start/i"},
      {"one of two that ended leaves the other alone",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.Container("b");
         s.Is("a", RunState::kExited);
         s.Is("b", RunState::kRunning);
       },
       ""},
      {"a changed image restarts that container",
       [](Story& s) { s.Is("a", RunState::kRunning).hash = "old"; }, "kill/a0"},
      {"a container with a changed image does not wait",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 137).hash = "old";
         s.f.memory.containers["a"].crash = {300 * kSecond, kNow - kSecond};
         s.HasImage("a", 1);
       },
       "start/a"},
      {"a container that is not part of the pod any more ends",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Is("b", RunState::kRunning);
         s.f.pod.spec.containers.pop_back();
       },
       "kill/b0"},
      {"a failed probe ends it",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.health["a0"].kill = pod::HealthFact::Kill{"liveness", {}};
       },
       "kill/a0"},
      {"postStart is run",
       [](Story& s) {
         s.Container("a").post_start = kube::ExecAction{};
         s.Is("a", RunState::kRunning);
         s.f.memory.post_start["a0"] = {};
       },
       "post-start/a0"},
      {"its failure ends it",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.memory.post_start["a0"] = {pod::HookState::kFailed, "no"};
       },
       "kill/a0"},
      {"preStop comes before the end",
       [](Story& s) {
         s.Container("a").pre_stop = kube::SleepAction{1};
         s.Is("a", RunState::kRunning).hash = "old";
       },
       "pre-stop/a0"},
      {"init containers run one after another",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i"), Named("j")};
         s.HasImage("i", 0);
       },
       "start/i"},
      {"the second when the first succeeded",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i"), Named("j")};
         s.Is("i", RunState::kExited);
       },
       "image/j"},
      {"the pod's own when all have",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("i", RunState::kExited);
       },
       "image/a"},
      {"a failed one is tried again",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("i", RunState::kExited, 0, 1);
         s.HasImage("i", 1);
       },
       "start/i"},
      {"or ends a pod that never restarts",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("i", RunState::kExited, 0, 1);
       },
       "stop-sandbox/s0", "Failed"},
      {"a finished init container is not missed once the pod's own ran",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("a", RunState::kRunning);
       },
       ""},
      {"a sidecar must have started",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("p", "Always")};
         s.Is("p", RunState::kRunning);
         s.f.health["p0"].started = false;
       },
       ""},
      {"before the pod's own",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("p", "Always")};
         s.Is("p", RunState::kRunning);
       },
       "image/a"},
      {"a sidecar runs again though the pod never restarts",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.f.pod.spec.init_containers = {Named("p", "Always")};
         s.Is("a", RunState::kRunning);
         s.Is("p", RunState::kExited, 0, 1);
         s.HasImage("p", 1);
       },
       "start/p"},
      {"sidecars end with the pod's own",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.f.pod.spec.init_containers = {Named("p", "Always"), Named("q", "Always")};
         s.Is("a", RunState::kExited);
         s.Is("p", RunState::kRunning);
         s.Is("q", RunState::kRunning);
       },
       "kill/q0", "Succeeded"},
      {"a sandbox that died takes its containers along",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.observed.sandboxes[0].ready = false;
       },
       "kill/a0"},
      {"and is made anew",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 137);
         s.f.observed.sandboxes[0].ready = false;
       },
       "sandbox"},
      {"not for a pod that is over",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.Is("a", RunState::kExited);
         s.f.observed.sandboxes[0].ready = false;
       },
       "tear-down", "Succeeded"},
      {"a sandbox without address is replaced",
       [](Story& s) { s.f.observed.sandboxes[0].ips.clear(); }, "stop-sandbox/s0"},
      {"two ready sandboxes are too many",
       [](Story& s) {
         s.f.observed.sandboxes.push_back({.id = "s-", .ready = true, .ips = {"10.0.0.1"}});
       },
       "stop-sandbox/s0 stop-sandbox/s-"},
      {"deletion ends containers",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.memory.deletion = {kNow, 30};
       },
       "kill/a0"},
      {"then the sandbox",
       [](Story& s) {
         s.Is("a", RunState::kExited);
         s.f.memory.deletion = {kNow, 30};
       },
       "stop-sandbox/s0"},
      {"then removes it",
       [](Story& s) {
         s.Is("a", RunState::kExited);
         s.f.observed.sandboxes[0].ready = false;
         s.f.memory.deletion = {kNow, 30};
       },
       "remove-sandbox/s0"},
      {"then volumes and cgroup",
       [](Story& s) {
         s.f.observed = {};
         s.f.memory.deletion = {kNow, 30};
       },
       "tear-down"},
      {"a start under way is waited for",
       [](Story& s) {
         s.f.memory.in_flight = {"start/a"};
         s.f.memory.deletion = {kNow, 30};
       },
       ""},
      {"one dead container of a name is kept",
       [](Story& s) {
         s.Is("a", RunState::kExited, 0, 1);
         s.Is("a", RunState::kExited, 1, 1);
         s.Is("a", RunState::kRunning, 2);
       },
       "remove/a0"},
      {"an old sandbox goes with its last container",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.f.observed.sandboxes.push_back({.id = "old", .ready = false});
       },
       "remove-sandbox/old"},
      {"a failed pull is not tried at once",
       [](Story& s) {
         s.f.memory.containers["a"].failure =
             pod::Failure{"ErrImagePull", "no", kNow, kNow + 10 * kSecond};
       },
       ""},
      {"nor a failed sandbox",
       [](Story& s) {
         s.f.observed = {};
         s.f.memory.pod_failure =
             pod::Failure{"CreatePodSandboxError", "no", kNow, kNow + 5 * kSecond};
       },
       ""},
      {"who comes to look waits for nobody",
       [](Story& s) {
         s.f.pod.spec.init_containers = {Named("i")};
         s.Is("i", RunState::kRunning);
         s.Debugged();
         s.HasImage("d", 0);
       },
       "start/d"},
      {"but for the sandbox",
       [](Story& s) {
         s.f.observed = {};
         s.Debugged();
         s.HasImage("d", 0);
       },
       "sandbox"},
      {"and its image",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Debugged();
       },
       "image/d"},
      {"nobody waits for who comes to look",
       [](Story& s) {
         s.HasImage("a", 0);
         s.Debugged();
       },
       "image/d start/a"},
      {"who looks at a container's processes waits until they are there",
       [](Story& s) {
         s.HasImage("a", 0);
         s.Debugged("a");
         s.HasImage("d", 0);
       },
       "start/a"},
      {"then comes",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Debugged("a");
         s.HasImage("d", 0);
       },
       "start/d"},
      {"once",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Debugged("a");
         s.HasImage("d", 0);
         s.f.memory.in_flight = {"start/d"};
       },
       ""},
      {"is left alone",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Debugged();
         s.Is("d", RunState::kRunning);
       },
       ""},
      {"and is never started again, whatever it came to",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Debugged();
         s.Is("d", RunState::kExited, 0, 1);
         s.HasImage("d", 1);
       },
       ""},
      {"nor when the sandbox is another",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Debugged();
         s.Is("d", RunState::kExited).sandbox_id = "old";
         s.f.observed.sandboxes.push_back({.id = "old", .ready = false});
         s.HasImage("d", 1);
       },
       ""},
      {"unless it never began",
       [](Story& s) {
         s.Is("a", RunState::kRunning);
         s.Debugged();
         s.Is("d", RunState::kCreated);
         s.HasImage("d", 1);
       },
       "start/d"},
      {"it does not keep the pod from ending",
       [](Story& s) {
         s.f.pod.spec.restart_policy = "Never";
         s.Is("a", RunState::kExited);
         s.Debugged();
         s.Is("d", RunState::kRunning);
       },
       "kill/d0", "Succeeded"},
      {"a refused pod does nothing",
       [](Story& s) {
         s.f.observed = {};
         s.f.memory.end = pod::End{"OutOfcpu", ""};
         s.f.memory.torn_down = true;
       },
       ""},
      {"a deadline ends it",
       [](Story& s) {
         s.f.pod.spec.active_deadline_seconds = 50;
         s.Is("a", RunState::kRunning);
       },
       "kill/a0", "Failed"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Story story;
    c.tell(story);
    const Plan plan = PlanPod(story.f, kNow);
    EXPECT_EQ(Actions(plan), c.actions);
    EXPECT_EQ(plan.final_phase, c.final_phase);
  }
}

TEST(Planner, APodThatIsEvictedHasTheGraceThatItIsGiven) {
  Story story;
  story.Is("a", RunState::kRunning);
  story.f.memory.end = pod::End{"Evicted", "The node was low on resource: memory. "};
  EXPECT_EQ(std::get<KillContainer>(PlanPod(story.f, kNow).actions.at(0)).grace_seconds, 30);
  story.f.memory.end->grace_seconds = 1;
  EXPECT_EQ(std::get<KillContainer>(PlanPod(story.f, kNow).actions.at(0)).grace_seconds, 1);
}

TEST(Planner, TellsWhoseProcessesAnEphemeralContainerSees) {
  Story story;
  story.Is("a", RunState::kExited, 0, 1);
  story.Is("a", RunState::kRunning, 1);
  story.Debugged("a");
  story.HasImage("d", 0);
  const Plan plan = PlanPod(story.f, kNow);
  ASSERT_EQ(Actions(plan), "start/d");
  EXPECT_EQ(std::get<StartContainer>(plan.actions[0]).target_id, "a1");
}

TEST(Planner, SaysWhenToLookAgain) {
  Story story;
  story.Is("a", RunState::kExited, 1, 1, kNow - 4 * kSecond);
  story.f.memory.containers["a"].crash = {20 * kSecond, kNow - 30 * kSecond};
  const Plan plan = PlanPod(story.f, kNow);
  EXPECT_EQ(plan.wake_at, kNow + 16 * kSecond);
  ASSERT_EQ(plan.waits.size(), 1u);
  EXPECT_EQ(plan.waits[0], "back-off before container a is restarted, for 16 s more");
}

TEST(Planner, LooksAgainWhenAPullErrorGetsItsOtherName) {
  Story story;
  story.f.memory.containers["a"].failure =
      pod::Failure{"ErrImagePull", "404", kNow, kNow + 80 * kSecond};
  EXPECT_EQ(PlanPod(story.f, kNow).wake_at, kNow + pod::kPullErrorShown + 1);
  EXPECT_EQ(PlanPod(story.f, kNow + pod::kPullErrorShown + 1).wake_at, kNow + 80 * kSecond);
}

TEST(Planner, BacksOffTwiceAsLongEachTimeUpToFiveMinutes) {
  pod::Backoff backoff;
  std::vector<int64_t> delays;
  int64_t now = kNow;
  for (int i = 0; i < 8; ++i) {
    backoff = pod::Next(backoff, now, now);
    delays.push_back(backoff.delay / kSecond);
    now = pod::RestartAt(backoff, now, now);
  }
  EXPECT_EQ(delays, (std::vector<int64_t>{10, 20, 40, 80, 160, 300, 300, 300}));
  EXPECT_EQ(pod::Next(backoff, now + 601 * kSecond, now + 601 * kSecond).delay, 10 * kSecond)
      << "a long quiet run forgives";
}

TEST(Planner, ShortensTheGraceByWhatPreStopTook) {
  Story story;
  story.Container("a").pre_stop = kube::SleepAction{1};
  story.Is("a", RunState::kRunning);
  story.f.memory.deletion = {kNow - 12 * kSecond, 30};
  story.f.memory.kills["a0"] = {kNow - 12 * kSecond, true, ""};
  const Plan plan = PlanPod(story.f, kNow);
  ASSERT_EQ(Actions(plan), "kill/a0");
  EXPECT_EQ(std::get<KillContainer>(plan.actions[0]).grace_seconds, 18);
  story.f.memory.deletion = {kNow - 40 * kSecond, 30};
  EXPECT_EQ(std::get<KillContainer>(PlanPod(story.f, kNow).actions[0]).grace_seconds, 2)
      << "at least two seconds after preStop";
}

// A small world in which actions have their effects, some fail and containers end by chance:
// whatever happens, a deleted pod goes away whole, a pod that restarts always runs again, and no
// action is planned twice at a time.
class World {
 public:
  explicit World(uint32_t seed) : seed_(seed) {}
  uint32_t Random(uint32_t below) {
    seed_ = seed_ * 1664525u + 1013904223u;
    return (seed_ >> 8) % below;
  }
  void Apply(pod::Facts& f, const Action& action, int64_t now) {
    if (Random(6) == 0) {
      f.memory.pod_failure = pod::Failure{"FailedSync", "by chance", now, now + 5 * kSecond};
      return;
    }
    if (std::holds_alternative<Prepare>(action)) {
      f.memory.prepared = true;
      f.memory.torn_down = false;
    } else if (const auto* sandbox = std::get_if<CreateSandbox>(&action)) {
      f.observed.sandboxes.insert(f.observed.sandboxes.begin(),
                                  {.id = "s" + std::to_string(sandbox->attempt),
                                   .attempt = sandbox->attempt,
                                   .ready = true,
                                   .created_at = now,
                                   .ips = {"10.0.0.2"}});
    } else if (const auto* image = std::get_if<EnsureImage>(&action)) {
      f.memory.containers[image->container].image_ready_for = image->attempt;
    } else if (const auto* start = std::get_if<StartContainer>(&action)) {
      const pod::ContainerFact* last = pod::Latest(f.observed, start->container);
      ASSERT_TRUE(last == nullptr ||
                  (last->attempt < start->attempt && last->state != RunState::kRunning))
          << "started twice";
      f.memory.containers[start->container].crash = start->crash;
      pod::ContainerFact fact{.id = start->container + "-" + std::to_string(start->attempt),
                              .name = start->container,
                              .sandbox_id = start->sandbox_id,
                              .attempt = start->attempt,
                              .state = RunState::kRunning,
                              .created_at = now};
      for (const auto* list : {&f.pod.spec.containers, &f.pod.spec.init_containers}) {
        for (const kube::Container& container : *list) {
          if (container.name == start->container) fact.hash = pod::ContainerHash(container);
        }
      }
      f.health[fact.id] = {.started = true, .ready = true};
      f.observed.containers.insert(f.observed.containers.begin(), fact);
    } else if (const auto* hook = std::get_if<PreStop>(&action)) {
      f.memory.kills[hook->id].pre_stop_done = true;
    } else if (const auto* kill = std::get_if<KillContainer>(&action)) {
      End(f, kill->id, 143, now);
    } else if (const auto* remove = std::get_if<RemoveContainer>(&action)) {
      std::erase_if(f.observed.containers, [&](const auto& c) { return c.id == remove->id; });
    } else if (const auto* stop = std::get_if<StopSandbox>(&action)) {
      for (pod::SandboxFact& s : f.observed.sandboxes) s.ready = s.ready && s.id != stop->id;
    } else if (const auto* gone = std::get_if<RemoveSandbox>(&action)) {
      std::erase_if(f.observed.sandboxes, [&](const auto& s) { return s.id == gone->id; });
      std::erase_if(f.observed.containers, [&](const auto& c) { return c.sandbox_id == gone->id; });
    } else if (std::holds_alternative<TearDown>(action)) {
      f.memory.torn_down = true;
    }
  }
  void End(pod::Facts& f, const std::string& id, int32_t code, int64_t now) {
    for (pod::ContainerFact& c : f.observed.containers) {
      if (c.id != id || c.state == RunState::kExited) continue;
      c.state = RunState::kExited;
      c.exit_code = code;
      c.finished_at = now;
    }
  }

 private:
  uint32_t seed_;
};

TEST(Planner, BringsEveryPodToItsEndWhateverHappens) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    pod::Facts f;
    f.pod.metadata.uid = "u";
    f.pod.spec.containers = {Named("a"), Named("b")};
    f.pod.spec.init_containers = {Named("i"), Named("p", "Always")};
    f.pod.spec.containers[0].pre_stop = kube::SleepAction{1};
    f.pod.spec.restart_policy = std::vector<std::string>{"Always", "OnFailure", "Never"}[seed % 3];
    f.memory.first_seen = kNow;
    int64_t now = kNow;
    bool both_ran = false;
    for (int step = 0; step < 400; ++step) {
      const Plan plan = PlanPod(f, now);
      if (f.memory.final_phase.empty()) f.memory.final_phase = plan.final_phase;
      std::set<std::string> keys;
      for (const Action& action : plan.actions)
        ASSERT_TRUE(keys.insert(Key(action)).second) << Key(action) << " twice in one plan";
      for (const Action& action : plan.actions) {
        world.Apply(f, action, now);
        if (testing::Test::HasFatalFailure()) return;
      }
      if (plan.actions.empty()) now = std::max(now + kSecond, plan.wake_at);
      now += kSecond / 100;
      const auto* a = pod::Latest(f.observed, "a");
      const auto* b = pod::Latest(f.observed, "b");
      both_ran = both_ran || (a != nullptr && b != nullptr && a->state == RunState::kRunning &&
                              b->state == RunState::kRunning);
      for (const auto& c : std::vector<pod::ContainerFact>(f.observed.containers)) {
        if (c.state == RunState::kRunning && (c.name == "i" || world.Random(40) == 0))
          world.End(f, c.id, world.Random(2) == 0 ? 1 : 0, now);
      }
      if (!f.observed.sandboxes.empty() && world.Random(100) == 0)
        f.observed.sandboxes[0].ready = false;
    }
    if (f.pod.spec.restart_policy == "Always") {
      EXPECT_TRUE(both_ran);
      EXPECT_EQ(f.memory.final_phase, "");
    }
    f.memory.deletion = pod::Deletion{now, 30};
    bool forgotten = false;
    for (int step = 0; step < 200 && !forgotten; ++step) {
      const Plan plan = PlanPod(f, now);
      for (const Action& action : plan.actions) world.Apply(f, action, now);
      forgotten = plan.forget;
      now += 6 * kSecond;
    }
    EXPECT_TRUE(forgotten);
    EXPECT_TRUE(f.observed.sandboxes.empty() && f.observed.containers.empty());
  }
}

TEST(Planner, SaysWhenVolumesAreWaitedForTooLong) {
  Story story;
  pod::Memory& memory = story.f.memory;
  memory.prepared = false;
  memory.in_flight = {"prepare"};
  memory.unmounted = {"v"};
  struct Case {
    int64_t since, wake_at;
    bool overdue;
  };
  for (const Case& c : {Case{0, 0, false}, Case{kNow, kNow + pod::kVolumeWait, false},
                        Case{kNow - pod::kVolumeWait + 1, kNow + 1, false},
                        Case{kNow - pod::kVolumeWait, 0, true}}) {
    memory.volumes_since = c.since;
    const Plan plan = PlanPod(story.f, kNow);
    EXPECT_EQ(plan.volumes_overdue, c.overdue) << kNow - c.since;
    EXPECT_EQ(plan.wake_at, c.wake_at) << kNow - c.since;
  }
  memory.unmounted.clear();  // something else keeps it
  EXPECT_FALSE(PlanPod(story.f, kNow).volumes_overdue);
  memory.unmounted = {"v"};
  memory.prepared = true;
  EXPECT_FALSE(PlanPod(story.f, kNow).volumes_overdue);
}

}  // namespace
}  // namespace keelson::sync
