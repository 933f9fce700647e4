// SPDX-License-Identifier: Apache-2.0
// Services that cannot be put into rules, beside others: the real iptables refuses them, in a
// network namespace of the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kernel/netlink/testing/small_node.h"
#include "proxy/apply/iptables/blame.h"
#include "proxy/apply/iptables/writer.h"

namespace keelson::proxy::iptables {
namespace {

using netlink::InFreshHost;
using netlink::Say;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

class RefusedTest : public ::testing::TestWithParam<std::string> {
 protected:
  xtables::Flavour flavour() const { return "iptables-" + GetParam(); }
  void OnHost(const std::function<void()>& work) {
    if (!xtables::Installed(flavour())) GTEST_SKIP() << "no " << flavour() << " here";
    InFreshHost([&] {
      const std::string tried = Say({flavour(), "-t", "nat", "-S"});
      if (tried.find("-P PREROUTING") == std::string::npos)
        GTEST_SKIP() << "this kernel has no table for " << flavour() << ": " << tried;
      work();
    });
  }
  static ServicePlan Service(const std::string& name, const std::string& address) {
    PortPlan plan;
    plan.id = name;
    plan.port = 80;
    plan.cluster_ip = address;
    plan.cluster = {{"10.1.1.2", 8080, true}};
    plan.nobody = false;
    return {name, {plan}, 0};
  }
  std::string Rules() const { return Say({flavour() + "-save"}); }
};

TEST_P(RefusedTest, AServiceThatCannotBeIsLeftOutAndTheOthersAreApplied) {
  OnHost([&] {
    IptablesWriter writer(flavour(), {});
    // An address of the other family: no such rule.
    const auto done = writer.Write(
        {Service("d/a", "10.43.0.1"), Service("d/bad", "fd43::1"), Service("d/c", "10.43.0.3")});
    ASSERT_TRUE(done.ok()) << done.error().message();
    EXPECT_THAT(writer.Refused(), ElementsAre(Key("d/bad")));
    EXPECT_THAT(Rules(), HasSubstr("10.43.0.1/32"));
    EXPECT_THAT(Rules(), HasSubstr("10.43.0.3/32"));
    EXPECT_THAT(Rules(), Not(HasSubstr("d/bad")));
    // The others go on, and it comes in when it can.
    ASSERT_TRUE(writer.Write({Service("d/e", "10.43.0.5")}).ok());
    EXPECT_THAT(Rules(), HasSubstr("10.43.0.5/32"));
    ASSERT_TRUE(writer.Write({Service("d/bad", "10.43.0.2")}).ok());
    EXPECT_THAT(writer.Refused(), IsEmpty());
    EXPECT_THAT(Rules(), HasSubstr("10.43.0.2/32"));
    // One that was well is changed to what cannot be: its rules go.
    ASSERT_TRUE(writer.Write({Service("d/e", "fd43::5")}).ok());
    EXPECT_THAT(writer.Refused(), ElementsAre(Key("d/e")));
    EXPECT_THAT(Rules(), Not(HasSubstr("d/e")));
    EXPECT_THAT(Rules(), HasSubstr("10.43.0.2/32"));
  });
}

// Read without complaint by iptables: only the kernel sees that it never ends.
TEST_P(RefusedTest, WhatTheKernelAloneRefusesIsFoundToo) {
  OnHost([&] {
    Pieces pieces;
    pieces["d/a"] = MakePiece(Service("d/a", "10.43.0.1").ports, 0, {});
    Piece& loop = pieces["d/loop"];
    const std::string chain = "KUBE-SVC-ABCDEFGHIJKLMNOP";
    loop.nat_chains[chain] = {"-A " + chain + " -j " + chain};
    loop.nat_services = {"-A KUBE-SERVICES -d 10.43.0.9/32 -j " + chain};
    const auto refused = FindRefused(pieces, {"d/a", "d/loop"}, [&](const Pieces& some) {
      return TryElsewhere(flavour(), some, {});
    });
    EXPECT_THAT(refused, ElementsAre(Key("d/loop")));
    EXPECT_THAT(Rules(), Not(HasSubstr("KUBE-")));  // nothing happened here
  });
}

INSTANTIATE_TEST_SUITE_P(BothFlavours, RefusedTest, ::testing::Values("nft", "legacy"),
                         [](const auto& which) { return which.param; });

}  // namespace
}  // namespace keelson::proxy::iptables
