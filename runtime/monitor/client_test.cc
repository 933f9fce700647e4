// SPDX-License-Identifier: Apache-2.0
// The daemon's end of a monitor's socket, with an anchor and a monitor that the test plays.
#include "runtime/monitor/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "lib/base/codec.h"
#include "lib/os/files.h"
#include "lib/os/socket.h"
#include "lib/os/temp_dir.h"
#include "runtime/monitor/protocol.h"

namespace keelson::monitor {
namespace {

class LateAnswerTest : public testing::Test {
 protected:
  void SetUp() override {
    const os::UniqueFd anchors =
        std::move(os::ListenUnix(dir_.path() + "/anchor.sock", SOCK_SEQPACKET)).value();
    const os::UniqueFd monitors =
        std::move(os::ListenUnix(dir_.path() + "/monitor.sock", SOCK_SEQPACKET)).value();
    AnchorOptions options{.run_dir = dir_.path(), .state_dir = "", .binary_dir = ""};
    options.patience = [] { return std::chrono::milliseconds(1); };
    anchor_ = std::move(ConnectAnchor(options)).value();
    std::thread anchor([&] {
      const os::UniqueFd client = std::move(os::Accept(anchors.get())).value();
      const Packet question = std::move(ReceivePacket(client.get())).value();
      EXPECT_EQ(question.type, Type::kHasMonitor);
      EXPECT_TRUE(SendPacket(client.get(), Type::kAnswer, question.id, AnswerOk()).ok());
    });
    PodSetup setup;
    setup.sandbox_id = "p1";
    setup.run_dir = dir_.path();
    pod_ = std::move(anchor_->AdoptMonitor(setup, [](const ExitRecord&) {}, [] {})).value();
    anchor.join();
    monitor_ = std::move(os::Accept(monitors.get())).value();
  }
  // A start that nobody answers in time, as the monitor sees it.
  Packet GivenUp() {
    spec::ContainerSpec spec;
    spec.id = "c1";
    const base::Result<StartedContainer> started = pod_->Start(spec, {}, {});
    EXPECT_EQ(started.error().code(), base::Code::kDeadlineExceeded);
    Packet asked = std::move(ReceivePacket(monitor_.get())).value();
    EXPECT_EQ(asked.type, Type::kStart);
    return asked;
  }

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-client")).value();
  std::unique_ptr<Anchor> anchor_;
  std::unique_ptr<MonitorClient> pod_;
  os::UniqueFd monitor_;
};

TEST_F(LateAnswerTest, StartContainer_ToldTooLateIsKilled) {
  const Packet asked = GivenUp();
  base::Writer w;
  w.I32(77);
  w.I64(1);
  ASSERT_TRUE(SendPacket(monitor_.get(), Type::kAnswer, asked.id, AnswerOk(w.bytes())).ok());
  const Packet next = std::move(ReceivePacket(monitor_.get())).value();
  EXPECT_EQ(next.type, Type::kKillAll);
  base::Reader r(next.payload);
  EXPECT_EQ(r.String(), "c1");
}

TEST_F(LateAnswerTest, AMonitorOfAnotherMajorVersionIsNamedAsSuch) {
  std::thread asks([&] {
    const base::Result<ExecResult> result = pod_->Exec({.container_id = "c1", .process = {}});
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), base::Code::kFailedPrecondition);
    EXPECT_EQ(result.error().message(),
              "the peer speaks version 9 of our protocol, this is version 1");
  });
  const Packet asked = std::move(ReceivePacket(monitor_.get())).value();
  base::Writer w;
  w.U32(9);
  w.U32(static_cast<uint32_t>(Type::kAnswer));
  w.U64(asked.id);
  ASSERT_TRUE(os::SendMessage(monitor_.get(), w.bytes()).ok());
  asks.join();
}

TEST_F(LateAnswerTest, WordsOfANewerMonitorArePassedOver) {
  std::thread asks([&] {
    const base::Result<ExecResult> result = pod_->Exec({.container_id = "c1", .process = {}});
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->exit_code, 3);
  });
  const Packet asked = std::move(ReceivePacket(monitor_.get())).value();
  ASSERT_TRUE(SendPacket(monitor_.get(), static_cast<Type>(40'001), asked.id, "?").ok());
  base::Writer w;
  w.I32(3);
  w.Bool(false);
  PutStages(w, {});
  ASSERT_TRUE(
      SendPacket(monitor_.get(), Type::kAnswer, asked.id, AnswerOk(w.bytes() + "more")).ok());
  asks.join();
}

}  // namespace
}  // namespace keelson::monitor
