// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/findings.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "lib/base/strings.h"

namespace keelson::page {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kNow = 1'767'225'600;  // 2026-01-01T00:00:00Z
constexpr char kLong[] = "2025-12-31T22:00:00Z";
constexpr char kJustNow[] = "2025-12-31T23:59:55Z";

json::Value Yaml(std::string_view text) {
  auto value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *value : json::Value::Object();
}

// What is found, one line each: "broken Pod a/b: says: detail (count)".
std::vector<std::string> Told(const World& world) {
  std::vector<std::string> out;
  for (const Finding& finding : Findings(world, kNow))
    out.push_back(fmt::format("{} {} {}: {}: {} ({})", LevelText(finding.level), finding.kind,
                              finding.ns.empty() ? finding.name : finding.ns + "/" + finding.name,
                              finding.says, finding.detail, finding.count));
  return out;
}

// "NAME", made long ago, with this of it besides.
Pod APod(std::string_view name, std::string_view status, std::string_view node = "n1",
         std::string_view made = kLong, std::string_view more = "") {
  return PodOf(Yaml(
      fmt::format("metadata: {{name: {0}, namespace: a, creationTimestamp: \"{3}\"{4}}}\n"
                  "spec: {{nodeName: \"{2}\", containers: [{{name: app, image: \"r/app:1\"}}]}}\n"
                  "status: {1}\n",
                  name, status, node, made, more)));
}
std::string Waiting(std::string_view reason, std::string_view message = "") {
  return fmt::format(
      "{{phase: Pending, containerStatuses: [{{name: app, restartCount: 4, state: {{waiting: "
      "{{reason: {}, message: \"{}\"}}}}, lastState: {{terminated: {{exitCode: 3, reason: Error, "
      "finishedAt: \"{}\"}}}}}}]}}",
      reason, message, kJustNow);
}
std::string Conditions(std::string_view phase, std::string_view conditions) {
  return fmt::format("{{phase: {}, conditions: [{}]}}", phase, conditions);
}

TEST(Findings, OfAPod) {
  struct Case {
    std::string_view name;
    Pod pod;
    std::string told;  // empty: nothing
  };
  const std::string ready =
      fmt::format("{{type: Ready, status: \"True\", lastTransitionTime: \"{}\"}}", kLong);
  const std::string unready = fmt::format(
      "{{type: Ready, status: \"False\", message: \"containers with unready status: [app]\", "
      "lastTransitionTime: \"{}\"}}",
      kLong);
  const std::string deleted = fmt::format(", deletionTimestamp: \"{}\"", kLong);
  const std::string deleting = fmt::format(", deletionTimestamp: \"{}\"", kJustNow);
  const Case cases[] = {
      {"well", APod("p", Conditions("Running", ready)), ""},
      {"done", APod("p", "{phase: Succeeded}"), ""},
      {"just made", APod("p", "{phase: Pending}", "n1", kJustNow), ""},
      {"just made, no node yet", APod("p", "{phase: Pending}", "", kJustNow), ""},
      {"nobody schedules", APod("p", "{phase: Pending}", ""),
       "broken Pod a/p: waits for a scheduler:  (1)"},
      {"no node can take it",
       APod("p",
            Conditions("Pending",
                       "{type: PodScheduled, status: \"False\", reason: Unschedulable, message: "
                       "\"0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are "
                       "available.\"}"),
            "", kJustNow),
       "broken Pod a/p: no node can take it: 0/1 nodes are available: 1 Insufficient cpu. (1)"},
      {"held back",
       APod("p",
            Conditions("Pending",
                       "{type: PodScheduled, status: \"False\", reason: SchedulingGated}"),
            ""),
       ""},
      {"no image", APod("p", Waiting("ImagePullBackOff", "not found")),
       "broken Pod a/p: its image cannot be pulled: r/app:1: not found (1)"},
      {"no name of an image", APod("p", Waiting("InvalidImageName")),
       "broken Pod a/p: its image cannot be pulled: r/app:1: InvalidImageName (1)"},
      {"no key of a map", APod("p", Waiting("CreateContainerConfigError", "no key k")),
       "broken Pod a/p: a container cannot be started: CreateContainerConfigError: no key k (1)"},
      {"crashes", APod("p", Waiting("CrashLoopBackOff")),
       "broken Pod a/p: a container ends again and again: app: 4 restarts, last ended with exit "
       "code 3 (1)"},
      {"ran out of memory",
       APod("p", fmt::format("{{phase: Running, conditions: [{}], containerStatuses: [{{name: app, "
                             "restartCount: 1, state: {{running: {{}}}}, lastState: {{terminated: "
                             "{{exitCode: 137, reason: OOMKilled, finishedAt: \"{}\"}}}}}}]}}",
                             ready, kJustNow)),
       "warning Pod a/p: a container was killed for its use of memory: app: 1 restarts (1)"},
      {"ran out of memory long ago",
       APod("p", fmt::format("{{phase: Running, conditions: [{}], containerStatuses: [{{name: app, "
                             "restartCount: 1, state: {{running: {{}}}}, lastState: {{terminated: "
                             "{{exitCode: 137, reason: OOMKilled, finishedAt: \"{}\"}}}}}}]}}",
                             ready, kLong)),
       ""},
      {"between two crashes",
       APod("p", fmt::format("{{phase: Running, conditions: [{}], containerStatuses: [{{name: app, "
                             "restartCount: 5, state: {{running: {{}}}}, lastState: {{terminated: "
                             "{{exitCode: 1, reason: Error, finishedAt: \"{}\"}}}}}}]}}",
                             ready, kJustNow)),
       "warning Pod a/p: a container ends again and again: app: 5 restarts, last ended with exit "
       "code 1 (1)"},
      {"not ready", APod("p", Conditions("Running", unready)),
       "warning Pod a/p: is not ready: containers with unready status: [app] (1)"},
      {"does not start", APod("p", Conditions("Pending", unready)),
       "broken Pod a/p: does not start: containers with unready status: [app] (1)"},
      {"evicted", APod("p", "{phase: Failed, reason: Evicted, message: low on memory}"),
       "warning Pod a/p: was evicted: low on memory (1)"},
      {"failed", APod("p", "{phase: Failed, reason: DeadlineExceeded}"),
       "warning Pod a/p: has failed: DeadlineExceeded (1)"},
      {"failed, of a job",
       APod("p", "{phase: Failed}", "n1", kLong,
            ", ownerReferences: [{kind: Job, name: j, controller: true}]"),
       ""},
      {"ending", APod("p", Conditions("Running", unready), "n1", kLong, deleting), ""},
      {"does not end", APod("p", Conditions("Running", unready), "n1", kLong, deleted),
       "warning Pod a/p: is being deleted and does not end:  (1)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    World world;
    world.pods["a/p"] = c.pod;
    if (c.told.empty())
      EXPECT_THAT(Told(world), IsEmpty());
    else
      EXPECT_THAT(Told(world), ElementsAre(c.told));
  }
}

TEST(Findings, AnEventSaysWhyAPodDoesNotStart) {
  World world;
  world.pods["a/p"] = APod("p", "{phase: Pending}");
  const auto event = [&](const char* key, const char* type, int64_t at, const char* message) {
    world.events[key] = {.revision = 1,
                         .ns = "a",
                         .kind = "Pod",
                         .name = "p",
                         .type = type,
                         .reason = "FailedMount",
                         .message = message,
                         .count = 1,
                         .at = at};
  };
  event("1", "Warning", 10, "the one before");
  event("2", "Warning", 20, "no such secret");
  event("3", "Normal", 30, "well");
  EXPECT_THAT(Told(world),
              ElementsAre("broken Pod a/p: does not start: FailedMount: no such secret (1)"));
}

TEST(Findings, PodsOfOneOwnerAreOne) {
  World world;
  const std::string owned =
      ", ownerReferences: [{kind: ReplicaSet, name: web-1, controller: true}]";
  for (const char* name : {"x", "y", "z"})
    world.pods[std::string("a/") + name] =
        APod(name, Waiting("ErrImagePull", "gone"), "n1", kLong, owned);
  world.pods["a/other"] = APod("other", Waiting("ErrImagePull", "gone"));
  EXPECT_THAT(
      Told(world),
      ElementsAre("broken ReplicaSet a/web-1: its image cannot be pulled: r/app:1: gone (3)",
                  "broken Pod a/other: its image cannot be pulled: r/app:1: gone (1)"));
  world.workloads["web-1"] = WorkloadOf(
      Yaml("metadata: {name: web-1, namespace: a, ownerReferences: [{kind: Deployment, name: web, "
           "controller: true}]}"),
      "ReplicaSet");
  EXPECT_EQ(Told(world)[0],
            "broken Deployment a/web: its image cannot be pulled: r/app:1: gone (3)");
  EXPECT_EQ(Findings(world, kNow)[0].pod, "x");
  EXPECT_EQ(Findings(world, kNow)[0].container, "app");
}

Node ANode(std::string_view name, std::string_view conditions, std::string_view spec = "{}") {
  return NodeOf(Yaml(fmt::format(
      "metadata: {{name: {}, creationTimestamp: \"{}\"}}\nspec: {}\nstatus: {{conditions: [{}]}}",
      name, kLong, spec, conditions)));
}
constexpr char kReady[] = "{type: Ready, status: \"True\"}";

TEST(Findings, OfANode) {
  struct Case {
    std::string_view conditions;
    std::vector<std::string> told;
  };
  const Case cases[] = {
      {kReady, {}},
      {"", {"broken Node n1: has never said that it is ready:  (1)"}},
      {"{type: Ready, status: \"False\", message: no network}",
       {"broken Node n1: is not ready: no network (1)"}},
      {"{type: Ready, status: Unknown, message: Kubelet stopped posting node status.}",
       {"broken Node n1: does not answer: Kubelet stopped posting node status. (1)"}},
      {"{type: Ready, status: \"True\"}, {type: MemoryPressure, status: \"True\", message: m}, "
       "{type: DiskPressure, status: \"False\"}, {type: PIDPressure, status: \"True\"}",
       {"warning Node n1: is short of memory: m (1)",
        "warning Node n1: is short of process numbers:  (1)"}},
      {"{type: Ready, status: \"True\"}, {type: NetworkUnavailable, status: \"True\"}",
       {"broken Node n1: has no network for pods:  (1)"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.conditions);
    World world;
    world.nodes["n1"] = ANode("n1", c.conditions);
    EXPECT_EQ(Told(world), c.told);
  }
  World world;
  world.nodes["n1"] = ANode("n1", kReady, "{unschedulable: true}");
  EXPECT_EQ(Findings(world, kNow).at(0).level, Level::kNote);
}

TEST(Findings, ALostNodeSaysItForItsPods) {
  World world;
  world.nodes["n1"] = ANode("n1", "{type: Ready, status: Unknown}");
  world.pods["a/p"] =
      APod("p", fmt::format("{{phase: Running, conditions: [{{type: Ready, status: \"False\", "
                            "lastTransitionTime: \"{}\"}}]}}",
                            kLong));
  EXPECT_THAT(Told(world), ElementsAre("broken Node n1: does not answer:  (1)"));
  world.pods["a/well"] =
      APod("well", "{phase: Running, conditions: [{type: Ready, status: \"True\"}]}");
  world.pods["a/done"] = APod("done", "{phase: Succeeded}");
  std::map<const Pod*, Level> levels;
  (void)Findings(world, kNow, &levels);
  EXPECT_EQ(levels.size(), 2u);  // and yet they are shown as what may not work
}

TEST(Findings, OfWorkloads) {
  struct Case {
    std::string_view kind, status;
    std::string told;
  };
  const std::string unavailable = fmt::format(
      "{{type: Available, status: \"False\", message: m, lastTransitionTime: \"{}\"}}", kLong);
  const std::string some = "{readyReplicas: 1, conditions: [" + unavailable + "]}";
  const Case cases[] = {
      {"Deployment", "{readyReplicas: 3}", ""},
      {"Deployment", "{readyReplicas: 1}", ""},
      {"Deployment", some, "warning Deployment a/w: has 1 of 3 pods ready: m (1)"},
      {"Deployment",
       "{conditions: [{type: Progressing, status: \"False\", reason: ProgressDeadlineExceeded, "
       "message: late}]}",
       "broken Deployment a/w: its rollout does not go on: late (1)"},
      {"Deployment",
       "{conditions: [{type: ReplicaFailure, status: \"True\", reason: FailedCreate, message: "
       "quota}, {type: Progressing, status: \"False\", reason: ProgressDeadlineExceeded}]}",
       "broken Deployment a/w: its pods cannot be made: quota (1)"},
      {"Job",
       "{conditions: [{type: Failed, status: \"True\", reason: BackoffLimitExceeded, message: b}]}",
       "broken Job a/w: failed: BackoffLimitExceeded: b (1)"},
      {"Job", "{conditions: [{type: Complete, status: \"True\"}]}", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.status);
    World world;
    world.workloads["w"] = WorkloadOf(
        Yaml(fmt::format("metadata: {{name: w, namespace: a}}\nspec: {{replicas: 3}}\nstatus: {}",
                         c.status)),
        c.kind);
    EXPECT_THAT(base::Join(Told(world), "\n"), c.told);
  }
}

TEST(Findings, OfServicesClaimsAndNamespaces) {
  World world;
  const auto service = [&](const char* name, const char* spec, const char* made) {
    world.services[name] = ServiceOf(Yaml(
        fmt::format("metadata: {{name: {}, namespace: a, creationTimestamp: \"{}\"}}\nspec: {}",
                    name, made, spec)));
  };
  const auto slice = [&](const char* name, const char* endpoints) {
    world.slices[name] =
        SliceOf(Yaml(fmt::format("metadata: {{namespace: a, labels: {{kubernetes.io/service-name: "
                                 "{}}}}}\nendpoints: {}",
                                 name, endpoints)));
  };
  service("empty", "{selector: {app: x}}", kLong);
  service("new", "{selector: {app: x}}", kJustNow);
  service("named", "{selector: {app: x}, type: ExternalName}", kLong);
  service("by-hand", "{}", kLong);
  service("unready", "{selector: {app: x}}", kLong);
  slice("unready", "[{conditions: {ready: false}}, {conditions: {ready: false}}]");
  service("well", "{selector: {app: x}}", kLong);
  slice("well", "[{conditions: {ready: false}}, {conditions: {ready: true}}, {}]");
  EXPECT_EQ(world.slices["well"].ready, 2);
  world.claims["c"] = ClaimOf(Yaml(fmt::format(
      "metadata: {{name: c, namespace: a, creationTimestamp: \"{}\"}}\nstatus: {{phase: Pending}}",
      kLong)));
  world.namespaces["gone"] = NamespaceOf(Yaml(fmt::format(
      "metadata: {{name: gone, deletionTimestamp: \"{}\"}}\nstatus: {{conditions: [{{status: "
      "\"True\", message: things are left}}]}}",
      kLong)));
  world.namespaces["a"] = NamespaceOf(Yaml("metadata: {name: a}"));
  EXPECT_THAT(
      Told(world),
      ElementsAre(
          "warning Service a/empty: has no endpoint: who asks it is refused: its selector "
          "matches no pod that has an address (1)",
          "warning Service a/unready: has no endpoint: who asks it is refused: 2 of its "
          "pods are there, none of them ready (1)",
          "warning PersistentVolumeClaim a/c: waits for a volume:  (1)",
          "warning Namespace gone: is being deleted and does not end: things are left (1)"));
}

TEST(Findings, TheWorstComesFirst) {
  World world;
  world.pods["a/crash"] = APod("crash", Waiting("CrashLoopBackOff"));
  world.pods["a/image"] = APod("image", Waiting("ErrImagePull"));
  world.pods["a/evicted"] = APod("evicted", "{phase: Failed, reason: Evicted}");
  world.nodes["short"] =
      ANode("short", "{type: Ready, status: \"True\"}, {type: DiskPressure, status: \"True\"}",
            "{unschedulable: true}");
  world.nodes["lost"] = ANode("lost", "{type: Ready, status: Unknown}");
  std::vector<std::string> names;
  for (const Finding& finding : Findings(world, kNow)) names.push_back(finding.name);
  EXPECT_THAT(names, ElementsAre("lost", "image", "crash", "short", "evicted", "short"));
}

}  // namespace
}  // namespace keelson::page
