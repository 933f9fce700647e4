// SPDX-License-Identifier: Apache-2.0
// The cgroup driver systemd on a real one: in the lab machine, booted for it.
#include <signal.h>

#include <future>

#include "lib/os/process.h"
#include "lib/systemd/bus.h"
#include "lib/systemd/names.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class SystemdTest : public RuntimeTest {
 protected:
  void SetUp() override {
    if (!systemd::IsBooted()) GTEST_SKIP() << "systemd is not process 1 here";
    // They restart and freeze the bus: nobody else's.
    if (!os::Exists("/run/lab/command")) GTEST_SKIP() << "runs in the lab machine only";
    units_ = systemd::ConnectUnits().value();
    UseUnits(*units_);
    RuntimeTest::SetUp();
    slice_ = "kltest_" + base::RandomHex(4);
  }
  void TearDown() override {
    if (!units_) return;
    RuntimeTest::TearDown();
    EXPECT_TRUE(units_->Stop(slice_ + ".slice").ok());
    // Not one unit is left of any pod.
    EXPECT_THAT(Systemctl({"list-units", "--all", "--plain", "--no-legend", "keelson-*"}),
                IsEmpty());
    EXPECT_FALSE(os::Exists("/sys/fs/cgroup/" + slice_ + ".slice"));
  }
  void UseUnits(systemd::Units& units) {
    groups_ = pod_group::MakeSystemdGroups(cgroup::DetectLayout().value(), units,
                                           base::BinDir() + "/keelson-hold")
                  .value();
  }

  static std::string Systemctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "systemctl");
    const base::Result<os::CommandResult> done =
        os::RunCommand({.argv = arguments, .env = {"PATH=/usr/bin:/bin"}, .fds = {}}, "",
                       std::chrono::seconds(60));
    EXPECT_TRUE(done.ok() && done->status.code() == 0)
        << arguments[1] << (done.ok() ? done->err : done.error().message());
    return done.ok() ? done->out : "";
  }
  cri::PodSandboxConfig Sliced(const std::string& name) {
    cri::PodSandboxConfig config = Pod(name);
    config.mutable_linux()->set_cgroup_parent(slice_ + "-" + name + ".slice");
    return config;
  }
  std::string StartPod(const std::string& name) {
    const base::Result<std::string> id = runtime_->RunPodSandbox(Sliced(name), "");
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    return id.ok() ? *id : "";
  }
  std::string ScopePath(const std::string& pod, const std::string& name) const {
    return systemd::PathOfSlice(slice_ + "-" + name + ".slice").value() + "/keelson-" + pod +
           ".scope";
  }
  static std::string Value(const std::string& group, const std::string& file) {
    return std::string(
        base::Trim(os::ReadFile("/sys/fs/cgroup" + group + "/" + file).ValueOr("absent")));
  }
  static std::string GroupOf(int32_t pid) {
    const std::string text =
        os::ReadFile("/proc/" + std::to_string(pid) + "/cgroup").ValueOr("ended");
    return std::string(base::Trim(text));
  }
  cri::ContainerConfig Limited(const std::string& name) {
    cri::ContainerConfig config = Script(name, "sleep 1000");
    cri::LinuxContainerResources& limits = *config.mutable_linux()->mutable_resources();
    limits.set_memory_limit_in_bytes(64 << 20);
    limits.set_cpu_quota(50000);
    limits.set_cpu_period(100000);
    limits.set_cpu_shares(512);
    limits.set_cpuset_cpus("0");
    return config;
  }
  void ExpectLimits(const std::string& group) {
    EXPECT_EQ(Value(group, "memory.max"), std::to_string(64 << 20));
    EXPECT_EQ(Value(group, "cpu.max"), "50000 100000");
    EXPECT_EQ(Value(group, "cpuset.cpus"), "0");
    EXPECT_EQ(Value(group, "cpu.weight"), std::to_string(cgroup::SharesToWeight(512)));
  }

  std::unique_ptr<systemd::BusUnits> units_;
  std::string slice_;
};

