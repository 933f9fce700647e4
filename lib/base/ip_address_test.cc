// SPDX-License-Identifier: Apache-2.0
#include "lib/base/ip_address.h"

#include <gtest/gtest.h>

namespace keelson::base {
namespace {

IpAddress Address(std::string_view text) {
  const auto parsed = IpAddress::Parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpAddress());
}

TEST(IpAddress, HasOneSpelling) {
  struct Case {
    std::string_view text, canonical;
  };
  for (const Case& c :
       {Case{"10.1.0.3", "10.1.0.3"}, Case{"0.0.0.0", "0.0.0.0"},
        Case{"255.255.255.255", "255.255.255.255"}, Case{"::", "::"}, Case{"0:0::1", "::1"},
        Case{"FD00::0A", "fd00::a"}, Case{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        Case{"::ffff:10.1.0.3", "::ffff:10.1.0.3"},
        Case{"0000:0000:0000:0000:0000:ffff:255.255.255.255", "::ffff:255.255.255.255"}}) {
    SCOPED_TRACE(c.text);
    const IpAddress address = Address(c.text);
    EXPECT_EQ(address.Text(), c.canonical);
    EXPECT_EQ(address.v6, c.text.find(':') != std::string_view::npos);
    EXPECT_EQ(IpAddress::FromBytes(address.raw()), address);
    EXPECT_EQ(IpAddress::FromNumber(address.Number(), address.v6), address);
  }
}

TEST(IpAddress, IsTheWholeText) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view bad : {""sv,
                                     "10.1.0"sv,
                                     "10.1.0.3.4"sv,
                                     "10.1.0.256"sv,
                                     "10.1.0.03"sv,
                                     "0x0a.1.0.3"sv,
                                     "10.1.0.3 "sv,
                                     " 10.1.0.3"sv,
                                     "10.1.0.3/24"sv,
                                     "+1.2.3.4"sv,
                                     "167837699"sv,
                                     "10.1.0.3\0"sv,
                                     "10.1.0.3\0.evil"sv,
                                     "\0"sv,
                                     "::1\0"sv,
                                     "fe80::1%eth0"sv,
                                     "fe80::1%1"sv,
                                     "[::1]"sv,
                                     "1:2:3:4:5:6:7"sv,
                                     "1:2:3:4:5:6:7:8:9"sv,
                                     "1::2::3"sv,
                                     ":1"sv,
                                     "12345::"sv,
                                     "::ffff:10.1.0.03"sv,
                                     "::10.1.0.3:1"sv,
                                     "localhost"sv,
                                     "0000:0000:0000:0000:0000:ffff:255.255.255.2550"sv})
    EXPECT_FALSE(IpAddress::Parse(bad)) << bad;
}

TEST(IpAddress, IsFourBytesOrSixteen) {
  EXPECT_EQ(IpAddress::FromBytes({"\x0a\x01\x00\x03", 4}), Address("10.1.0.3"));
  for (const size_t size : {0, 3, 5, 15, 17})
    EXPECT_FALSE(IpAddress::FromBytes(std::string(size, 'x'))) << size;
}

TEST(IpAddress, CountsAsANumber) {
  EXPECT_EQ(IpAddress::FromNumber(Address("10.0.255.255").Number() + 1, false),
            Address("10.1.0.0"));
  EXPECT_EQ(IpAddress::FromNumber(Address("fd00::ffff:ffff:ffff:ffff").Number() + 1, true),
            Address("fd00:0:0:1::"));
}

TEST(IpAddress, OfIPv4MayStandInIPv6) {
  EXPECT_EQ(Address("::ffff:10.1.0.3").Unmapped(), Address("10.1.0.3"));
  for (const char* own : {"10.1.0.3", "::10.1.0.3", "::fffe:10.1.0.3", "fd00::1", "::"})
    EXPECT_EQ(Address(own).Unmapped(), Address(own)) << own;
}

