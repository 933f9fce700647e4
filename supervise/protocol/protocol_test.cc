// SPDX-License-Identifier: Apache-2.0
#include "supervise/protocol/protocol.h"

#include <gtest/gtest.h>

namespace keelson::supervise {
namespace {

TEST(SuperviseProtocol, TheListOfProcessesComesBackAsItWas) {
  const Layout layout{{{"master", {"/bin/master", "--port", "1"}, "/log/master"},
                       {"dns", {"/bin/dns"}, "/log/dns"}}};
  const auto back = DecodeLayout(Encode(layout));
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, layout);
}

TEST(SuperviseProtocol, WhatIsCutShortIsRefused) {
  const std::string whole = Encode(Layout{{{"dns", {"/bin/dns", "a"}, "/log/dns"}}});
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(DecodeLayout(whole.substr(0, length)).ok()) << length;
  EXPECT_FALSE(DecodeLayout("something else altogether").ok());
}

TEST(SuperviseProtocol, AnswersAndCountsComeBackAsTheyWere) {
  Reply reply;
  reply.keeper = 3;
  reply.twin = 4;
  reply.processes = {{"dns", State::kWaiting, 0, 17, 5, "killed by signal 9"}};
  const auto back = DecodeReply(Encode(reply));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->keeper, 3);
  EXPECT_EQ(back->twin, 4);
  ASSERT_EQ(back->processes.size(), 1u);
  EXPECT_EQ(back->processes[0].state, State::kWaiting);
  EXPECT_EQ(back->processes[0].restarts, 5u);
  EXPECT_EQ(back->processes[0].last_end, "killed by signal 9");
  const Counts counts{{"dns", 5}, {"master", 0}};
  EXPECT_EQ(DecodeCounts(Encode(counts)).value(), counts);
  const auto request = DecodeRequest(Encode(Request{Verb::kStop, "dns", 7}));
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->verb, Verb::kStop);
  EXPECT_EQ(request->name, "dns");
  EXPECT_EQ(request->patience_seconds, 7u);
}

}  // namespace
}  // namespace keelson::supervise