TEST_F(SystemdTest, APodIsOneScopeOfItsSliceAndItsLifeCostsTwoCalls) {
  // The first connection ever starts the bus itself.
  EXPECT_EQ(units_->State("keelson-none.scope").value(), "inactive");
  const uint64_t calls = units_->Calls();
  const std::string pod = StartPod("one");
  const std::string scope = ScopePath(pod, "one"), unit = "keelson-" + pod + ".scope";
  EXPECT_EQ(units_->Calls() - calls, 1u);
  const std::string shown = Systemctl(
      {"show", "-p", "ActiveState,Delegate,Slice,ControlGroup,TasksMax,CollectMode", unit});
  EXPECT_THAT(shown, HasSubstr("ActiveState=active"));
  EXPECT_THAT(shown, HasSubstr("Delegate=yes"));
  EXPECT_THAT(shown, HasSubstr("Slice=" + slice_ + "-one.slice"));
  EXPECT_THAT(shown, HasSubstr("ControlGroup=" + scope));
  EXPECT_THAT(shown, HasSubstr("TasksMax=infinity"));
  EXPECT_THAT(shown, HasSubstr("CollectMode=inactive-or-failed"));
  // The helper that began it has gone, the log process is there.
  EXPECT_EQ(Value(scope, "cgroup.procs"), "");
  EXPECT_NE(Value(scope + "/" + pod, "cgroup.procs"), "");
  EXPECT_THAT(ProcessesOf("keelson-hold", ""), IsEmpty());
  for (const char* name : {"a", "b"}) {
    const std::string id = Run(pod, Limited(name));
    const container::ContainerRecord record = runtime_->GetContainer(id).value().record;
    EXPECT_EQ(GroupOf(record.pid), "0::" + scope + "/" + id);
    ExpectLimits(scope + "/" + id);
    EXPECT_EQ(runtime_->ExecSync(id, {"sh", "-c", "echo in"}, std::chrono::seconds(60)).value().out,
              "in\n");
    EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
    EXPECT_TRUE(runtime_->RemoveContainer(id).ok());
  }
  EXPECT_EQ(units_->Calls() - calls, 1u);
  EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  EXPECT_EQ(units_->Calls() - calls, 2u);
  EXPECT_EQ(units_->Connections(), 1u);
  EXPECT_EQ(units_->State(unit).value(), "inactive");
  EXPECT_FALSE(os::Exists("/sys/fs/cgroup" + scope));
}

TEST_F(SystemdTest, ADaemonReloadTakesNoLimitAway) {
  const std::string pod = StartPod("limits"), slice = slice_ + "-limits.slice";
  const std::string id = Run(pod, Limited("a"));
  const std::string group = ScopePath(pod, "limits") + "/" + id;
  ASSERT_TRUE(systemd::EnsureSlice(*units_, slice,
                                   {{"MemoryMax", uint64_t{128 << 20}}, {"TasksMax", uint64_t{77}}})
                  .ok());
  ExpectLimits(group);
  Systemctl({"daemon-reload"});
  // Another unit of the slice makes systemd look at its controllers again.
  const std::string second = runtime_->RunPodSandbox(Sliced("limits-b"), "").ValueOr("");
  ExpectLimits(group);
  const std::string place = systemd::PathOfSlice(slice).value();
  EXPECT_EQ(Value(place, "memory.max"), std::to_string(128 << 20));
  EXPECT_EQ(Value(place, "pids.max"), "77");
  EXPECT_TRUE(runtime_->RemovePodSandbox(second).ok());
  // systemd itself executed anew, as by an upgrade.
  Systemctl({"daemon-reexec"});
  const std::string third = runtime_->RunPodSandbox(Sliced("limits-c"), "").ValueOr("");
  EXPECT_NE(third, "");
  ExpectLimits(group);
  EXPECT_EQ(Value(place, "memory.max"), std::to_string(128 << 20));
}

