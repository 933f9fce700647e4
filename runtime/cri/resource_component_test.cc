// SPDX-License-Identifier: Apache-2.0
// Limits of containers changed on the real kernel, v1 or v2 as it is; named after the calls.
#include "runtime/cri/convert.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

class ResourceTest : public RuntimeTest {
 protected:
  static constexpr const char* kLoop = "while true; do sleep 1; done";
  cgroup::Resources Kernel(const std::string& id, const cgroup::Resources& like) {
    return cgroup::Group(cgroup::DetectLayout().value(),
                         runtime_->GetContainer(id).value().record.cgroup_path)
        .Read(like);
  }
  cri::LinuxContainerResources Shown(const std::string& id) {
    return ToStatus(runtime_->GetContainer(id).value()).resources().linux();
  }
  static cri::LinuxContainerResources Some(int64_t shares, int64_t quota, int64_t megabytes) {
    cri::LinuxContainerResources out;
    out.set_cpu_shares(shares);
    out.set_cpu_quota(quota);
    out.set_cpu_period(quota > 0 ? 100000 : 0);
    out.set_memory_limit_in_bytes(megabytes << 20);
    return out;
  }
  static cgroup::Resources Everything() {
    cgroup::Resources like;
    like.cpu_shares = like.cpu_quota = like.memory_limit = like.memory_swap_limit = 1;
    like.cpuset_cpus = "0";
    return like;
  }
};

TEST_F(ResourceTest, UpdateContainerResourcesRaisesLowersAndShowsWhatTheKernelHas) {
  cri::ContainerConfig config = Script("c", kLoop);
  *config.mutable_linux()->mutable_resources() = Some(512, 50000, 64);
  config.mutable_linux()->mutable_resources()->set_memory_swap_limit_in_bytes(64 << 20);
  const std::string id = Run(Start("p"), config);
  EXPECT_EQ(Shown(id).cpu_shares(), 512);
  EXPECT_EQ(Shown(id).memory_limit_in_bytes(), 64 << 20);
  for (const int64_t megabytes : {128, 32, 256}) {
    cri::LinuxContainerResources change = Some(megabytes * 4, megabytes * 500, megabytes);
    change.set_memory_swap_limit_in_bytes(megabytes << 20);
    const base::Status updated = runtime_->UpdateContainerResources(id, change);
    ASSERT_TRUE(updated.ok()) << updated.error().message();
    const cgroup::Resources kernel = Kernel(id, Everything());
    EXPECT_EQ(kernel.memory_limit, megabytes << 20);
    EXPECT_EQ(kernel.cpu_quota, megabytes * 500);
    EXPECT_EQ(Shown(id).cpu_shares(), megabytes * 4);
    EXPECT_EQ(Shown(id).cpu_quota(), megabytes * 500);
    EXPECT_EQ(Shown(id).memory_limit_in_bytes(), megabytes << 20);
    EXPECT_EQ(Shown(id).memory_swap_limit_in_bytes(), kernel.memory_swap_limit);
  }
  cri::LinuxContainerResources change;
  change.set_memory_limit_in_bytes(100'000'000);
  ASSERT_TRUE(runtime_->UpdateContainerResources(id, change).ok());
  EXPECT_EQ(Shown(id).memory_limit_in_bytes(), 100'000'000 / 4096 * 4096) << "whole pages";
}

TEST_F(ResourceTest, UpdateContainerResourcesLeavesZeroUntouched) {
  cri::ContainerConfig config = Script("c", kLoop);
  *config.mutable_linux()->mutable_resources() = Some(512, 50000, 64);
  config.mutable_linux()->mutable_resources()->set_cpuset_cpus("0");
  const std::string id = Run(Start("p"), config);
  cri::LinuxContainerResources change;
  change.set_cpu_quota(-1);
  const base::Status updated = runtime_->UpdateContainerResources(id, change);
  ASSERT_TRUE(updated.ok()) << updated.error().message();
  const cgroup::Resources kernel = Kernel(id, Everything());
  EXPECT_EQ(kernel.cpu_quota, -1);
  EXPECT_EQ(kernel.memory_limit, 64 << 20);
  EXPECT_EQ(kernel.cpuset_cpus, "0");
  EXPECT_EQ(Shown(id).cpu_quota(), -1);
  EXPECT_EQ(Shown(id).cpu_shares(), 512);
  ASSERT_TRUE(runtime_->UpdateContainerResources(id, {}).ok()) << "nothing asked, nothing done";
  EXPECT_EQ(Shown(id).memory_limit_in_bytes(), 64 << 20);
}

