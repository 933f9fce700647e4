// SPDX-License-Identifier: Apache-2.0
// Routes in the kernel and packets over them: network namespaces that play two nodes of one network
// and one behind a router, each with a pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "lib/kernel/netlink/testing/small_node.h"
#include "proxy/routes/apply.h"

namespace keelson::proxy::routes {
namespace {

using base::IpAddress;
using base::IpBlock;
using netlink::InFreshHost;
using netlink::InNamespace;
using netlink::NewNamespace;
using netlink::Reaches;
using netlink::RouteSocket;
using netlink::Say;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Nodes a and b are 1 and 2 of network 1, c is 3 of network 2; the calling thread's namespace
// routes between both and knows nothing of pods. Pods of node n are network 10n of addresses.
class Lab {
 public:
  explicit Lab(bool v6) : v6_(v6) {
    Prepare();
    for (const int net : {1, 2}) {
      auto route = RouteSocket::Open();
      EXPECT_TRUE(route.ok() && route->CreateBridge(Bridge(net)).ok());
      Address(Bridge(net), At(net, 254));
    }
    Add("a", 1, 1);
    Add("b", 1, 2);
    Add("c", 2, 3);
  }

  std::string At(int net, int host) const {
    return v6_ ? fmt::format("fd09:{}::{:x}", net, host) : fmt::format("10.9.{}.{}", net, host);
  }
  std::string PodOf(const std::string& node) const { return At(100 + nodes_.at(node).number, 2); }
  std::string PodsOf(const std::string& node) const { return Pods(nodes_.at(node).number); }
  // The block of node `number`'s pods.
  std::string Pods(int number) const {
    return IpBlock::Parse(At(100 + number, 0) + (v6_ ? "/64" : "/24"))->Text();
  }
  int node(const std::string& name) const { return nodes_.at(name).space.get(); }
  int pod(const std::string& name) const { return nodes_.at(name).pod.get(); }
  std::map<std::string, ClusterNode>& known() { return known_; }

  // What node `name` plans and gets of `mode`.
  Outcome Apply(const std::string& name, Mode mode) {
    Facts facts;
    facts.self = name;
    facts.nodes = known_;
    auto socket = RouteSocket::OpenIn(node(name));
    EXPECT_TRUE(socket.ok() && ReadLinks(*socket, facts).ok());
    auto outcome = ApplyPlan(*socket, PlanRoutes(facts, mode, v6_), v6_);
    EXPECT_TRUE(outcome.ok()) << outcome.error().message();
    return std::move(*outcome);
  }
  void ApplyAll(Mode mode) {
    for (const char* name : {"a", "b", "c"}) EXPECT_THAT(Apply(name, mode).problems, IsEmpty());
  }
  bool PodReaches(const std::string& from, const std::string& to) {
    return Reaches(pod(from), pod(to), PodOf(to));
  }
  std::string On(const std::string& name, std::vector<std::string> argv) {
    std::string said;
    if (v6_ && argv[0] == "ip") argv.insert(argv.begin() + 1, "-6");
    InNamespace(node(name), [&] { said = Say(argv); });
    return said;
  }

