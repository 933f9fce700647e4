// SPDX-License-Identifier: Apache-2.0
// A real anchor, real monitors, real containers from a busybox root; SIGKILL to the parts that may
// die.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <thread>

#include "lib/kernel/mount/mount.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "runtime/monitor/testing/monitor_fixture.h"

namespace keelson::monitor {
namespace {

TEST_F(MonitorTest, AContainerRunsLogsAndEndsWithItsCode) {
  const base::Result<StartedContainer> started =
      Start("c1", "echo out; echo err >&2; printf rest; exit 3");
  ASSERT_TRUE(started.ok()) << started.error().message();
  const std::optional<ExitRecord> exit = exits_.WaitFor("c1");
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 3);
  for (const char* line : {"stdout F out\n", "stderr F err\n", "stdout P rest\n"})
    (void)LogWith("c1", line);
  EXPECT_TRUE(pod_->Forget("c1").ok());
  EXPECT_TRUE(pod_->ListContainers().value().empty());
}

TEST_F(MonitorTest, TheLogIsThereWhenTheStartIsAnswered) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = "c" + std::to_string(i);
    ASSERT_TRUE(Start(id, "/bin/busybox sleep 1000").ok());
    EXPECT_TRUE(os::Exists(state_.path() + "/logs/" + id + ".log")) << id;
  }
}

TEST_F(MonitorTest, StartsWhileOthersEndAreAnswered) {
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < 25; ++i) {
        const std::string id = "c" + std::to_string(client) + "-" + std::to_string(i);
        const base::Result<StartedContainer> started = Start(id, "exit 0");
        ASSERT_TRUE(started.ok()) << started.error().message();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(exits_.WaitFor("c3-24").has_value());
}

TEST_F(MonitorTest, AMissingCommandIsTheStartsError) {
  spec::ContainerSpec spec = Spec("c1", "");
  spec.process.args = {"/none"};
  const base::Result<StartedContainer> started = pod_->Start(spec, {}, {});
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().message(), "exec \"/none\": No such file or directory");
  EXPECT_TRUE(pod_->ListContainers().value().empty());
}

TEST_F(MonitorTest, StartContainer_NotBegunInTimeNeverBegins) {
  std::chrono::minutes patience{0};
  AnchorOptions hasty = options_;
  hasty.patience = [&patience] { return patience; };
  const std::unique_ptr<Anchor> anchor = std::move(ConnectAnchor(hasty)).value();
  const std::unique_ptr<MonitorClient> client =
      std::move(anchor->AdoptMonitor(setup_, OnExit(), OnLost())).value();
  EXPECT_FALSE(client->Start(Spec("c1", "echo ran >/ran"), {}, {}).ok());
  patience = std::chrono::minutes(30);
  EXPECT_TRUE(client->ListContainers().value().empty()) << "what was asked before is done before";
  EXPECT_FALSE(os::Exists(state_.path() + "/c1/upper/ran"));
}

TEST_F(MonitorTest, SignalsAndKillEndIt) {
  ASSERT_TRUE(Start("c1", "trap 'exit 9' TERM; while true; do /bin/busybox sleep 0.1; done").ok());
  ASSERT_TRUE(Start("c2", "/bin/busybox sleep 1000 & /bin/busybox sleep 1000").ok());
  // The trap must be set before the signal: a shell that has none would be killed as any process
  // but, as PID 1, ignores it.
  ASSERT_TRUE(WaitUntil([&] {
    (void)pod_->Signal("c1", SIGTERM);
    return exits_.Has("c1");
  }));
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 9);
  ASSERT_TRUE(pod_->KillAll("c2").ok());
  EXPECT_EQ(exits_.WaitFor("c2")->exit_code, 137);
  EXPECT_FALSE(exits_.WaitFor("c2")->oom_killed);
}

