// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/capabilities/capabilities.h"

#include <gtest/gtest.h>

namespace keelson::capabilities {
namespace {

TEST(Capabilities, AreFoundByNameWithAndWithoutPrefix) {
  EXPECT_EQ(Find("CAP_CHOWN"), 0);
  EXPECT_EQ(Find("net_raw"), 13);
  EXPECT_EQ(Find("SYS_ADMIN"), 21);
  for (const char* bad : {"", "CAP_", "NOPE", "13", "cap_13", "ALL"})
    EXPECT_FALSE(Find(bad).has_value()) << bad;
  EXPECT_EQ(NameOf(21), "CAP_SYS_ADMIN");
  for (int bit = 0; bit <= 40; ++bit) EXPECT_EQ(Find(NameOf(bit)), bit) << NameOf(bit);
  EXPECT_NE(AllOfThisKernel() & (1ull << 21), 0u);
}

}  // namespace
}  // namespace keelson::capabilities
