// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/netlink/address.h"

#include <gtest/gtest.h>

namespace keelson::netlink {
namespace {

TEST(Address, BlocksBeginAtTheirFirstAddress) {
  EXPECT_EQ(IpBlock::Parse("10.1.2.3/16")->Text(), "10.1.0.0/16");
  EXPECT_EQ(IpBlock::Parse("fd00:1:2:3::9/60")->Text(), "fd00:1:2::/60");
  EXPECT_EQ(IpBlock::Parse("10.1.2.3/32")->Text(), "10.1.2.3/32");
  EXPECT_EQ(IpBlock::Parse("10.1.2.3/0")->Text(), "0.0.0.0/0");
  for (const char* bad :
       {"", "10.1.2.3", "10.1.2.3/33", "fd00::/129", "10.1/8", "a/8", "10.0.0.0/"})
    EXPECT_FALSE(IpBlock::Parse(bad)) << bad;
}

TEST(Address, BlocksHoldAddressesOfTheirFamilyOnly) {
  const IpBlock block = *IpBlock::Parse("10.1.0.0/20");
  EXPECT_TRUE(block.Contains(*IpAddress::Parse("10.1.15.255")));
  EXPECT_FALSE(block.Contains(*IpAddress::Parse("10.1.16.0")));
  EXPECT_FALSE(IpBlock::Parse("::/0")->Contains(*IpAddress::Parse("10.1.0.1")));
  EXPECT_TRUE(block.Overlaps(*IpBlock::Parse("10.0.0.0/8")));
  EXPECT_TRUE(block.Overlaps(*IpBlock::Parse("10.1.4.0/24")));
  EXPECT_FALSE(block.Overlaps(*IpBlock::Parse("10.1.16.0/20")));
}

TEST(Address, MacAddressesAreSixBytes) {
  EXPECT_EQ(MacText(*ParseMac("0A:1b:2c:3D:4e:5f")), "0a:1b:2c:3d:4e:5f");
  for (const char* bad : {"", "0a:1b:2c:3d:4e", "0a-1b-2c-3d-4e-5f", "0a:1b:2c:3d:4e:5g"})
    EXPECT_FALSE(ParseMac(bad)) << bad;
}

}  // namespace
}  // namespace keelson::netlink
