// SPDX-License-Identifier: Apache-2.0
// Rules in the kernel and packets through them, in a network namespace that plays the node; two
// others are a pod and somebody outside.
#include "proxy/apply/iptables/applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "lib/kernel/netlink/testing/small_node.h"

namespace keelson::proxy::iptables {
namespace {

using netlink::InFreshHost;
using netlink::Say;
using ::testing::HasSubstr;
using ::testing::Not;

class AppliedTest : public ::testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  bool legacy() const { return std::get<0>(GetParam()) == "legacy"; }
  bool v6() const { return std::get<1>(GetParam()); }
  xtables::Flavour flavour() const {
    return std::string(v6() ? "ip6tables-" : "iptables-") + std::get<0>(GetParam());
  }
  std::string At(int net, int host) const { return node_->At(net, host); }
  std::string Service() const { return v6() ? "fd43::9" : "10.43.0.9"; }

  PortPlan Web() const {
    PortPlan plan;
    plan.id = "d/web";
    plan.port = 80;
    plan.cluster_ip = Service();
    plan.cluster = {{At(1, 2), 8080, true}};
    plan.nobody = false;
    return plan;
  }
  Options TheOptions() const {
    Options options;
    options.family = v6() ? Family::kIpv6 : Family::kIpv4;
    options.cluster_cidr = node_->pods();
    return options;
  }

  // Everything of a test, on a thread of its own.
  void OnNode(const std::function<void()>& work) {
    if (!xtables::Installed(flavour())) GTEST_SKIP() << "no " << flavour() << " here";
    InFreshHost([&] {
      const std::string tried = Say({flavour(), "-t", "nat", "-S"});
      if (tried.find("-P PREROUTING") == std::string::npos)
        GTEST_SKIP() << "this kernel has no table for " << flavour() << ": " << tried;
      node_.emplace(v6());
      work();
    });
  }
  std::string PodSees(int from, const std::string& address, uint16_t port) {
    return node_->PodSees(from, address, port);
  }
  std::optional<netlink::SmallNode> node_;
};

TEST_P(AppliedTest, PacketsReachTheEndpointAndStrangersAreMasqueraded) {
  OnNode([&] {
    Applier applier(flavour(), TheOptions());
    const Pieces wanted = {{"d/web", MakePiece({Web()}, 0, TheOptions())}};
    const auto done = applier.Sync(wanted, {});
    ASSERT_TRUE(done.ok()) << done.error().message();
    EXPECT_EQ(PodSees(node_->outside(), Service(), 80), At(1, 1));
    // A pod that asks for itself: the answer must come back through the node.
    EXPECT_EQ(PodSees(node_->pod(), Service(), 80), At(1, 1));
    EXPECT_TRUE(*applier.Intact());
  });
}

TEST_P(AppliedTest, NodePortsAnswerOnTheNodesAddresses) {
  OnNode([&] {
    PortPlan plan = Web();
    plan.node_port = 30080;
    Applier applier(flavour(), TheOptions());
    Pieces wanted = {{"d/web", MakePiece({plan}, 0, TheOptions())}};
    ASSERT_TRUE(applier.Sync(wanted, {}).ok());
    EXPECT_EQ(PodSees(node_->outside(), At(2, 1), 30080), At(1, 1));
    const Pieces before = wanted;
    // Local ones see who asks.
    plan.external_local = true;
    plan.local = plan.cluster;
    wanted["d/web"] = MakePiece({plan}, 0, TheOptions());
    ASSERT_TRUE(applier.Sync(wanted, before).ok());
    EXPECT_EQ(PodSees(node_->outside(), At(2, 1), 30080), At(2, 2));
    EXPECT_EQ(applier.counts().full, 1u);
    EXPECT_EQ(applier.counts().partial, 1u);
  });
}

TEST_P(AppliedTest, WithoutEndpointsWhoAsksIsToldSoAtOnce) {
  OnNode([&] {
    PortPlan plan = Web();
    plan.cluster.clear();
    plan.nobody = true;
    Applier applier(flavour(), TheOptions());
    ASSERT_TRUE(applier.Sync({{"d/web", MakePiece({plan}, 0, TheOptions())}}, {}).ok());
    netlink::SocketAddress where(Service(), 80);
    const os::UniqueFd client = netlink::OpenSocket(node_->outside(), where);
    EXPECT_NE(connect(client.get(), where.get(), where.size), 0);
    EXPECT_EQ(errno, ECONNREFUSED);
  });
}

TEST_P(AppliedTest, TheNextRunTakesAwayWhatIsStaleAndAFlushIsNoticed) {
  OnNode([&] {
    PortPlan old = Web();
    old.id = "d/old";
    Applier before(flavour(), TheOptions());
    ASSERT_TRUE(before.Sync({{"d/old", MakePiece({old}, 0, TheOptions())}}, {}).ok());
    Say({flavour(), "-t", "nat", "-N", "MINE"});

    Applier applier(flavour(), TheOptions());
    const Pieces wanted = {{"d/web", MakePiece({Web()}, 0, TheOptions())}};
    ASSERT_TRUE(applier.Sync(wanted, {}).ok());
    std::string rules = Say({flavour() + "-save"});
    EXPECT_THAT(rules, Not(HasSubstr("d/old")));
    EXPECT_THAT(rules, HasSubstr(":MINE "));

    for (const char* table : {"nat", "filter", "mangle"}) {
      Say({flavour(), "-t", table, "-F"});
      Say({flavour(), "-t", table, "-X"});
    }
    EXPECT_FALSE(*applier.Intact());
    ASSERT_TRUE(applier.Sync(wanted, {}).ok());
    EXPECT_EQ(PodSees(node_->outside(), Service(), 80), At(1, 1));

    Say({flavour(), "-t", "nat", "-N", "MINE"});
    const auto removed = applier.Remove();
    ASSERT_TRUE(removed.ok()) << removed.error().message();
    rules = Say({flavour() + "-save"});
    EXPECT_THAT(rules, Not(HasSubstr("KUBE-")));
    EXPECT_THAT(rules, HasSubstr(":MINE "));
  });
}

INSTANTIATE_TEST_SUITE_P(Flavours, AppliedTest,
                         ::testing::Combine(::testing::Values("nft", "legacy"), ::testing::Bool()),
                         [](const auto& each) {
                           return std::get<0>(each.param) + (std::get<1>(each.param) ? "6" : "4");
                         });

}  // namespace
}  // namespace keelson::proxy::iptables