TEST_F(SystemdTest, PodsStartAndEndAfterTheBusWasRestarted) {
  const std::string before = StartPod("before");
  const std::string id = Run(before, Script("a", "sleep 1000"));
  Systemctl({"restart", "dbus.service"});
  const std::string after = StartPod("after");
  EXPECT_NE(Run(after, Script("a", "sleep 1000")), "");
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, container::ContainerState::kRunning);
  EXPECT_TRUE(runtime_->RemovePodSandbox(before).ok());
  EXPECT_TRUE(runtime_->RemovePodSandbox(after).ok());
  EXPECT_EQ(units_->Connections(), 2u);
}

TEST_F(SystemdTest, ABusThatHangsStopsNewPodsWithASentenceAndNothingElse) {
  const std::unique_ptr<systemd::BusUnits> hasty =
      systemd::ConnectUnits({.deadline = std::chrono::seconds(2)}).value();
  UseUnits(*hasty);
  Boot();
  const std::string pod = StartPod("lucky");
  const std::string id = Run(pod, Script("a", "sleep 1000"));
  const std::optional<int64_t> bus =
      base::ParseInt64(base::Trim(Systemctl({"show", "-p", "MainPID", "--value", "dbus.service"})));
  ASSERT_TRUE(bus && *bus > 1);
  ASSERT_EQ(kill(static_cast<pid_t>(*bus), SIGSTOP), 0);
  const base::Result<std::string> refused = runtime_->RunPodSandbox(Sliced("unlucky"), "");
  const std::string second = Run(pod, Script("b", "sleep 1000"));
  const base::Result<ExecOutput> told =
      runtime_->ExecSync(id, {"sh", "-c", "echo on"}, std::chrono::seconds(60));
  const base::Status stopped = runtime_->StopContainer(second, std::chrono::seconds(0));
  ASSERT_EQ(kill(static_cast<pid_t>(*bus), SIGCONT), 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("systemd, StartTransientUnit"));
  EXPECT_THAT(refused.error().message(), HasSubstr("no answer in time"));
  EXPECT_TRUE(told.ok() && told->out == "on\n");
  EXPECT_TRUE(stopped.ok());
  // What could not be taken away while it hung is taken away now.
  for (const SandboxView& view : runtime_->ListSandboxes()) {
    EXPECT_TRUE(runtime_->RemovePodSandbox(view.record.id).ok());
  }
  const std::string again = StartPod("unlucky");
  EXPECT_TRUE(runtime_->RemovePodSandbox(again).ok());
  runtime_.reset();
  UseUnits(*units_);
  Boot();
}

TEST_F(SystemdTest, ManyPodsAtOnceShareOneConnection) {
  EXPECT_EQ(units_->State("keelson-none.scope").value(), "inactive");
  const uint64_t calls = units_->Calls();
  std::vector<std::future<std::string>> pods;
  for (int i = 0; i < 6; ++i)
    pods.push_back(std::async(std::launch::async, [this, i] {
      cri::PodSandboxConfig config = Sliced("many-" + std::to_string(i));
      config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
          cri::NODE);
      config.clear_hostname();
      return runtime_->RunPodSandbox(config, "").ValueOr("");
    }));
  for (std::future<std::string>& pod : pods) EXPECT_NE(pod.get(), "");
  EXPECT_EQ(units_->Calls() - calls, 6u);
  std::vector<std::future<bool>> removed;
  for (const SandboxView& view : runtime_->ListSandboxes()) {
    removed.push_back(std::async(std::launch::async, [this, id = view.record.id] {
      return runtime_->RemovePodSandbox(id).ok();
    }));
  }
  for (std::future<bool>& done : removed) EXPECT_TRUE(done.get());
  EXPECT_EQ(units_->Calls() - calls, 12u);
  EXPECT_EQ(units_->Connections(), 1u);
}

