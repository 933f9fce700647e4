// SPDX-License-Identifier: Apache-2.0
// Rules in the kernel and packets through them, in a network namespace that plays the node; two
// others are a pod and somebody outside.
#include "proxy/apply/iptables/applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fcntl.h>

#include "lib/kernel/netlink/testing/namespaces.h"

namespace keelson::proxy::iptables {
namespace {

using netlink::InFreshHost;
using netlink::InNamespace;
using netlink::Listen;
using netlink::Say;
using netlink::SeenFrom;
using ::testing::HasSubstr;
using ::testing::Not;

os::UniqueFd NewNamespace() {
  int fd = -1;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) return;
    netlink::RouteSocket::Open().value().SetUp(1).ok();
    fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }).join();
  return os::UniqueFd(fd);
}

class AppliedTest : public ::testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  bool legacy() const { return std::get<0>(GetParam()) == "legacy"; }
  bool v6() const { return std::get<1>(GetParam()); }
  xtables::Flavour flavour() const {
    return std::string(v6() ? "ip6tables-" : "iptables-") + std::get<0>(GetParam());
  }
  // Which node an address is on: "10.9.1.2", "fd09:1::2".
  std::string At(int net, int host) const {
    return v6() ? fmt::format("fd09:{}::{}", net, host) : fmt::format("10.9.{}.{}", net, host);
  }
  std::string Service() const { return v6() ? "fd43::9" : "10.43.0.9"; }
  std::string PodRange() const { return v6() ? "fd09:1::/64" : "10.9.1.0/24"; }

  // The node is .1 of both networks, pod .2 of the first, the outside .2 of the second.
  void Join(int net, const os::UniqueFd& space) {
    const std::string name = fmt::format("net{}", net);
    const int bits = v6() ? 64 : 24;
    // The peer goes to the other namespace by this process' descriptor.
    auto route = netlink::RouteSocket::Open();
    ASSERT_TRUE(route.ok());
    ASSERT_TRUE(route->CreateBridge(name).ok());
    const int bridge = *route->IndexOf(name);
    ASSERT_TRUE(route
                    ->CreateVeth({.name = name + "h",
                                  .bridge = bridge,
                                  .peer = "eth0",
                                  .peer_netns = space.get(),
                                  .peer_mac = {2, 0, 0, 0, static_cast<char>(net), 1}})
                    .ok());
    ASSERT_TRUE(route->SetHairpin(*route->IndexOf(name + "h")).ok());
    Say({"ip", "addr", "add", fmt::format("{}/{}", At(net, 1), bits), "dev", name, "nodad"});
    InNamespace(space.get(), [&] {
      Say({"ip", "addr", "add", fmt::format("{}/{}", At(net, 2), bits), "dev", "eth0", "nodad"});
      Say({"ip", "link", "set", "eth0", "up"});
      Say({"ip", "route", "add", "default", "via", At(net, 1)});
    });
  }

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
    options.cluster_cidr = PodRange();
    return options;
  }

  // Everything of a test, on a thread of its own.
  void OnNode(const std::function<void()>& work) {
    if (!xtables::Installed(flavour())) GTEST_SKIP() << "no " << flavour() << " here";
    InFreshHost([&] {
      const std::string tried = Say({flavour(), "-t", "nat", "-S"});
      if (tried.find("-P PREROUTING") == std::string::npos)
        GTEST_SKIP() << "this kernel has no table for " << flavour() << ": " << tried;
      pod_ = NewNamespace();
      outside_ = NewNamespace();
      ASSERT_TRUE(pod_ && outside_);
      ASSERT_TRUE(os::WriteControl(AT_FDCWD,
                                   v6() ? "/proc/sys/net/ipv6/conf/all/forwarding"
                                        : "/proc/sys/net/ipv4/ip_forward",
                                   "1")
                      .ok());
      Join(1, pod_);
      Join(2, outside_);
      // Routing comes before the filter: a node knows a way to everywhere.
      Say({"ip", "route", "add", "default", "via", At(1, 2)});
      work();
    });
  }
  // The address that the pod sees when `from` asks; "" when nothing comes.
  std::string PodSees(int from, const std::string& address, uint16_t port) {
    const os::UniqueFd listener = Listen(pod_.get(), At(1, 2), 8080);
    return SeenFrom(from, address, port, listener.get());
  }

  os::UniqueFd pod_, outside_;
};

TEST_P(AppliedTest, PacketsReachTheEndpointAndStrangersAreMasqueraded) {
  OnNode([&] {
    Applier applier(flavour(), TheOptions());
    const Pieces wanted = {{"d/web", MakePiece({Web()}, 0, TheOptions())}};
    const auto done = applier.Sync(wanted, {});
    ASSERT_TRUE(done.ok()) << done.error().message();
    EXPECT_EQ(PodSees(outside_.get(), Service(), 80), At(1, 1));
    // A pod that asks for itself: the answer must come back through the node.
    EXPECT_EQ(PodSees(pod_.get(), Service(), 80), At(1, 1));
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
    EXPECT_EQ(PodSees(outside_.get(), At(2, 1), 30080), At(1, 1));
    // Local ones see who asks.
    plan.external_local = true;
    plan.local = plan.cluster;
    wanted["d/web"] = MakePiece({plan}, 0, TheOptions());
    ASSERT_TRUE(applier.Sync(wanted, {"d/web"}).ok());
    EXPECT_EQ(PodSees(outside_.get(), At(2, 1), 30080), At(2, 2));
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
    const os::UniqueFd client = netlink::OpenSocket(outside_.get(), where);
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
    EXPECT_EQ(PodSees(outside_.get(), Service(), 80), At(1, 1));

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
