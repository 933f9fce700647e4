// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_gate.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "lib/base/fake_clock.h"

namespace keelson::image_gc {
namespace {

TEST(PullGate, LetsOneInAfterTheOther) {
  base::ManualClock clock;
  PullGate gate({.at_once = 1}, clock);
  std::stop_source stop;
  std::optional<base::Result<PullGate::Turn>> first(gate.Enter(stop.get_token()));
  ASSERT_TRUE(first->ok());
  std::thread second([&] { EXPECT_TRUE(gate.Enter(stop.get_token()).ok()); });
  first.reset();
  second.join();
  // One that waits goes when nobody wants its image any more.
  const auto holder = gate.Enter(stop.get_token());
  std::thread third(
      [&] { EXPECT_EQ(gate.Enter(stop.get_token()).error().code(), base::Code::kCancelled); });
  stop.request_stop();
  third.join();
}

TEST(PullGate, LetsSeveralInWhereTheyMay) {
  base::ManualClock clock;
  PullGate gate({.at_once = 2}, clock), open({.at_once = 0}, clock);
  const auto a = gate.Enter({}), b = gate.Enter({});
  EXPECT_TRUE(a.ok() && b.ok());
  const auto c = open.Enter({}), d = open.Enter({});
  EXPECT_TRUE(c.ok() && d.ok());
}

TEST(PullGate, RefusesWhatComesTooOften) {
  base::ManualClock clock;
  PullGate gate({.at_once = 0, .per_second = 2, .burst = 3}, clock);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(gate.Enter({}).ok());
  const auto refused = gate.Enter({});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "pull QPS exceeded");
  clock.Advance(std::chrono::milliseconds(500));
  EXPECT_TRUE(gate.Enter({}).ok());
  EXPECT_FALSE(gate.Enter({}).ok());
  clock.Advance(std::chrono::hours(1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(gate.Enter({}).ok());
  EXPECT_FALSE(gate.Enter({}).ok());
}

}  // namespace
}  // namespace keelson::image_gc