TEST_F(SystemdTest, TheNextDaemonTakesItsPodsOver) {
  const std::string pod = StartPod("kept");
  const std::string id = Run(pod, Limited("a"));
  Boot();
  EXPECT_EQ(runtime_->GetContainer(id).value().record.state, container::ContainerState::kRunning);
  EXPECT_NE(Run(pod, Limited("b")), "");
  ExpectLimits(ScopePath(pod, "kept") + "/" + id);
}

TEST_F(SystemdTest, RuntimeConfig_OfTheOtherDriverDoesNotStartOverLivePods) {
  const std::string pod = StartPod("fixed");
  const std::shared_ptr<pod_group::PodGroups> groups = groups_;
  runtime_.reset();
  groups_ = pod_group::MakeCgroupfsGroups(cgroup::DetectLayout().value());
  MakeRuntime();
  const base::Status recovered = runtime_->Recover();
  ASSERT_FALSE(recovered.ok());
  EXPECT_THAT(recovered.error().message(), HasSubstr("start with cgroup-driver: systemd"));
  groups_ = groups;
  Boot();
  EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
}

TEST_F(SystemdTest, AScopeThatHasEndedIsMadeAnewForTheNextContainer) {
  const std::string pod = StartPod("again"), unit = "keelson-" + pod + ".scope";
  const std::string id = Run(pod, Script("a", "sleep 1000"));
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
  // Nothing but the log process is left in it.
  const std::optional<int64_t> log =
      base::ParseInt64(Value(ScopePath(pod, "again") + "/" + pod, "cgroup.procs"));
  ASSERT_TRUE(log && *log > 1);
  ASSERT_EQ(kill(static_cast<pid_t>(*log), SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return units_->State(unit).value() == "inactive"; }));
  const std::string second = Run(pod, Limited("b"));
  const container::ContainerRecord record = runtime_->GetContainer(second).value().record;
  EXPECT_EQ(GroupOf(record.pid), "0::" + ScopePath(pod, "again") + "/" + second);
  EXPECT_EQ(units_->State(unit).value(), "active");
  ExpectLimits(ScopePath(pod, "again") + "/" + second);
}

TEST_F(SystemdTest, WhatAnEarlierAttemptHasLeftIsTakenAwayAtARetry) {
  const pod_group::Pod pod{std::string(64, 'e'), slice_ + "-left.slice", "left"};
  std::unique_ptr<pod_group::Hold> first = groups_->Make(pod).value();
  const base::Result<std::unique_ptr<pod_group::Hold>> second = groups_->Make(pod);
  ASSERT_TRUE(second.ok()) << second.error().message();
  first.reset();
  EXPECT_EQ(units_->State("keelson-" + pod.sandbox_id + ".scope").value(), "active");
  EXPECT_TRUE(groups_->Remove(pod).ok());
  EXPECT_TRUE(groups_->Remove(pod).ok());
}

TEST_F(SystemdTest, ParentsOfTheOtherFormAreRefusedAndOnesWithoutAreOurs) {
  const base::Result<std::string> refused = runtime_->RunPodSandbox(Pod("path"), "");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), base::Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("the cgroup driver is systemd"));
  cri::PodSandboxConfig config = Pod("own");
  config.mutable_linux()->clear_cgroup_parent();
  const std::string pod = runtime_->RunPodSandbox(config, "").ValueOr("");
  EXPECT_TRUE(os::Exists("/sys/fs/cgroup/keelson.slice/keelson-" + pod + ".scope"));
  EXPECT_TRUE(groups_->RemoveOwnRoot().ok());
  EXPECT_TRUE(os::Exists("/sys/fs/cgroup/keelson.slice/keelson-" + pod + ".scope"));
  EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  EXPECT_TRUE(groups_->RemoveOwnRoot().ok());
  EXPECT_FALSE(os::Exists("/sys/fs/cgroup/keelson.slice"));
}

}  // namespace
}  // namespace keelson::cri_server
