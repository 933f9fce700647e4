// SPDX-License-Identifier: Apache-2.0
// The node's slices on a real systemd: in the lab machine, booted for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/cgroup/pod_cgroups.h"
#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/systemd/bus.h"

namespace keelson::node_cgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SlicesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!systemd::IsBooted()) GTEST_SKIP() << "systemd is not process 1 here";
    if (!os::Exists("/run/lab/command")) GTEST_SKIP() << "runs in the lab machine only";
    node_.milli_cpu = 2000;
    node_.memory_bytes = int64_t{1} << 30;
    node_.huge_pages = {{"hugepages-2Mi", 16 << 20}};
    pods_ = Make(-1);
    units_ = systemd::ConnectUnits().value();
  }
  void TearDown() override {
    if (!pods_) return;
    EXPECT_TRUE(pods_->RemoveAll().ok());
    EXPECT_EQ(units_->State("kltest_" + name_ + ".slice").value(), "inactive");
    EXPECT_FALSE(os::Exists("/sys/fs/cgroup/kltest_" + name_ + ".slice"));
  }
  std::unique_ptr<PodCgroups> Make(int64_t pids) {
    auto made =
        PodCgroups::Create("/kltest-" + name_, node_, pids, {}, [this]() -> base::Result<Driver> {
          if (away_) return base::Unavailable("not yet");
          return Driver::kSystemd;
        });
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
    return made.ok() ? std::move(*made) : nullptr;
  }
  static kube::Pod PodOf(const std::string& uid, const std::string& cpu,
                         const std::string& memory) {
    kube::Pod pod;
    pod.metadata.uid = uid;
    kube::Container container;
    container.name = "c";
    for (kube::ResourceList* list : {&container.resources.requests, &container.resources.limits}) {
      if (!cpu.empty()) (*list)["cpu"] = kube::Quantity::Parse(cpu).value();
      if (!memory.empty()) (*list)["memory"] = kube::Quantity::Parse(memory).value();
    }
    pod.spec.containers.push_back(container);
    return pod;
  }
  // "poda", "burstable-podb"; empty: the root.
  std::string SliceFile(const std::string& tier, const std::string& pod, const char* file) const {
    const std::string root = "kltest_" + name_;
    std::string path = "/sys/fs/cgroup/" + root + ".slice";
    std::string slice = root;
    for (const std::string& part : {tier, pod}) {
      if (part.empty()) continue;
      slice += "-" + part;
      path += "/" + slice + ".slice";
    }
    return std::string(base::Trim(os::ReadFile(path + "/" + file).ValueOr("absent")));
  }
  static void Reload() {
    const auto done = os::RunCommand(
        {.argv = {"systemctl", "daemon-reload"}, .env = {"PATH=/usr/bin:/bin"}, .fds = {}}, "",
        std::chrono::seconds(60));
    ASSERT_TRUE(done.ok() && done->status.code() == 0);
  }

  const std::string name_ = base::RandomHex(4);
  bool away_ = false;
  NodeCapacity node_;
  std::unique_ptr<PodCgroups> pods_;
  std::unique_ptr<systemd::BusUnits> units_;
};

TEST_F(SlicesTest, TiersByQosAndLimitsThatADaemonReloadKeeps) {
  EXPECT_THAT(pods_->Ensure(PodOf("a-1", "500m", "64Mi")).ValueOr(""),
              HasSubstr(".slice/kltest_" + name_ + "-poda_1.slice"));
  EXPECT_TRUE(pods_->Ensure(PodOf("b", "250m", "")).ok());
  EXPECT_TRUE(pods_->Ensure(PodOf("c_2", "", "")).ok());
  ASSERT_TRUE(pods_->SetBurstableShares(1500).ok());
  const auto check = [&] {
    EXPECT_EQ(SliceFile("", "", "memory.max"), std::to_string(1 << 30));
    EXPECT_EQ(SliceFile("", "poda_1", "memory.max"), std::to_string(64 << 20));
    EXPECT_EQ(SliceFile("", "poda_1", "cpu.max"), "50000 100000");
    EXPECT_EQ(SliceFile("burstable", "podb", "cpu.max"), "25000 100000");
    EXPECT_EQ(SliceFile("besteffort", "podc\\x5f2", "pids.max"), "max");
    EXPECT_EQ(SliceFile("burstable", "", "cpu.weight"),
              std::to_string(cgroup::SharesToWeight(1536)));
    EXPECT_EQ(SliceFile("", "", "hugetlb.2MB.max"), std::to_string(16 << 20));
    EXPECT_EQ(SliceFile("", "poda_1", "hugetlb.2MB.max"), "0");
  };
  check();
  Reload();
  check();
  EXPECT_THAT(pods_->PodsOnNode().value(), ElementsAre("a-1", "b", "c_2"));
}

TEST_F(SlicesTest, TheNextLifeTakesTheSlicesOverWithItsOwnLimits) {
  ASSERT_TRUE(pods_->Ensure(PodOf("a", "500m", "64Mi")).ok());
  node_.memory_bytes = int64_t{512} << 20;
  pods_ = Make(100);
  EXPECT_EQ(SliceFile("", "", "memory.max"), std::to_string(512 << 20));
  EXPECT_THAT(pods_->PodsOnNode().value(), ElementsAre("a"));
  ASSERT_TRUE(pods_->Ensure(PodOf("a", "1", "128Mi")).ok());
  EXPECT_EQ(SliceFile("", "poda", "memory.max"), std::to_string(128 << 20));
  EXPECT_EQ(SliceFile("", "poda", "pids.max"), "100");
  Reload();
  EXPECT_EQ(SliceFile("", "poda", "memory.max"), std::to_string(128 << 20));
}

TEST_F(SlicesTest, RemovalLeavesNoUnitAndAbsentIsFine) {
  ASSERT_TRUE(pods_->Ensure(PodOf("b", "250m", "")).ok());
  const std::string slice = "kltest_" + name_ + "-burstable-podb.slice";
  EXPECT_EQ(units_->State(slice).value(), "active");
  EXPECT_TRUE(pods_->Remove("b").ok());
  EXPECT_EQ(units_->State(slice).value(), "inactive");
  EXPECT_TRUE(pods_->Remove("b").ok());
  EXPECT_TRUE(pods_->PodsOnNode().value().empty());
}

TEST_F(SlicesTest, ARuntimeThatDoesNotAnswerYetIsAskedAgain) {
  away_ = true;
  const std::unique_ptr<PodCgroups> early = Make(-1);
  ASSERT_TRUE(early);
  const base::Result<std::string> refused = early->Ensure(PodOf("a", "", ""));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), base::Code::kUnavailable);
  away_ = false;
  EXPECT_TRUE(early->Ensure(PodOf("a", "", "")).ok());
}

TEST_F(SlicesTest, WhatIsLeftGoesWithoutARuntime) {
  ASSERT_TRUE(pods_->Ensure(PodOf("a", "", "")).ok());
  EXPECT_TRUE(PodCgroups::RemoveLeftovers("/kltest-" + name_).ok());
  EXPECT_FALSE(os::Exists("/sys/fs/cgroup/kltest_" + name_ + ".slice"));
}

}  // namespace
}  // namespace keelson::node_cgroup