TEST(IpAddress, KnowsWhatItIsFor) {
  struct Case {
    const char* text;
    bool global = false, loopback = false, link_local = false, unspecified = false;
  };
  for (const Case& c : {Case{.text = "10.1.0.3", .global = true},
                        Case{.text = "203.0.113.9", .global = true},
                        Case{.text = "0.0.0.1", .global = true},
                        Case{.text = "240.0.0.1", .global = true},
                        Case{.text = "0.0.0.0", .unspecified = true},
                        Case{.text = "127.0.0.1", .loopback = true},
                        Case{.text = "127.255.255.254", .loopback = true},
                        Case{.text = "169.254.169.254", .link_local = true},
                        Case{.text = "224.0.0.1"},
                        Case{.text = "239.1.2.3"},
                        Case{.text = "255.255.255.255"},
                        Case{.text = "fd00::1", .global = true},
                        Case{.text = "2001:db8::1", .global = true},
                        Case{.text = "::", .unspecified = true},
                        Case{.text = "::1", .loopback = true},
                        Case{.text = "fe80::1", .link_local = true},
                        Case{.text = "febf::1", .link_local = true},
                        Case{.text = "fec0::1", .global = true},
                        Case{.text = "ff02::1"},
                        Case{.text = "::ffff:10.1.0.3", .global = true},
                        Case{.text = "::ffff:127.0.0.1"},
                        Case{.text = "::ffff:169.254.169.254"},
                        Case{.text = "::ffff:0.0.0.0"}}) {
    SCOPED_TRACE(c.text);
    const IpAddress address = Address(c.text);
    EXPECT_EQ(address.IsGlobalUnicast(), c.global);
    EXPECT_EQ(address.IsLoopback(), c.loopback);
    EXPECT_EQ(address.IsLinkLocal(), c.link_local);
    EXPECT_EQ(address.IsUnspecified(), c.unspecified);
  }
}

TEST(IpAddress, StandsInBracketsWhereAPortFollows) {
  EXPECT_EQ(Endpoint("127.0.0.1", 6443), "127.0.0.1:6443");
  EXPECT_EQ(Endpoint("::", 0), "[::]:0");
  EXPECT_EQ(Endpoint("api.example", 443), "api.example:443");
  EXPECT_EQ(Bracketed("fd00::1"), "[fd00::1]");
  EXPECT_TRUE(IsV6("fd00::/64"));
  EXPECT_FALSE(IsV6("10.0.0.0/8"));
  EXPECT_FALSE(IsV6(""));
}

TEST(IpBlock, BeginsAtItsFirstAddress) {
  EXPECT_EQ(IpBlock::Parse("10.1.2.3/16")->Text(), "10.1.0.0/16");
  EXPECT_EQ(IpBlock::Parse("fd00:1:2:3::9/60")->Text(), "fd00:1:2::/60");
  EXPECT_EQ(IpBlock::Parse("10.1.2.3/32")->Text(), "10.1.2.3/32");
  EXPECT_EQ(IpBlock::Parse("10.1.2.3/0")->Text(), "0.0.0.0/0");
  EXPECT_EQ(IpBlock::Parse("10.1.2.3/08")->Text(), "10.0.0.0/8");
  using std::string_view_literals::operator""sv;
  for (const std::string_view bad :
       {""sv, "/"sv, "10.1.2.3"sv, "10.1.2.3/33"sv, "fd00::/129"sv, "10.1/8"sv, "a/8"sv,
        "10.0.0.0/"sv, "10.0.0.0/-1"sv, "10.0.0.0/+8"sv, "10.0.0.0/8 "sv, "10.0.0.0/8/8"sv,
        "10.0.0.0/8\0"sv, "10.0.0.0\0/8"sv, "010.0.0.0/8"sv, "fe80::%eth0/64"sv,
        "10.0.0.0/18446744073709551624"sv})
    EXPECT_FALSE(IpBlock::Parse(bad)) << bad;
}

TEST(IpBlock, HoldsAddressesOfItsFamilyOnly) {
  const IpBlock block = *IpBlock::Parse("10.1.0.0/20");
  EXPECT_TRUE(block.Contains(Address("10.1.15.255")));
  EXPECT_FALSE(block.Contains(Address("10.1.16.0")));
  EXPECT_FALSE(IpBlock::Parse("::/0")->Contains(Address("10.1.0.1")));
  EXPECT_TRUE(IpBlock::Parse("::/0")->Contains(Address("fd00::1")));
  EXPECT_TRUE(IpBlock::Parse("0.0.0.0/0")->Contains(Address("255.255.255.255")));
  EXPECT_TRUE(block.Overlaps(*IpBlock::Parse("10.0.0.0/8")));
  EXPECT_TRUE(block.Overlaps(*IpBlock::Parse("10.1.4.0/24")));
  EXPECT_FALSE(block.Overlaps(*IpBlock::Parse("10.1.16.0/20")));
}

}  // namespace
}  // namespace keelson::base
