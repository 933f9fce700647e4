// SPDX-License-Identifier: Apache-2.0
#include "lib/os/listen.h"

#include <gtest/gtest.h>

namespace keelson::os {
namespace {

TEST(ListenTcp, TakesAPortOfTheKernelsChoiceAndTellsIt) {
  const auto made = ListenTcp("127.0.0.1:0", true, 1);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_GT(made->port, 0);
  const auto again = ListenTcp("127.0.0.1:" + std::to_string(made->port), true, 1);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().os_errno(), EADDRINUSE);
}

TEST(ListenTcp, RefusesWhatIsNoAddressOrTooFarReaching) {
  for (const char* bad :
       {"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "host:1", "0.0.0.0:0", "[::]:0"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(ListenTcp(bad, true, 1).error().code(), base::Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace keelson::os
