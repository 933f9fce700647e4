// SPDX-License-Identifier: Apache-2.0
#include "proxy/sysctl/sysctl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::proxy::sysctl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kMost[] = "net/netfilter/nf_conntrack_max";

int64_t Wanted(const std::vector<Setting>& settings, const std::string& path) {
  for (const Setting& setting : settings)
    if (setting.path == path) return setting.value;
  return -1;
}

TEST(Sysctl, RoomGrowsWithTheCoresButHasALeast) {
  EXPECT_EQ(Wanted(PlanSettings({}, 1, {}), kMost), 131072);
  EXPECT_EQ(Wanted(PlanSettings({}, 16, {}), kMost), 524288);
  EXPECT_EQ(Wanted(PlanSettings({}, 16, {}), "module/nf_conntrack/parameters/hashsize"), 131072);
  EXPECT_EQ(Wanted(PlanSettings({.max_per_core = 0}, 16, {}), kMost), -1);
}

TEST(Sysctl, TimesOfNoLengthAreLeftAlone) {
  const auto usual = PlanSettings({}, 1, {});
  EXPECT_EQ(Wanted(usual, "net/netfilter/nf_conntrack_tcp_timeout_established"), 86400);
  EXPECT_EQ(Wanted(usual, "net/netfilter/nf_conntrack_tcp_timeout_close_wait"), 3600);
  EXPECT_EQ(Wanted(usual, "net/netfilter/nf_conntrack_udp_timeout"), -1);
  EXPECT_EQ(Wanted(usual, "net/netfilter/nf_conntrack_tcp_be_liberal"), -1);
  const auto more = PlanSettings({.udp = std::chrono::seconds(30), .tcp_be_liberal = true}, 1, {});
  EXPECT_EQ(Wanted(more, "net/netfilter/nf_conntrack_udp_timeout"), 30);
  EXPECT_EQ(Wanted(more, "net/netfilter/nf_conntrack_tcp_be_liberal"), 1);
}

class RaiseTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::string& value) {
    const std::string file = dir_.path() + "/" + path;
    ASSERT_TRUE(os::MakeDirs(file.substr(0, file.rfind('/')), 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(file, value, 0644).ok());
  }
  std::string Get(const std::string& path) {
    return os::ReadFile(dir_.path() + "/" + path).ValueOr("?");
  }
  Roots roots() const { return {dir_.path() + "/p", dir_.path() + "/s"}; }
  const os::TempDir dir_ = os::TempDir::Create("sysctl").value();
};

TEST_F(RaiseTest, ValuesAreRaisedAndNeverLowered) {
  Put("p/net/netfilter/nf_conntrack_max", "65536\n");
  Put("p/net/netfilter/nf_conntrack_tcp_timeout_established", "432000\n");
  Put("p/net/ipv4/ip_forward", "0\n");
  Put("s/module/nf_conntrack/parameters/hashsize", "16384\n");
  const Raised raised = RaiseSettings(PlanSettings({}, 2, LinksOf(roots())), roots());
  EXPECT_THAT(raised.problems, IsEmpty());
  EXPECT_THAT(raised.raised, ElementsAre("module/nf_conntrack/parameters/hashsize 16384 → 32768",
                                         "net/netfilter/nf_conntrack_max 65536 → 131072",
                                         "net/ipv4/ip_forward 0 → 1"));
  EXPECT_EQ(Get("p/net/ipv4/ip_forward").substr(0, 1), "1");
  EXPECT_EQ(Get("p/net/netfilter/nf_conntrack_tcp_timeout_established"), "432000\n");
}

TEST_F(RaiseTest, AMachineThatForwardsStillListensToItsRouters) {
  Put("p/net/ipv6/conf/all/forwarding", "0\n");
  Put("p/net/ipv6/conf/all/accept_ra", "1\n");
  Put("p/net/ipv6/conf/eth0/accept_ra", "1\n");
  Put("p/net/ipv6/conf/eth1/accept_ra", "0\n");
  Put("p/net/ipv4/conf/default/rp_filter", "0\n");
  const Raised raised = RaiseSettings(PlanSettings({}, 2, LinksOf(roots())), roots());
  EXPECT_THAT(raised.raised,
              ElementsAre("net/ipv6/conf/all/accept_ra 1 → 2", "net/ipv6/conf/eth0/accept_ra 1 → 2",
                          "net/ipv6/conf/all/forwarding 0 → 1"));
  EXPECT_EQ(Get("p/net/ipv6/conf/eth1/accept_ra"), "0\n");
  EXPECT_EQ(Get("p/net/ipv4/conf/default/rp_filter"), "0\n");  // off is looser than loose
}

}  // namespace
}  // namespace keelson::proxy::sysctl
