// SPDX-License-Identifier: Apache-2.0
#include "cli/pod_summary.h"

#include <gtest/gtest.h>

namespace keelson::cli {
namespace {

// 2026-01-02T03:04:05Z
constexpr int64_t kNow = 1'767'323'045'000'000'000;

json::Value Pod(const std::string& yaml) {
  const auto pod = json::ParseYaml(yaml);
  EXPECT_TRUE(pod.ok()) << pod.error().message() << yaml;
  return pod.ok() ? *pod : json::Value();
}

constexpr const char* kTwo =
    "metadata: {name: web, namespace: default, creationTimestamp: '2026-01-02T03:00:00Z'}\n"
    "spec: {nodeName: n1, containers: [{name: a, image: i:1}, {name: b, image: j}]}\n";
constexpr const char* kWithInit =
    "metadata: {name: web, namespace: default}\n"
    "spec: {initContainers: [{name: x}, {name: y}], containers: [{name: a}]}\n";
constexpr const char* kWithSidecar =
    "metadata: {name: web, namespace: default}\n"
    "spec: {initContainers: [{name: s, restartPolicy: Always}, {name: y}], containers: [{name: "
    "a}]}\n";

TEST(PodSummary, SaysWhatKubectlSays) {
  struct Case {
    const char* name;
    const char* pod;
    const char* status;  // YAML
    const char *ready, *shown, *restarts;
  };
  const Case cases[] = {
      {"both run", kTwo,
       "{phase: Running, containerStatuses: [{name: a, ready: true, state: {running: {}}}, {name: "
       "b, ready: true, state: {running: {}}}]}",
       "2/2", "Running", "0"},
      {"one is not ready", kTwo,
       "{phase: Running, containerStatuses: [{name: a, ready: true, state: {running: {}}}, {name: "
       "b, ready: false, state: {running: {}}}]}",
       "1/2", "Running", "0"},
      {"not there yet", kTwo,
       "{phase: Pending, containerStatuses: [{name: a, state: {waiting: {reason: "
       "ContainerCreating}}}, {name: b, state: {waiting: {reason: ContainerCreating}}}]}",
       "0/2", "ContainerCreating", "0"},
      {"nobody has looked at it", kTwo, "{}", "0/2", "Unknown", "0"},
      {"the first one's trouble is shown", kTwo,
       "{phase: Pending, containerStatuses: [{name: a, state: {waiting: {reason: "
       "ImagePullBackOff}}}, {name: b, state: {waiting: {reason: ContainerCreating}}}]}",
       "0/2", "ImagePullBackOff", "0"},
      {"one crashes again and again", kTwo,
       "{phase: Running, containerStatuses: [{name: a, ready: true, state: {running: {}}}, {name: "
       "b, restartCount: 3, state: {waiting: "
       "{reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 1, finishedAt: "
       "'2026-01-02T03:03:45Z'}}}]}",
       "1/2", "CrashLoopBackOff", "3 (20s ago)"},
      {"the latest restart counts", kTwo,
       "{phase: Running, containerStatuses: [{name: a, restartCount: 1, ready: true, state: "
       "{running: {}}, lastState: {terminated: {finishedAt: "
       "'2026-01-02T03:04:00Z'}}}, {name: b, restartCount: 2, ready: true, state: {running: {}}, "
       "lastState: {terminated: {finishedAt: '2026-01-02T03:00:00Z'}}}]}",
       "2/2", "Running", "3 (5s ago)"},
      {"all done", kTwo,
       "{phase: Succeeded, containerStatuses: [{name: a, state: {terminated: {exitCode: 0, reason: "
       "Completed}}}, {name: b, state: {terminated: {exitCode: 0, reason: Completed}}}]}",
       "0/2", "Completed", "0"},
      {"one done, one runs, the pod is ready", kTwo,
       "{phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: "
       "a, state: {terminated: {exitCode: 0, reason: "
       "Completed}}}, {name: b, ready: true, state: {running: {}}}]}",
       "1/2", "Running", "0"},
      {"one done, one runs, the pod is not ready", kTwo,
       "{phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: "
       "a, state: {terminated: {exitCode: 0, reason: "
       "Completed}}}, {name: b, ready: true, state: {running: {}}}]}",
       "1/2", "NotReady", "0"},
      {"failed", kTwo,
       "{phase: Failed, containerStatuses: [{name: a, state: {terminated: {exitCode: 1, reason: "
       "Error}}}]}",
       "0/2", "Error", "0"},
      {"killed for its memory", kTwo,
       "{phase: Running, containerStatuses: [{name: a, state: {terminated: {exitCode: 137, reason: "
       "OOMKilled}}}]}",
       "0/2", "OOMKilled", "0"},
      {"an exit without a word", kTwo,
       "{phase: Failed, containerStatuses: [{name: a, state: {terminated: {exitCode: 3}}}]}", "0/2",
       "ExitCode:3", "0"},
      {"a signal without a word", kTwo,
       "{phase: Failed, containerStatuses: [{name: a, state: {terminated: {exitCode: 137, signal: "
       "9}}}]}",
       "0/2", "Signal:9", "0"},
      {"evicted", kTwo, "{phase: Failed, reason: Evicted}", "0/2", "Evicted", "0"},
      {"the first init container has begun", kWithInit,
       "{phase: Pending, initContainerStatuses: [{name: x, state: {running: {}}}, {name: y, state: "
       "{waiting: {reason: PodInitializing}}}], "
       "containerStatuses: [{name: a, state: {waiting: {reason: PodInitializing}}}]}",
       "0/1", "Init:0/2", "0"},
      {"the second has", kWithInit,
       "{phase: Pending, initContainerStatuses: [{name: x, restartCount: 2, state: {terminated: "
       "{exitCode: 0}}}, {name: y, state: {waiting: {reason: PodInitializing}}}]}",
       "0/1", "Init:1/2", "2"},
      {"an init container crashes", kWithInit,
       "{phase: Pending, initContainerStatuses: [{name: x, restartCount: 4, state: {waiting: "
       "{reason: CrashLoopBackOff}}}]}",
       "0/1", "Init:CrashLoopBackOff", "4"},
      {"an init container failed", kWithInit,
       "{phase: Failed, initContainerStatuses: [{name: x, state: {terminated: {exitCode: 1, "
       "reason: Error}}}]}",
       "0/1", "Init:Error", "0"},
      {"an init container failed without a word", kWithInit,
       "{phase: Failed, initContainerStatuses: [{name: x, state: {terminated: {exitCode: 7}}}]}",
       "0/1", "Init:ExitCode:7", "0"},
      {"init containers are done and their restarts forgotten", kWithInit,
       "{phase: Running, initContainerStatuses: [{name: x, restartCount: 2, state: {terminated: "
       "{exitCode: 0}}}, {name: y, state: {terminated: {exitCode: 0}}}], "
       "containerStatuses: [{name: a, ready: true, state: {running: {}}}]}",
       "1/1", "Running", "0"},
      {"a sidecar counts", kWithSidecar,
       "{phase: Running, initContainerStatuses: [{name: s, restartCount: 1, started: true, ready: "
       "true, state: {running: {}}}, {name: y, state: {terminated: "
       "{exitCode: 0}}}], containerStatuses: [{name: a, ready: true, state: {running: {}}}]}",
       "2/2", "Running", "1"},
      {"behind a sidecar an init container runs", kWithSidecar,
       "{phase: Pending, initContainerStatuses: [{name: s, started: true, ready: true, state: "
       "{running: {}}}, {name: y, state: {running: {}}}]}",
       "1/2", "Init:1/2", "0"},
      {"a sidecar that has not started yet", kWithSidecar,
       "{phase: Pending, initContainerStatuses: [{name: s, started: false, state: {running: {}}}]}",
       "0/2", "Init:0/2", "0"},
      {"a sidecar restarts in an initialized pod", kWithSidecar,
       "{phase: Running, conditions: [{type: Initialized, status: 'True'}], initContainerStatuses: "
       "[{name: s, restartCount: 1, started: false, state: {waiting: "
       "{reason: CrashLoopBackOff}}}], containerStatuses: [{name: a, ready: true, restartCount: 1, "
       "state: {running: {}}}]}",
       "1/2", "Init:CrashLoopBackOff", "2"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const PodSummary summary = Summarize(Pod(std::string(c.pod) + "status: " + c.status), kNow);
    EXPECT_EQ(summary.ready, c.ready);
    EXPECT_EQ(summary.status, c.shown);
    EXPECT_EQ(summary.restarts, c.restarts);
  }
}

TEST(PodSummary, ADeletedPodIsTerminatingUntilItIsOver) {
  const auto status = [](const std::string& rest) {
    return Summarize(Pod("metadata: {name: a, deletionTimestamp: '2026-01-02T03:04:05Z'}\nspec: "
                         "{containers: [{name: a}]}\nstatus: " +
                         rest),
                     kNow)
        .status;
  };
  EXPECT_EQ(status("{phase: Running}"), "Terminating");
  EXPECT_EQ(status("{phase: Running, reason: NodeLost}"), "Unknown");
  EXPECT_EQ(status("{phase: Failed, containerStatuses: [{name: a, state: {terminated: {exitCode: "
                   "137, reason: Error}}}]}"),
            "Error");
}

TEST(PodSummary, HasTheOtherColumns) {
  const PodSummary summary =
      Summarize(Pod(std::string(kTwo) + "status: {phase: Succeeded, podIP: 10.42.0.7}"), kNow);
  EXPECT_EQ(summary.name_space, "default");
  EXPECT_EQ(summary.name, "web");
  EXPECT_EQ(summary.age, "4m5s");
  EXPECT_EQ(summary.ip, "10.42.0.7");
  EXPECT_EQ(summary.node, "n1");
  EXPECT_EQ(summary.images, "i:1,j");
  EXPECT_TRUE(summary.over);
}

TEST(ContainerSummary, TellsOfTheRunsPresentAndLast) {
  const auto containers = SummarizeContainers(
      Pod("spec: {initContainers: [{name: x}], containers: [{name: a}, {name: b}, {name: c}]}\n"
          "status: {initContainerStatuses: [{name: x, ready: true, state: {terminated: {exitCode: "
          "0, reason: Completed, finishedAt: '2026-01-02T03:03:05Z'}}}],\n"
          "  containerStatuses: [\n"
          "  {name: b, restartCount: 2, containerID: 'keelson://abc', state: {waiting: {reason: "
          "CrashLoopBackOff, message: back-off 20s}}, lastState: {terminated: "
          "{exitCode: 1, reason: Error, message: no port, finishedAt: '2026-01-02T03:04:00Z'}}},\n"
          "  {name: a, ready: true, containerID: 'keelson://def', state: {running: {startedAt: "
          "'2026-01-02T03:04:00Z'}}, lastState: {}}]}"),
      kNow);
  ASSERT_EQ(containers.size(), 4u);
  EXPECT_TRUE(containers[0].init);
  EXPECT_EQ(containers[0].status, "Completed");
  EXPECT_EQ(containers[0].last_exit, "exit 0, Completed, 60s ago");
  EXPECT_EQ(containers[1].status, "Running");
  EXPECT_TRUE(containers[1].running);
  EXPECT_EQ(containers[1].age, "5s");
  EXPECT_EQ(containers[1].last_exit, "");
  EXPECT_EQ(containers[1].id, "def");
  EXPECT_EQ(containers[2].status, "CrashLoopBackOff");
  EXPECT_EQ(containers[2].restarts, "2 (5s ago)");
  EXPECT_EQ(containers[2].last_exit, "exit 1, Error, 5s ago");
  EXPECT_EQ(containers[2].message, "last run: no port; back-off 20s");
  EXPECT_FALSE(containers[2].running);
  EXPECT_EQ(containers[3].status, "Waiting");
}

}  // namespace
}  // namespace keelson::cli
