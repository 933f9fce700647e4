// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/netlink/mac.h"

#include <gtest/gtest.h>

namespace keelson::netlink {
namespace {

TEST(Mac, IsSixBytes) {
  EXPECT_EQ(MacText(*ParseMac("0A:1b:2c:3D:4e:5f")), "0a:1b:2c:3d:4e:5f");
  for (const char* bad : {"", "0a:1b:2c:3d:4e", "0a-1b-2c-3d-4e-5f", "0a:1b:2c:3d:4e:5g"})
    EXPECT_FALSE(ParseMac(bad)) << bad;
}

}  // namespace
}  // namespace keelson::netlink
