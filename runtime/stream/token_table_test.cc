// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/token_table.h"

#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"

namespace keelson::stream {
namespace {

TEST(TokenTable, GivesWhatWasAskedOnce) {
  base::ManualClock clock;
  TokenTable table(clock);
  const auto token = table.Add({.kind = Kind::kExec, .process = {.container_id = "c"}});
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->size(), 32u) << "128 bits";
  EXPECT_FALSE(table.Take(Kind::kAttach, *token).has_value());
  EXPECT_FALSE(table.Take(Kind::kExec, token->substr(1)).has_value());
  const auto asked = table.Take(Kind::kExec, *token);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->process.container_id, "c");
  EXPECT_FALSE(table.Take(Kind::kExec, *token).has_value());
}

TEST(TokenTable, ForgetsAfterAMinute) {
  base::ManualClock clock;
  TokenTable table(clock);
  const auto token = table.Add({.kind = Kind::kPortForward});
  clock.Advance(std::chrono::seconds(59));
  const auto late = table.Add({.kind = Kind::kPortForward});
  clock.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(table.Take(Kind::kPortForward, *token).has_value());
  EXPECT_TRUE(table.Take(Kind::kPortForward, *late).has_value());
}

TEST(TokenTable, IsBounded) {
  base::ManualClock clock;
  TokenTable table(clock);
  for (size_t i = 0; i < kMaxTokens; ++i) ASSERT_TRUE(table.Add({}).ok());
  const auto more = table.Add({});
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code(), base::Code::kResourceExhausted);
  clock.Advance(kTokenLife);
  EXPECT_TRUE(table.Add({}).ok());
}

}  // namespace
}  // namespace keelson::stream