TEST_F(MonitorTest, ExecSync_ATimeoutKillsItsGrandchildren) {
  ASSERT_TRUE(Start("c1", "while true; do /bin/busybox sleep 1; done").ok());
  os::Pipe pipe = std::move(os::CreatePipe()).value();
  ExecRequest request{.container_id = "c1",
                      .process = Command("echo $$ in; exit 4"),
                      .timeout = std::chrono::seconds(60)};
  request.out = std::move(pipe.write_end);
  const base::Result<ExecResult> result = pod_->Exec(std::move(request));
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->exit_code, 4);
  EXPECT_FALSE(result->timed_out);
  EXPECT_TRUE(os::ReadAll(pipe.read_end.get()).value().ends_with(" in\n"));

  os::Pipe slow = std::move(os::CreatePipe()).value();
  ExecRequest late{.container_id = "c1",
                   .process = Command("/bin/busybox sleep 1000 & /bin/busybox sleep 1000"),
                   .timeout = std::chrono::milliseconds(100)};
  late.out = std::move(slow.write_end);
  const base::Result<ExecResult> killed = pod_->Exec(std::move(late));
  ASSERT_TRUE(killed.ok()) << killed.error().message();
  EXPECT_TRUE(killed->timed_out);
  EXPECT_EQ(os::ReadAll(slow.read_end.get()).value(),
            "");  // the end comes: nobody holds the pipe any more
}

TEST_F(MonitorTest, MemoryLimitKillsAreKnownAsSuch) {
  spec::ContainerSpec spec = Spec("c1", "x=a; while true; do x=$x$x; done");
  cgroup::Resources limits;
  limits.memory_limit = 16 << 20;
  limits.memory_swap_limit = 16 << 20;
  ASSERT_TRUE(cgroup::Group(*layout_, group_ + "/c1").Apply(limits).ok());
  ASSERT_TRUE(pod_->Start(spec, {}, {}).ok());
  const std::optional<ExitRecord> exit = exits_.WaitFor("c1");
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 137);
  EXPECT_TRUE(exit->oom_killed);
}

TEST_F(MonitorTest, AReopenedLogGoesOnUnderTheOldName) {
  ASSERT_TRUE(
      Start(
          "c1",
          "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); /bin/busybox sleep 0.001; done")
          .ok());
  const std::string log = state_.path() + "/logs/c1.log";
  ASSERT_TRUE(WaitUntil([&] { return os::ReadFile(log).ValueOr("").size() > 100; }));
  ASSERT_EQ(rename(log.c_str(), (log + ".1").c_str()), 0);
  ASSERT_TRUE(pod_->ReopenLog("c1").ok());
  EXPECT_TRUE(os::Exists(log));
  ASSERT_TRUE(exits_.WaitFor("c1").has_value());
  (void)LogWith("c1", "F line 399\n");
  const std::string all = os::ReadFile(log + ".1").value() + os::ReadFile(log).value();
  for (int i = 0; i < 400; ++i)
    EXPECT_NE(all.find("F line " + std::to_string(i) + "\n"), std::string::npos) << i;
}

TEST_F(MonitorTest, ARestartedDaemonFindsItsContainers) {
  ASSERT_TRUE(Start("c1", "/bin/busybox sleep 1000").ok());
  pod_.reset();
  anchor_.reset();
  Connect();
  base::Result<std::unique_ptr<MonitorClient>> again =
      anchor_->AdoptMonitor(setup_, OnExit(), OnLost());
  ASSERT_TRUE(again.ok()) << again.error().message();
  pod_ = std::move(again).value();
  const std::vector<ContainerState> states = pod_->ListContainers().value();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].phase, ContainerPhase::kRunning);
  ASSERT_TRUE(pod_->KillAll("c1").ok());
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 137);
}

