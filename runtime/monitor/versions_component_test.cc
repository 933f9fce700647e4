// SPDX-License-Identifier: Apache-2.0
// Daemon and helpers of different versions: this test is one of them, its programs are the other.
// Compiled twice (CMakeLists.txt): today's daemon over tomorrow's programs, and the reverse.
// Tomorrow's (testing/tomorrow.cc) has more in every payload and says words that today's does not
// know.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>

#include "lib/os/pipe.h"
#include "lib/os/socket.h"
#include "runtime/monitor/protocol.h"
#include "runtime/monitor/testing/live_sessions.h"
#include "runtime/monitor/testing/monitor_fixture.h"

namespace keelson::monitor {
namespace {

using testing::HasSubstr;

class VersionsTest : public MonitorTest {
 protected:
  std::string Programs() override {
    return OwnDialect().minor == 0 ? base::BinDir() + "/tomorrow" : base::BinDir();
  }
};

TEST_F(VersionsTest, EveryKindOfQuestionIsUnderstood) {
  const base::Result<StartedContainer> started =
      Start("c1", "echo first; until [ -e /stop ]; do /bin/busybox usleep 1000; done; exit 3");
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_GT(started->pid, 0);
  (void)LogWith("c1", "stdout F first\n");
  const std::vector<ContainerState> states = pod_->ListContainers().value();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].id, "c1");
  EXPECT_EQ(states[0].started.pid, started->pid);
  os::Pipe out = std::move(os::CreatePipe()).value();
  Ends ends;
  ExecRequest live{.container_id = "c1", .process = Command("echo said; exit 4")};
  live.out = std::move(out.write_end);
  const auto session = pod_->OpenExec(std::move(live), ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  EXPECT_EQ(ReadEnd(out.read_end), "said\n");
  EXPECT_EQ(ends.Wait()->exit_code, 4);
  ASSERT_TRUE(rename((logs_ + "/c1.log").c_str(), (logs_ + "/old").c_str()) == 0);
  EXPECT_TRUE(pod_->ReopenLog("c1").ok());
  EXPECT_TRUE(os::Exists(logs_ + "/c1.log"));
  EXPECT_TRUE(pod_->Signal("c1", SIGWINCH).ok());
  EXPECT_EQ(pod_->Start(Spec("c1", ""), {}, {}).error().code(), base::Code::kAlreadyExists);
  MakeStop("c1");
  const auto exit = exits_.WaitFor("c1");
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->exit_code, 3);
  EXPECT_TRUE(pod_->Forget("c1").ok());
}

TEST_F(VersionsTest, WhoeverDiesIsFollowedByAnother) {
  ASSERT_TRUE(
      Start("c1", "i=0; until [ -e /stop ]; do /bin/busybox usleep 1000; done; exit 5").ok());
  ASSERT_TRUE(
      Start("c2", "until [ -e /stop ]; do /bin/busybox usleep 1000; done; echo end; exit 6").ok());
  const pid_t log = LogPid();
  ASSERT_GT(log, 0);
  ASSERT_EQ(kill(log, SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return LogPid() > 0 && LogPid() != log; }));
  ASSERT_EQ(kill(MonitorPid(), SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return lost_.load(); }));
  base::Result<std::unique_ptr<MonitorClient>> again =
      anchor_->AdoptMonitor(setup_, OnExit(), OnLost());
  ASSERT_TRUE(again.ok()) << again.error().message();
  pod_ = std::move(again).value();
  EXPECT_EQ(pod_->ListContainers().value().size(), 2u);
  for (const char* id : {"c1", "c2"}) MakeStop(id);
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 5);
  EXPECT_EQ(exits_.WaitFor("c2")->exit_code, 6);
  (void)LogWith("c2", "stdout F end\n");
}

// A word of this dialect with another major version before it.
TEST_F(VersionsTest, AnotherMajorVersionIsRefusedInWordsAndHarmsNothing) {
  ASSERT_TRUE(Start("c1", "until [ -e /stop ]; do /bin/busybox usleep 1000; done; exit 2").ok());
  for (const std::string& path : {setup_.run_dir + "/monitor.sock", run_ + "/anchor.sock"}) {
    const os::UniqueFd socket = std::move(os::ConnectUnix(path, SOCK_SEQPACKET)).value();
    base::Writer w;
    w.U32(kMajorVersion + 1);
    w.U32(static_cast<uint32_t>(Type::kList));
    w.U64(1);
    ASSERT_TRUE(os::SendMessage(socket.get(), w.bytes()).ok());
    base::Result<Packet> answer = ReceivePacket(socket.get());
    while (answer.ok() && answer->type != Type::kAnswer) answer = ReceivePacket(socket.get());
    ASSERT_TRUE(answer.ok()) << path << answer.error().message();
    const base::Result<std::string> read = ReadAnswer(answer->payload);
    ASSERT_FALSE(read.ok()) << path;
    EXPECT_EQ(read.error().code(), base::Code::kFailedPrecondition);
    EXPECT_THAT(read.error().message(), HasSubstr("speaks version 2"));
    while ((answer = ReceivePacket(socket.get())).ok()) {
    }
    EXPECT_EQ(answer.error().code(), base::Code::kUnavailable);
  }
  MakeStop("c1");
  EXPECT_EQ(exits_.WaitFor("c1")->exit_code, 2);
}

}  // namespace
}  // namespace keelson::monitor
