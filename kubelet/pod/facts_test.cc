// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/facts.h"

#include <gtest/gtest.h>

namespace keelson::pod {
namespace {

TEST(CrashBackoff, DoublesFromTenSecondsToFiveMinutes) {
  Backoff backoff;
  int64_t now = 1'000'000 * kSecond;
  EXPECT_EQ(RestartAt(backoff, now - kSecond, now), now);  // the first time at once
  for (const int64_t seconds : {10, 20, 40, 80, 160, 300, 300, 300}) {
    backoff = Next(backoff, now - kSecond, now);
    EXPECT_EQ(backoff.delay, seconds * kSecond);
    EXPECT_EQ(backoff.updated_at, now);
    const int64_t ended = now + kSecond;
    EXPECT_EQ(RestartAt(backoff, ended, ended), ended + seconds * kSecond);
    now = ended + seconds * kSecond;
    EXPECT_LE(RestartAt(backoff, ended, now), now);
  }
}

TEST(CrashBackoff, IsForgottenAfterALongRun) {
  const int64_t now = 1'000'000 * kSecond;
  const Backoff backoff{300 * kSecond, now};
  const auto after = [&](int64_t seconds) {
    return Next(backoff, now + seconds * kSecond, now + (seconds + 300) * kSecond).delay / kSecond;
  };
  EXPECT_EQ(after(600), 300);
  EXPECT_EQ(after(601), 10);
}

TEST(CrashBackoff, DoesNotHoldUpWhatEndedLongAgo) {
  const int64_t now = 1'000'000 * kSecond;
  const Backoff backoff{300 * kSecond, now - 1000 * kSecond};
  EXPECT_EQ(RestartAt(backoff, now - 299 * kSecond, now), now + kSecond);
  EXPECT_LE(RestartAt(backoff, now - 301 * kSecond, now), now);
  EXPECT_EQ(RestartAt(backoff, now - 601 * kSecond, now), now);
}

TEST(RestartPolicy, DecidesByExitCode) {
  EXPECT_TRUE(RunsAgain("Always", 0));
  EXPECT_TRUE(RunsAgain("Always", 1));
  EXPECT_FALSE(RunsAgain("OnFailure", 0));
  EXPECT_TRUE(RunsAgain("OnFailure", 137));
  EXPECT_FALSE(RunsAgain("Never", 1));
}

TEST(Lost, ContainersThatVanishHaveEnded) {
  Observed before, now;
  before.containers = {
      {.id = "b1", .name = "b", .attempt = 1, .state = RunState::kRunning, .created_at = 3},
      {.id = "a0", .name = "a", .state = RunState::kRunning, .created_at = 2},
      {.id = "b0", .name = "b", .state = RunState::kExited, .created_at = 1}};
  now.containers = {before.containers[1]};
  std::vector<ContainerFact> lost;
  KeepLost(before, now, lost, 77);
  ASSERT_EQ(now.containers.size(), 2u);
  const ContainerFact* b = Latest(now, "b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b, &now.containers[0]);
  EXPECT_EQ(b->state, RunState::kExited);
  EXPECT_EQ(b->exit_code, 137);
  EXPECT_EQ(b->reason, "ContainerStatusUnknown");
  EXPECT_EQ(b->finished_at, 77);
  // It stays so, behind the one that follows it; should the runtime find it again, that counts.
  Observed later = now;
  later.containers = {
      {.id = "b2", .name = "b", .attempt = 2, .state = RunState::kRunning, .created_at = 4}};
  const Observed seen = now;
  KeepLost(seen, later, lost, 99);
  ASSERT_EQ(later.containers.size(), 3u) << "a is lost, too";
  EXPECT_EQ(Latest(later, "b")->id, "b2");
  EXPECT_EQ(lost.size(), 2u);
  Observed found;
  found.containers = {before.containers[0]};
  KeepLost({}, found, lost, 100);
  EXPECT_EQ(Latest(found, "b")->state, RunState::kRunning);
  EXPECT_EQ(lost.size(), 1u);
}

TEST(RestartPolicy, OfTheContainerAndItsRulesComeFirst) {
  kube::Container container;
  EXPECT_TRUE(RunsAgain(container, "Always", 0));
  container.restart_policy = "OnFailure";
  EXPECT_FALSE(RunsAgain(container, "Always", 0));
  EXPECT_TRUE(RunsAgain(container, "Never", 1));
  container.restart_rules = {{.exit_codes = {0, 42}}};
  EXPECT_TRUE(RunsAgain(container, "Never", 0));
  container.restart_policy = "Never";
  EXPECT_TRUE(RunsAgain(container, "Always", 42));
  EXPECT_FALSE(RunsAgain(container, "Always", 43));
  container.restart_rules = {{.not_in = true, .exit_codes = {0, 42}}};
  EXPECT_TRUE(RunsAgain(container, "Always", 43));
  EXPECT_FALSE(RunsAgain(container, "Always", 42));
}

TEST(RestartPolicy, OfInitContainersDoesNotRepeatASuccess) {
  kube::Container init;
  EXPECT_FALSE(InitRunsAgain(init, "Always", 0));
  EXPECT_TRUE(InitRunsAgain(init, "Always", 1));
  EXPECT_TRUE(InitRunsAgain(init, "OnFailure", 1));
  EXPECT_FALSE(InitRunsAgain(init, "Never", 1));
  init.restart_rules = {{.exit_codes = {1}}};
  init.restart_policy = "Never";
  EXPECT_TRUE(InitRunsAgain(init, "Always", 1));
  EXPECT_FALSE(InitRunsAgain(init, "Always", 2));
  EXPECT_TRUE(InitRunsAgain({.restart_policy = "Always"}, "Never", 0));
}

TEST(CrashBackoff, StaysUnderTheConfiguredCap) {
  Backoff backoff;
  for (const int64_t seconds : {10, 15, 15}) {
    backoff = Next(backoff, 0, 0, 15 * kSecond);
    EXPECT_EQ(backoff.delay, seconds * kSecond);
  }
  EXPECT_EQ(Next({}, 0, 0, kSecond).delay, kSecond);
}

}  // namespace
}  // namespace keelson::pod