TEST_F(MonitorTest, AKilledMonitorCostsNoContainerNoLineAndNoExitCode) {
  ASSERT_TRUE(Start("c1",
                    "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); /bin/busybox sleep "
                    "0.002; done; exit 42")
                  .ok());
  ASSERT_TRUE(Start("quick", "/bin/busybox sleep 0.3; exit 5").ok());
  const pid_t monitor = MonitorPid();
  ASSERT_GT(monitor, 0);
  ASSERT_EQ(kill(monitor, SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return lost_.load(); }));
  base::Result<std::unique_ptr<MonitorClient>> again =
      anchor_->AdoptMonitor(setup_, OnExit(), OnLost());
  ASSERT_TRUE(again.ok()) << again.error().message();
  pod_ = std::move(again).value();
  const std::vector<ContainerState> states = pod_->ListContainers().value();
  EXPECT_EQ(states.size(), 2u);
  // What ended while there was no monitor is not told again: it is in the list.
  for (const ContainerState& state : states) {
    if (state.exit) exits_.Add(*state.exit);
  }
  // New containers still share the old ones' memory and namespaces; logs and reopening work through
  // the old log process.
  ASSERT_TRUE(Start("c2", "echo more").ok());
  ASSERT_TRUE(pod_->ReopenLog("c1").ok());
  EXPECT_EQ(exits_.WaitFor("c2")->exit_code, 0);
  EXPECT_EQ(exits_.WaitFor("quick")->exit_code, 5);
  const std::optional<ExitRecord> exit = exits_.WaitFor("c1");
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 42);
  EXPECT_FALSE(exit->lost);
  const std::string log = LogWith("c1", "F line 499\n");
  for (int i = 0; i < 500; ++i) {
    EXPECT_NE(log.find("F line " + std::to_string(i) + "\n"), std::string::npos)
        << i << log.substr(log.find("line " + std::to_string(i - 1)), 200);
  }
}

TEST_F(MonitorTest, EveryCodeIsExactWhileMonitorsDieAgainAndAgain) {
  constexpr int kRounds = 5, kEach = 6;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kEach; ++i) {
      const int code = round * kEach + i;
      ASSERT_TRUE(Start("c" + std::to_string(code), "/bin/busybox usleep " +
                                                        std::to_string(i * 4000) + "; exit " +
                                                        std::to_string(code))
                      .ok());
    }
    lost_ = false;
    ASSERT_TRUE(anchor_->ReplaceMonitor("p1").ok());  // SIGKILL
    ASSERT_TRUE(WaitUntil([&] { return lost_.load(); }));
    base::Result<std::unique_ptr<MonitorClient>> next =
        anchor_->AdoptMonitor(setup_, OnExit(), OnLost());
    ASSERT_TRUE(next.ok()) << next.error().message();
    pod_ = std::move(next).value();
    const base::Result<std::vector<ContainerState>> states = pod_->ListContainers();
    ASSERT_TRUE(states.ok()) << states.error().message();
    for (const ContainerState& state : *states) {
      if (state.exit) exits_.Add(*state.exit);
    }
  }
  for (int code = 0; code < kRounds * kEach; ++code) {
    const std::optional<ExitRecord> exit = exits_.WaitFor("c" + std::to_string(code));
    ASSERT_TRUE(exit.has_value()) << code;
    EXPECT_EQ(exit->exit_code, code);
    EXPECT_FALSE(exit->lost);
  }
}

TEST_F(MonitorTest, ContainersOfAPodShareMemoryAndProcessesWhenAsked) {
  ASSERT_TRUE(pod_->Shutdown().ok());
  setup_.share_process_namespace = true;
  base::Result<std::unique_ptr<MonitorClient>> pod =
      anchor_->StartMonitor(setup_, {}, OnExit(), OnLost());
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  pod_ = std::move(pod).value();
  spec::ContainerSpec first = Spec("c1", "echo shared >/dev/shm/f; exec /bin/busybox sleep 1000");
  first.pid_mode = spec::PidMode::kPod;
  spec::ContainerSpec second =
      Spec("c2",
           "until /bin/busybox grep shared /dev/shm/f; do :; done; /bin/busybox ps -o pid,args; "
           "/bin/busybox ls /proc/1/root; echo over");
  second.pid_mode = spec::PidMode::kPod;
  const base::Result<StartedContainer> started = pod_->Start(first, {}, {});
  ASSERT_TRUE(started.ok()) << started.error().message();
  ASSERT_TRUE(
      pod_->Start(second, {},
                  std::move(os::Open(state_.path() + "/logs", O_RDONLY | O_DIRECTORY)).value())
          .ok());
  ASSERT_TRUE(exits_.WaitFor("c2").has_value());
  const std::string log = LogWith("c2", "stdout F over\n");
  EXPECT_NE(log.find("keelson-init"), std::string::npos) << log;
  EXPECT_NE(log.find("sleep 1000"), std::string::npos) << log;
  EXPECT_EQ(log.find("stdout F proc\n"), std::string::npos)
      << "the pod's process 1 shows a host's tree: " << log;
}

}  // namespace
}  // namespace keelson::monitor
