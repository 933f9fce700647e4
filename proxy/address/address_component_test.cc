// SPDX-License-Identifier: Apache-2.0
#include "proxy/address/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kernel/netlink/testing/namespaces.h"

namespace keelson::proxy::address {
namespace {

using base::IpAddress;
using netlink::InFreshHost;
using netlink::Say;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<IpAddress> All(const std::vector<std::string>& texts) {
  std::vector<IpAddress> out;
  for (const std::string& text : texts) out.push_back(*IpAddress::Parse(text));
  return out;
}

std::string Shown() { return Say({"ip", "-o", "address", "show", "dev", kLink}); }

TEST(HeldAddresses, AreThereForBothFamiliesUntilTheyAreReleased) {
  InFreshHost([] {
    const auto held = Hold(All({"10.43.0.10", "fd43::a"}));
    ASSERT_TRUE(held.ok()) << held.error().message();
    EXPECT_TRUE(*held);
    EXPECT_THAT(Shown(), HasSubstr("10.43.0.10/32"));
    EXPECT_THAT(Shown(), HasSubstr("fd43::a/128"));
    for (const char* address : {"10.43.0.10", "fd43::a"}) {
      netlink::SocketAddress where(address, 0);
      const os::UniqueFd fd(socket(where.where.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      EXPECT_EQ(bind(fd.get(), where.get(), where.size), 0) << address;
    }
    EXPECT_FALSE(*Hold(All({"10.43.0.10", "fd43::a"}))) << "nothing was missing";
    ASSERT_TRUE(Release().ok());
    EXPECT_THAT(Say({"ip", "link"}), Not(HasSubstr(kLink)));
    EXPECT_TRUE(Release().ok());
  });
}

TEST(HeldAddresses, AreMendedWhenSomebodyTookThem) {
  InFreshHost([] {
    ASSERT_TRUE(Hold(All({"10.43.0.10"})).ok());
    Say({"ip", "address", "del", "10.43.0.10/32", "dev", kLink});
    EXPECT_TRUE(*Hold(All({"10.43.0.10"})));
    EXPECT_THAT(Shown(), HasSubstr("10.43.0.10/32"));
    Say({"ip", "link", "set", kLink, "down"});
    EXPECT_TRUE(*Hold(All({"10.43.0.10"})));
    EXPECT_FALSE(*Hold(All({"10.43.0.10"})));
    Say({"ip", "link", "del", kLink});
    EXPECT_TRUE(*Hold(All({"10.43.0.10"})));
    EXPECT_THAT(Shown(), HasSubstr("10.43.0.10/32"));
  });
}

TEST(HeldAddresses, OfBeforeGoWhenOthersAreWanted) {
  InFreshHost([] {
    ASSERT_TRUE(Hold(All({"10.43.0.10", "fd43::a"})).ok());
    EXPECT_TRUE(*Hold(All({"10.96.0.10"})));
    EXPECT_THAT(Shown(), HasSubstr("10.96.0.10/32"));
    EXPECT_THAT(Shown(), Not(HasSubstr("10.43.0.10")));
    EXPECT_THAT(Shown(), Not(HasSubstr("fd43::a")));
  });
}

}  // namespace
}  // namespace keelson::proxy::address