 private:
  struct Machine {
    int number = 0;
    os::UniqueFd space, pod;
  };
  static std::string Bridge(int net) { return fmt::format("net{}", net); }
  // Before the namespace has links: it forwards, and nobody looks for duplicates of addresses,
  // which takes seconds in which no neighbour is asked for.
  void Prepare() const {
    const auto set = [](const std::string& name, const char* value) {
      EXPECT_TRUE(os::WriteControl(AT_FDCWD, "/proc/sys/net/" + name, value).ok());
    };
    set(v6_ ? "ipv6/conf/all/forwarding" : "ipv4/ip_forward", "1");
    if (!v6_) return;
    set("ipv6/conf/all/accept_dad", "0");
    set("ipv6/conf/default/accept_dad", "0");
  }
  void Address(const std::string& link, const std::string& address) const {
    std::vector<std::string> argv = {"ip",  "addr", "add", address + (v6_ ? "/64" : "/24"),
                                     "dev", link};
    if (v6_) argv.push_back("nodad");
    EXPECT_EQ(Say(argv), "");
    EXPECT_EQ(Say({"ip", "link", "set", link, "up"}), "");
  }
  static void Join(const std::string& bridge, const std::string& name, int space, int number) {
    auto route = RouteSocket::Open();
    ASSERT_TRUE(route
                    ->CreateVeth({.name = name,
                                  .bridge = *route->IndexOf(bridge),
                                  .peer = "eth0",
                                  .peer_netns = space,
                                  .peer_mac = {2, 0, 0, 0, 0, static_cast<char>(number)}})
                    .ok());
  }
  void Add(const std::string& name, int net, int number) {
    Machine& machine = nodes_[name];
    machine = {number, NewNamespace(), NewNamespace()};
    for (const int space : {machine.space.get(), machine.pod.get()})
      InNamespace(space, [&] { Prepare(); });
    Join(Bridge(net), "to-" + name, machine.space.get(), number);
    InNamespace(machine.space.get(), [&] {
      Address("eth0", At(net, number));
      Say({"ip", "route", "add", "default", "via", At(net, 254)});
      EXPECT_TRUE(RouteSocket::Open()->CreateBridge("pods").ok());
      Address("pods", At(100 + number, 1));
      Join("pods", "pod", machine.pod.get(), 100 + number);
    });
    InNamespace(machine.pod.get(), [&] {
      Address("eth0", At(100 + number, 2));
      Say({"ip", "route", "add", "default", "via", At(100 + number, 1)});
    });
    ClusterNode node;
    node.name = name;
    node.pods = {*IpBlock::Parse(PodsOf(name))};
    node.addresses = {*IpAddress::Parse(At(net, number))};
    known_[name] = node;
  }