TEST_F(ResourceTest, UpdateContainerResourcesIsAllOrNothing) {
  cri::ContainerConfig config = Script("c", kLoop);
  *config.mutable_linux()->mutable_resources() = Some(512, 50000, 64);
  const std::string id = Run(Start("p"), config);
  const std::string shown = Shown(id).SerializeAsString();
  const std::string recorded = runtime_->GetContainer(id).value().record.config;
  cri::LinuxContainerResources change = Some(1024, 80000, 128);
  change.set_cpuset_cpus("4000");
  const base::Status refused = runtime_->UpdateContainerResources(id, change);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("cpuset.cpus"), std::string::npos)
      << refused.error().message();
  cgroup::Resources kernel = Kernel(id, Everything());
  EXPECT_EQ(kernel.cpu_quota, 50000);
  EXPECT_EQ(kernel.memory_limit, 64 << 20);
  EXPECT_EQ(Shown(id).SerializeAsString(), shown);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.config, recorded);
  EXPECT_FALSE(runtime_->GetContainer(id).value().record.updating);
  change.set_cpuset_cpus("0\n1");
  EXPECT_EQ(runtime_->UpdateContainerResources(id, change).error().code(),
            base::Code::kInvalidArgument);
  EXPECT_EQ(runtime_->UpdateContainerResources("nobody", change).error().code(),
            base::Code::kNotFound);
}

TEST_F(ResourceTest, UpdateContainerResourcesBelowWhatIsInUseFailsCleanly) {
  cri::ContainerConfig config = Script("c",
                                       "head -c 33554432 /dev/zero >/dev/shm/x; echo full; "
                                       "while true; do sleep 1; done");
  *config.mutable_linux()->mutable_resources() = Some(512, 50000, 128);
  config.mutable_linux()->mutable_resources()->set_memory_swap_limit_in_bytes(128 << 20);
  config.mutable_command()->at(2) = "busybox " + config.command(2);
  const std::string id = Run(Start("p"), config);
  ASSERT_TRUE(Eventually([&] { return Log("p", "c").find("full") != std::string::npos; }));
  cri::LinuxContainerResources change = Some(256, 40000, 8);
  change.set_memory_swap_limit_in_bytes(8 << 20);
  const base::Status refused = runtime_->UpdateContainerResources(id, change);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("memory"), std::string::npos)
      << refused.error().message();
  const cgroup::Resources kernel = Kernel(id, Everything());
  EXPECT_EQ(kernel.memory_limit, 128 << 20);
  EXPECT_EQ(kernel.cpu_quota, 50000);
  EXPECT_EQ(Shown(id).memory_limit_in_bytes(), 128 << 20);
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, container::ContainerState::kRunning);
}

TEST_F(ResourceTest, UpdateContainerResourcesReachesAContainerThatWaitsToBeStarted) {
  cri::ContainerConfig config = Script("c", kLoop);
  *config.mutable_linux()->mutable_resources() = Some(512, 50000, 64);
  const std::string id = runtime_->CreateContainer(Start("p"), config).value();
  const base::Status updated = runtime_->UpdateContainerResources(id, Some(1024, 70000, 96));
  ASSERT_TRUE(updated.ok()) << updated.error().message();
  EXPECT_EQ(Shown(id).memory_limit_in_bytes(), 96 << 20);
  cri::LinuxContainerResources impossible;
  impossible.set_cpuset_cpus("4000");
  EXPECT_FALSE(runtime_->UpdateContainerResources(id, impossible).ok()) << "refused now, not later";
  const cgroup::Group group(cgroup::DetectLayout().value(),
                            runtime_->GetContainer(id).value().record.cgroup_path);
  EXPECT_FALSE(group.Exists()) << "made at the start";
  ASSERT_TRUE(runtime_->StartContainer(id).ok());
  EXPECT_EQ(Kernel(id, Everything()).memory_limit, 96 << 20);
  EXPECT_EQ(Kernel(id, Everything()).cpu_quota, 70000);
  ASSERT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
  EXPECT_EQ(runtime_->UpdateContainerResources(id, Some(0, 0, 128)).error().code(),
            base::Code::kFailedPrecondition);
}

TEST_F(ResourceTest, UpdateContainerResourcesOutlivesTheDaemon) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", kLoop));
  cri::ContainerConfig waiting = Script("waiting", kLoop);
  const std::string later = runtime_->CreateContainer(pod, waiting).value();
  for (const std::string& one : {id, later})
    ASSERT_TRUE(runtime_->UpdateContainerResources(one, Some(256, 30000, 64)).ok());
  Boot();
  EXPECT_EQ(Shown(id).memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(Shown(id).cpu_shares(), 256);
  ASSERT_TRUE(runtime_->StartContainer(later).ok());
  EXPECT_EQ(Kernel(later, Everything()).cpu_quota, 30000);
}

