// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::monitor {
namespace {

using testing::UnorderedElementsAre;

Handover Example() {
  Handover h;
  h.setup.sandbox_id = "p1";
  h.setup.run_dir = "/run/x";
  h.parts = {10, -1, 12, -1, -1, -1, -1, 17};
  h.log_pid = 44;
  h.next_question = 5;
  h.next_exec = 6;
  h.next_command = 7;
  h.client = 20;
  h.question = 9;
  h.clients = {20, 21};
  Handover::Container ended;
  ended.state.id = "c1";
  ended.state.phase = ContainerPhase::kRunning;
  ended.state.exit = ExitRecord{.container_id = "c1", .exit_code = 3};
  ended.draining = true;
  Handover::Container runs;
  runs.state.id = "c2";
  runs.pidfd = 30;
  runs.adopted = true;
  runs.notes = "notes";
  runs.log_fds = {31, 32, 33};
  runs.leaf = {"/sys/x-1", 34, true};
  h.containers = {ended, runs};
  Handover::Exec exec;
  exec.pid = 99;
  exec.client = 21;
  exec.question = 8;
  exec.container = "c2";
  exec.leaf = {"/sys/x-2", 35, false};
  exec.stages = {{2, std::chrono::nanoseconds(7)}};
  exec.ends_at = 1000;
  exec.live = true;
  h.execs = {exec};
  h.attachments = {{77, 21, 12}};
  h.log_questions = {{78, -1, 0, "c1", 0, ""}};
  return h;
}

TEST(Handover, NothingIsLostOnTheWay) {
  const std::string bytes = Encode(Example());
  const base::Result<Handover> back = DecodeHandover(bytes);
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(Encode(*back), bytes);
  EXPECT_EQ(back->containers[0].state.exit->exit_code, 3);
  EXPECT_EQ(back->containers[1].leaf.path, "/sys/x-1");
  EXPECT_EQ(back->execs[0].ends_at, 1000);
  EXPECT_EQ(back->log_questions[0].exited, "c1");
}

TEST(Handover, EveryDescriptorIsNamed) {
  EXPECT_THAT(DescriptorsOf(Example()),
              UnorderedElementsAre(10, 12, 17, 20, 21, 30, 31, 32, 33, 34, 35));
}

TEST(Handover, OfANewerMonitorIsReadAsFarAsItIsKnown) {
  const base::Result<Handover> back = DecodeHandover(Encode(Example()) + "of tomorrow");
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(back->execs.size(), 1u);
}

TEST(Handover, WhatCannotBeReadIsRefused) {
  const std::string bytes = Encode(Example());
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(DecodeHandover(bytes.substr(0, cut)).ok()) << cut;
  std::string too_new = bytes;
  too_new[4] = 9;
  EXPECT_EQ(DecodeHandover(too_new).error().code(), base::Code::kFailedPrecondition);
}

}  // namespace
}  // namespace keelson::monitor