  const bool v6_;
  std::map<std::string, Machine> nodes_;
  std::map<std::string, ClusterNode> known_;
};

class RoutesTest : public ::testing::TestWithParam<bool> {
 protected:
  void OnLab(const std::function<void(Lab&)>& work) {
    InFreshHost([&] {
      Lab lab(GetParam());
      work(lab);
    });
  }
  static bool HasVxlan() {
    const bool has =
        Say({"ip", "link", "add", "try", "type", "vxlan", "id", "9", "dstport", "8472"}) == "";
    if (has) Say({"ip", "link", "del", "try"});
    return has;
  }
  const char* tunnel() const { return TunnelName(GetParam()); }
};

TEST_P(RoutesTest, NodesOfOneNetworkReachEachOthersPodsDirectly) {
  OnLab([&](Lab& lab) {
    EXPECT_FALSE(lab.PodReaches("a", "b"));
    lab.known().erase("c");
    EXPECT_EQ(lab.Apply("a", Mode::kHostGateway).changes, 1);
    EXPECT_EQ(lab.Apply("b", Mode::kHostGateway).changes, 1);
    EXPECT_TRUE(lab.PodReaches("a", "b"));
    EXPECT_TRUE(lab.PodReaches("b", "a"));
    EXPECT_TRUE(Reaches(lab.node("a"), lab.pod("b"), lab.PodOf("b")));
    EXPECT_EQ(lab.Apply("a", Mode::kHostGateway).changes, 0);  // there already
  });
}

TEST_P(RoutesTest, PacketsToNodesElsewhereGoInsideTheTunnel) {
  OnLab([&](Lab& lab) {
    if (!HasVxlan()) GTEST_SKIP() << "this kernel has no VXLAN";
    lab.ApplyAll(Mode::kAuto);
    for (const char* from : {"a", "b", "c"})
      for (const char* to : {"a", "b", "c"})
        EXPECT_TRUE(lab.PodReaches(from, to)) << from << " to " << to;
    EXPECT_TRUE(Reaches(lab.node("a"), lab.pod("c"), lab.PodOf("c")));
    EXPECT_THAT(lab.On("a", {"ip", "route", "show", "proto", "75"}), HasSubstr(lab.PodsOf("b")));
    EXPECT_EQ(lab.Apply("a", Mode::kAuto).changes, 0);
    lab.ApplyAll(Mode::kVxlan);  // now all of them
    EXPECT_THAT(lab.On("a", {"ip", "route", "show", "proto", "75"}), Not(HasSubstr("dev eth0")));
    for (const char* to : {"b", "c"}) EXPECT_TRUE(lab.PodReaches("a", to)) << to;
  });
}

TEST_P(RoutesTest, WhatNobodyPlansAnyMoreGoesAndOthersRoutesStay) {
  OnLab([&](Lab& lab) {
    if (!HasVxlan()) GTEST_SKIP() << "this kernel has no VXLAN";
    const std::string elsewhere = lab.Pods(77);
    const std::string router = lab.At(1, 254);
    lab.On("a", {"ip", "route", "add", elsewhere, "via", router});
    // As a run before this one left it, for a node that is gone.
    const std::string gone = lab.Pods(78);
    lab.On("a", {"ip", "route", "add", gone, "via", router, "proto", "75"});
    lab.ApplyAll(Mode::kAuto);
    EXPECT_THAT(lab.On("a", {"ip", "route"}), HasSubstr(elsewhere));
    EXPECT_THAT(lab.On("a", {"ip", "route"}), Not(HasSubstr(gone)));
    // Node c goes: its route, its neighbour and its entry go too, with the device that has no use.
    lab.known().erase("c");
    lab.Apply("a", Mode::kVxlan);
    EXPECT_TRUE(lab.PodReaches("a", "a"));
    const std::string entries = lab.On("a", {"bridge", "fdb", "show", "dev", tunnel()});
    EXPECT_THAT(entries, Not(HasSubstr(lab.At(2, 3))));
    EXPECT_THAT(entries, HasSubstr(lab.At(1, 2)));
    EXPECT_THAT(lab.On("a", {"ip", "neigh", "show", "dev", tunnel()}),
                Not(HasSubstr(netlink::MacText(DerivedMac("c", GetParam())))));
    lab.Apply("a", Mode::kNone);
    EXPECT_THAT(lab.On("a", {"ip", "route", "show", "proto", "75"}), "");
    EXPECT_THAT(lab.On("a", {"ip", "link"}), Not(HasSubstr(tunnel())));
    EXPECT_THAT(lab.On("a", {"ip", "route"}), HasSubstr(elsewhere));
  });
}

TEST_P(RoutesTest, ARouteOfSomebodyElseInOursPlaceIsNamedAndLeft) {
  OnLab([&](Lab& lab) {
    lab.known().erase("c");
    lab.On("a", {"ip", "route", "add", lab.PodsOf("b"), "via", lab.At(1, 254)});
    const Outcome outcome = lab.Apply("a", Mode::kHostGateway);
    EXPECT_THAT(outcome.problems, ::testing::ElementsAre(HasSubstr("somebody else's route")));
    EXPECT_THAT(lab.On("a", {"ip", "route"}), HasSubstr("via " + lab.At(1, 254)));
    EXPECT_EQ(lab.On("a", {"ip", "route", "show", "proto", "75"}), "");
  });
}

TEST_P(RoutesTest, ANodeThatMovedIsReachedAtItsNewAddress) {
  OnLab([&](Lab& lab) {
    if (!HasVxlan()) GTEST_SKIP() << "this kernel has no VXLAN";
    lab.ApplyAll(Mode::kAuto);
    lab.known()["b"].addresses = {*IpAddress::Parse(lab.At(1, 99))};
    lab.Apply("a", Mode::kAuto);
    EXPECT_FALSE(lab.PodReaches("a", "b"));
    EXPECT_THAT(lab.On("a", {"ip", "route"}), HasSubstr("via " + lab.At(1, 99)));
    // The device is somebody's mistake: it is made anew.
    lab.On("a", {"ip", "link", "set", tunnel(), "mtu", "1300"});
    EXPECT_GT(lab.Apply("a", Mode::kAuto).changes, 0);
    EXPECT_TRUE(lab.PodReaches("a", "c"));
  });
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, RoutesTest, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "IPv6" : "IPv4"; });

}  // namespace
}  // namespace keelson::proxy::routes