TEST_F(ResourceTest, UpdateContainerResourcesThatWasCutOffIsFinished) {
  const std::string id = Run(Start("p"), Script("c", kLoop));
  ASSERT_TRUE(runtime_->UpdateContainerResources(id, Some(256, 30000, 64)).ok());
  container::ContainerRecord record = runtime_->GetContainer(id).value().record;
  cri::ContainerConfig config = runtime_->GetContainer(id).value().config;
  runtime_.reset();
  // What a daemon that dies in the middle leaves: the wish written, the kernel not told.
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(80 << 20);
  record.config = config.SerializeAsString();
  record.updating = true;
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/containers/" + id + "/record",
                                  container::Encode(record), 0600)
                  .ok());
  Boot();
  EXPECT_EQ(Kernel(id, Everything()).memory_limit, 80 << 20);
  EXPECT_EQ(Shown(id).memory_limit_in_bytes(), 80 << 20);
  EXPECT_FALSE(runtime_->GetContainer(id).value().record.updating);
}

TEST_F(ResourceTest, UpdateContainerResourcesTakesUnifiedFilesWhereTheKernelHasThem) {
  const std::string id = Run(Start("p"), Script("c", kLoop));
  cri::LinuxContainerResources change;
  (*change.mutable_unified())["memory.high"] = "67108864";
  const base::Status updated = runtime_->UpdateContainerResources(id, change);
  if (cgroup::DetectLayout().value().v2) {
    ASSERT_TRUE(updated.ok()) << updated.error().message();
    EXPECT_EQ(Shown(id).unified().at("memory.high"), "67108864");
    change.Clear();
    change.set_memory_limit_in_bytes(96 << 20);
    (*change.mutable_unified())["memory.low"] = "nonsense";
    EXPECT_FALSE(runtime_->UpdateContainerResources(id, change).ok());
    EXPECT_EQ(Kernel(id, Everything()).memory_limit, -1);
  } else {
    ASSERT_FALSE(updated.ok());
    EXPECT_NE(updated.error().message().find("cgroup v2"), std::string::npos)
        << updated.error().message();
    EXPECT_TRUE(Shown(id).unified().empty());
  }
}

TEST_F(ResourceTest, UpdateContainerResourcesChangesTheScoreOfEveryProcess) {
  cri::ContainerConfig config = Script("c", "sleep 1000 & while true; do sleep 1; done");
  config.mutable_linux()->mutable_resources()->set_oom_score_adj(300);
  const std::string id = Run(Start("p"), config);
  cri::LinuxContainerResources change;
  change.set_oom_score_adj(700);
  ASSERT_TRUE(runtime_->UpdateContainerResources(id, change).ok());
  const base::Result<ExecOutput> scores =
      runtime_->ExecSync(id,
                         {"sh", "-c",
                          "for p in $(busybox pgrep -f 'sleep 1000|while true'); do cat "
                          "/proc/$p/oom_score_adj; done; cat /proc/self/oom_score_adj"},
                         std::chrono::seconds(60));
  ASSERT_TRUE(scores.ok());
  for (const std::string_view line : base::Split(base::Trim(scores->out), '\n'))
    EXPECT_EQ(line, "700");
  EXPECT_EQ(Shown(id).oom_score_adj(), 700);
}

TEST_F(ResourceTest, UpdatePodSandboxResourcesIsRememberedAndAppliedToNothing) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", kLoop));
  const cri::LinuxContainerResources overhead = Some(16, 0, 8), resources = Some(512, 0, 64);
  const base::Status updated = runtime_->UpdatePodSandboxResources(pod, &overhead, &resources);
  ASSERT_TRUE(updated.ok()) << updated.error().message();
  EXPECT_EQ(Kernel(id, Everything()).memory_limit, -1);
  Boot();
  const cri::LinuxPodSandboxConfig shown = runtime_->GetSandbox(pod).value().config.linux();
  EXPECT_EQ(shown.resources().memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(shown.overhead().cpu_shares(), 16);
  EXPECT_EQ(runtime_->UpdatePodSandboxResources("nobody", nullptr, nullptr).error().code(),
            base::Code::kNotFound);
}

}  // namespace
}  // namespace keelson::cri_server
