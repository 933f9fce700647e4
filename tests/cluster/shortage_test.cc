// SPDX-License-Identifier: Apache-2.0
// A node that really runs short: of a small disk that a pod fills, and of the memory that all pods
// together may have. The thresholds are the test's, so what else the machine does is no matter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "tests/cluster/joined_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class NodeShortageTest : public JoinedNode {
 protected:
  void TearDown() override {
    JoinedNode::TearDown();
    if (disk_.empty()) return;
    EXPECT_EQ(umount2(disk_.c_str(), MNT_DETACH), 0);
    EXPECT_TRUE(os::RemoveTree(disk_).ok());
  }
  // A file system of its own for volumes.
  void GiveDisk(const std::string& options) {
    const std::string disk = "/run/keelson-disk-" + id_;
    ASSERT_TRUE(os::MakeDir(disk, 0755).ok());
    ASSERT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", 0, options.c_str()), 0);
    kubelet_root_ = disk_ = disk;
  }
  // One container "main" of busybox; `volumes`: {name: emptyDir}, each mounted at /NAME.
  void Run(const std::string& name, const std::string& script,
           const std::map<std::string, std::string>& volumes, const std::string& resources = "{}") {
    std::string mounts, sources;
    for (const auto& [volume, source] : volumes) {
      mounts += "{name: " + volume + ", mountPath: /" + volume + "}, ";
      sources += "{name: " + volume + ", emptyDir: " + source + "}, ";
    }
    Apply(json::ParseYaml("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                          "}, spec: {containers: [{name: main, image: "
                          "\"docker.io/library/busybox:demo\", command: [/bin/sh, -c, '" +
                          script + "'], resources: " + resources + ", volumeMounts: [" + mounts +
                          "]}], volumes: [" + sources + "]}}")
              .value());
  }
  void RunUntilReady(const std::string& name, const std::string& script,
                     const std::map<std::string, std::string>& volumes,
                     const std::string& resources = "{}") {
    Run(name, script, volumes, resources);
    (void)Kubectl({"wait", "--for=condition=Ready", "pod/" + name, "--timeout=150s"});
  }
  json::Value StatusOf(const std::string& pod) { return Object({"pod", pod}).At({"status"}); }
  bool IsEvicted(const std::string& pod) {
    const json::Value status = StatusOf(pod);
    return status.At({"phase"}).AsString() == "Failed" &&
           status.At({"reason"}).AsString() == "Evicted";
  }
  // Of the newest event of that reason; null: there is none.
  json::Value EventOf(const std::string& object, const std::string& reason) {
    const json::Value events = Object(
        {"events", "--field-selector", "involvedObject.name=" + object + ",reason=" + reason});
    const auto& items = events.At({"items"}).items();
    return items.empty() ? json::Value() : items.back();
  }
  // It ran all the time.
  void ExpectUntouched(const std::string& pod) {
    const json::Value status = StatusOf(pod);
    EXPECT_EQ(status.At({"phase"}).AsString(), "Running");
    EXPECT_EQ(status.At({"containerStatuses"}).items().at(0).At({"restartCount"}).AsInt(), 0);
  }
  std::string disk_;
};

TEST_F(NodeShortageTest, WhoFillsTheDiskGoesAndTheConditionAfterThem) {
  ASSERT_NO_FATAL_FAILURE(GiveDisk("size=96m,mode=0755"));
  SetKubelet("10-thresholds",
             "evictionHard: {nodefs.available: 50%}\nevictionPressureTransitionPeriod: 5s\n");
  ASSERT_NO_FATAL_FAILURE(StartNode());
  RunUntilReady("modest", "dd if=/dev/zero of=/v/some bs=1M count=4; sleep 100000", {{"v", "{}"}});
  // More than it said it would take, and far from all that there is.
  Run("swollen", "dd if=/dev/zero of=/v/more bs=1M count=4; sleep 100000",
      {{"v", "{sizeLimit: 1Mi}"}});
  ASSERT_TRUE(Eventually([&] { return IsEvicted("swollen"); })) << Kubectl({"get", "pods"});
  EXPECT_EQ(StatusOf("swollen").At({"message"}).AsString(),
            "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ");
  EXPECT_TRUE(EventOf("node", "NodeHasDiskPressure").IsNull());

  Run("greedy", "dd if=/dev/zero of=/v/all bs=1M count=60; sleep 100000", {{"v", "{}"}});
  ASSERT_TRUE(Eventually([&] { return IsEvicted("greedy"); })) << Kubectl({"get", "pods"});
  EXPECT_THAT(StatusOf("greedy").At({"message"}).AsString(),
              StartsWith("The node was low on resource: ephemeral-storage. Threshold quantity: "
                         "48Mi, available: "));
  EXPECT_EQ(Condition(Object({"pod", "greedy"}), "DisruptionTarget"), "True");
  EXPECT_TRUE(Eventually([&] {
    return EventOf("greedy", "Evicted")
               .At({"metadata", "annotations", "starved_resource"})
               .AsString() == "ephemeral-storage";
  }));
  EXPECT_TRUE(Eventually([&] {
    return EventOf("node", "EvictionThresholdMet").At({"message"}).AsString() ==
           "Attempting to reclaim ephemeral-storage";
  }));
  for (const char* event : {"NodeHasDiskPressure", "NodeHasNoDiskPressure"})
    EXPECT_TRUE(Eventually([&] { return !EventOf("node", event).IsNull(); })) << event;
  EXPECT_TRUE(
      Eventually([&] { return Condition(Object({"node", "node"}), "DiskPressure") == "False"; }));
  ExpectUntouched("modest");
}

TEST_F(NodeShortageTest, WhoTakesTheMemoryOfAllGoesAndTheConditionAfterThem) {
  std::string kilobytes;
  const std::string meminfo = os::ReadFile("/proc/meminfo").value();
  for (const std::string_view line : base::Split(meminfo, '\n')) {
    if (line.starts_with("MemTotal:"))
      kilobytes = std::string(base::Trim(line.substr(9, line.size() - 9 - 3)));
  }
  const int64_t all = static_cast<int64_t>(base::ParseUint64(kilobytes).value());
  // 384 MiB for pods; below 128 of them it begins to be too little.
  SetKubelet("10-thresholds", "systemReserved: {memory: " + std::to_string(all - (384 << 10)) +
                                  "Ki}\nevictionHard: {memory.available: 128Mi}\n"
                                  "evictionPressureTransitionPeriod: 5s\n");
  ASSERT_NO_FATAL_FAILURE(StartNode());
  RunUntilReady("modest", "dd if=/dev/zero of=/v/some bs=1M count=30; sleep 100000",
                {{"v", "{medium: Memory}"}}, "{requests: {memory: 64Mi}}");
  Run("greedy", "for v in /v /w; do dd if=/dev/zero of=$v/much bs=1M count=130; done; sleep 100000",
      {{"v", "{medium: Memory}"}, {"w", "{medium: Memory}"}}, "{requests: {memory: 32Mi}}");
  ASSERT_TRUE(Eventually([&] { return IsEvicted("greedy"); })) << Kubectl({"get", "pods"});
  const std::string message = StatusOf("greedy").At({"message"}).AsString();
  EXPECT_THAT(message, StartsWith("The node was low on resource: memory. Threshold quantity: "
                                  "128Mi, available: "));
  EXPECT_THAT(message, HasSubstr("Container main was using "));
  EXPECT_THAT(message, HasSubstr(", request is 32Mi, has larger consumption of memory. "));
  for (const char* event : {"NodeHasInsufficientMemory", "NodeHasSufficientMemory"})
    EXPECT_TRUE(Eventually([&] { return !EventOf("node", event).IsNull(); })) << event;
  EXPECT_TRUE(
      Eventually([&] { return Condition(Object({"node", "node"}), "MemoryPressure") == "False"; }));
  ExpectUntouched("modest");
}

}  // namespace
}  // namespace keelson::cluster_test
