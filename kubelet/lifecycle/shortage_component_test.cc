// SPDX-License-Identifier: Apache-2.0
// A node that always runs short of process ids, memory or disk, whatever the machine has: who goes,
// who stays, who is let in.
#include "kubelet/lifecycle/test_node.h"

namespace keelson::lifecycle {
namespace {

using eviction::Condition;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kMi = 1 << 20;

class ShortageTest : public NodeOfATest {
 protected:
  void WatchFor(const eviction::Configured& configured) {
    shortage_.emplace(ShortageSettings{.rules = {eviction::ThresholdsOf(configured)},
                                       .root_dir = dir_.path(),
                                       .remove_images =
                                           [this] {
                                             ++images_removed_;
                                             return base::Status();
                                           },
                                       .period = std::chrono::milliseconds(20)});
  }
  void Uses(const std::vector<std::pair<std::string, int64_t>>& memory) {
    std::vector<cri::PodSandboxStats> all;
    for (const auto& [pod, bytes] : memory) {
      cri::PodSandboxStats& stats = all.emplace_back();
      stats.mutable_attributes()->mutable_metadata()->set_uid("uid-" + pod);
      const auto used = static_cast<uint64_t>(bytes);
      stats.mutable_linux()->mutable_memory()->mutable_working_set_bytes()->set_value(used);
      cri::ContainerStats& container = *stats.mutable_linux()->add_containers();
      container.mutable_attributes()->mutable_metadata()->set_name(pod);
      container.mutable_memory()->mutable_working_set_bytes()->set_value(used);
    }
    fake_.SetStats(std::move(all));
  }
  static kube::Pod Critical(const std::string& name) {
    return Pod(name, OneContainer() + "priority: 2000000000\n");
  }
  std::string Reason(const std::string& pod) { return Status(pod).At({"reason"}).AsString(); }
  std::string Message(const std::string& pod) { return Status(pod).At({"message"}).AsString(); }
  std::set<Condition> Pressure() { return life_->view.Pressure(); }
  std::atomic<int> images_removed_ = 0;
};

TEST_F(ShortageTest, OnePodAfterTheOtherGoesAndTheSystemsStay) {
  const auto burstable = [](const std::string& name) {
    return Pod(name, "containers:\n- {name: " + name +
                         ", image: library/app:1, resources: {requests: {memory: 1Mi}}}\n"
                         "terminationGracePeriodSeconds: 600\n");
  };
  Want({burstable("little"), burstable("much"), Critical("system")});
  ASSERT_TRUE(
      Eventually([&] { return IsReady("little") && IsReady("much") && IsReady("system"); }));
  Uses({{"little", 2 * kMi}, {"much", 3 * kMi}, {"system", 900 * kMi}});
  // From now on nothing is ever enough.
  WatchFor({.hard = {{"memory.available", "1Ei"}}});
  Restart();
  Want({burstable("little"), burstable("much"), Critical("system")});
  ASSERT_TRUE(Eventually([&] { return Reason("little") == "Evicted"; }));
  EXPECT_EQ(Reason("much"), "Evicted");
  EXPECT_THAT(Message("much"), HasSubstr("The node was low on resource: memory. Threshold "
                                         "quantity: 1Ei, available: "));
  EXPECT_THAT(Message("much"), HasSubstr("Container much was using 3Mi, request is 1Mi, has larger "
                                         "consumption of memory. "));
  EXPECT_EQ(Phase("much"), "Failed");
  std::map<std::string, std::string> conditions;
  const json::Value status = Status("much");
  for (const json::Value& one : status.At({"conditions"}).items())
    conditions[one.At({"type"}).AsString()] = one.At({"reason"}).AsString();
  EXPECT_EQ(conditions["DisruptionTarget"], "TerminationByKubelet");
  EXPECT_TRUE(Eventually([&] {
    return Names(dir_.path() + "/kubelet/pods") == std::vector<std::string>{"uid-system"};
  })) << "what they had is gone";
  EXPECT_TRUE(IsReady("system"));
  EXPECT_THAT(Pressure(), ElementsAre(Condition::kMemoryPressure));
  // The larger one went first, and nobody waited for ten minutes.
  EXPECT_THAT(CallsOf("StopContainer"), ElementsAre(HasSubstr("much"), HasSubstr("little")));
  EXPECT_EQ(images_removed_, 0) << "images are no memory";

  Want({burstable("little"), burstable("much"), Critical("system"), Pod("light", OneContainer()),
        Critical("another")});
  ASSERT_TRUE(Eventually([&] { return !Reason("light").empty() && IsReady("another"); }));
  EXPECT_EQ(Reason("light"), "Evicted");
  EXPECT_EQ(Message("light"), "The node had condition: [MemoryPressure]. ");
}

TEST_F(ShortageTest, WhatEndedMakesRoomBeforeWhatRuns) {
  WatchFor({.hard = {{"nodefs.available", "1Ei"}}});
  Restart();
  const kube::Pod done =
      Pod("done", OneContainer() + "restartPolicy: Never\npriority: 2000000000\n");
  Want({done, Critical("system")});
  ASSERT_TRUE(Eventually([&] { return IsReady("done") && IsReady("system"); }));
  const std::string id = Container("done", "a").At({"containerID"}).AsString().substr(10);
  fake_.Exit(id, 3);
  ASSERT_TRUE(Eventually([&] { return !fake_.ContainerStatus(id).ok(); })) << "keelson://" << id;
  const int removed = images_removed_;
  ASSERT_TRUE(Eventually([&] { return images_removed_ > removed + 3; }));
  EXPECT_EQ(Phase("done"), "Failed");
  EXPECT_EQ(Container("done", "a").At({"state", "terminated", "exitCode"}).AsInt(), 3)
      << "what it came to is known";
  EXPECT_TRUE(IsReady("system"));
  EXPECT_THAT(Pressure(), ElementsAre(Condition::kDiskPressure));
}

TEST_F(ShortageTest, NothingIsAskedWhileThereIsEnough) {
  WatchFor({.hard = {{"memory.available", "1"}, {"nodefs.available", "1"}}});
  Restart();
  Want({Pod("web", OneContainer())});
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }));
  const int looked = fake_.Count("ImageFsInfo");
  ASSERT_TRUE(Eventually([&] { return fake_.Count("ImageFsInfo") > looked + 3; }));
  EXPECT_EQ(fake_.Count("ListPodSandboxStats"), 0);
  EXPECT_EQ(images_removed_, 0);
  EXPECT_TRUE(IsReady("web"));
  EXPECT_THAT(Pressure(), IsEmpty());
}

TEST_F(ShortageTest, AVolumeThatIsLargerThanItMayBeEndsItsPod) {
  WatchFor({});
  Restart();
  Want({Pod("web", OneContainer() + "volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]\n"),
        Pod("other", OneContainer() + "volumes: [{name: v, emptyDir: {}}]\n")});
  ASSERT_TRUE(Eventually([&] { return IsReady("web") && IsReady("other"); }));
  Uses({{"web", 1}, {"other", 1}});
  for (const char* pod : {"web", "other"}) {
    // Not renamed to its name when it is whole: its pod may be gone by then.
    const base::Result<os::UniqueFd> file = os::Open(
        dir_.path() + "/kubelet/pods/uid-" + pod + "/volumes/kubernetes.io~empty-dir/v/file",
        O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ASSERT_TRUE(file.ok()) << file.error().message();
    ASSERT_TRUE(os::WriteAll(file->get(), std::string(2 * kMi, 'x')).ok());
  }
  ASSERT_TRUE(Eventually([&] { return Reason("web") == "Evicted"; }));
  EXPECT_EQ(Message("web"), "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ");
  EXPECT_TRUE(IsReady("other"));
}

}  // namespace
}  // namespace keelson::lifecycle
