// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::proxy::iptables {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

PortPlan Web() {
  PortPlan plan;
  plan.id = "ns1/svc1:p80";
  plan.port = 80;
  plan.cluster_ip = "172.30.0.41";
  plan.cluster = {{"10.180.0.1", 80, true}};
  plan.nobody = false;
  return plan;
}

Options WithPods() {
  Options options;
  options.cluster_cidr = "10.0.0.0/8";
  return options;
}

std::vector<std::string> AllRules(const Piece& piece) {
  std::vector<std::string> out;
  for (const auto& [chain, rules] : piece.nat_chains)
    out.insert(out.end(), rules.begin(), rules.end());
  return out;
}

// The hashes are those of kube-proxy for the same service and endpoint.
TEST(ChainNames, AreUpstreams) {
  EXPECT_EQ(ServiceChain("KUBE-SVC-", Web()), "KUBE-SVC-XPGD46QRK7WJZT7O");
  EXPECT_EQ(EndpointChain(Web(), {"10.180.0.1", 80, true}), "KUBE-SEP-SXIVWICOYRO3J4NJ");
}

TEST(Piece, AClusterIpIsBalancedAndMasqueradedForWhoIsNoPod) {
  PortPlan plan = Web();
  plan.cluster.push_back({"10.180.0.2", 80, false});
  const Piece piece = MakePiece({plan}, 0, WithPods());
  const std::string svc = ServiceChain("KUBE-SVC-", plan);
  const std::string one = EndpointChain(plan, plan.cluster[0]);
  const std::string two = EndpointChain(plan, plan.cluster[1]);
  EXPECT_THAT(piece.nat_chains.at(svc),
              ElementsAre("-A " + svc +
                              " -m comment --comment \"ns1/svc1:p80 cluster IP\" -m tcp -p tcp "
                              "--dport 80 -d 172.30.0.41/32 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ",
                          "-A " + svc +
                              " -m comment --comment \"ns1/svc1:p80 -> 10.180.0.1:80\" -m "
                              "statistic --mode random --probability 0.5000000000 -j " +
                              one,
                          "-A " + svc +
                              " -m comment --comment \"ns1/svc1:p80 -> 10.180.0.2:80\" -j " + two));
  EXPECT_THAT(
      piece.nat_chains.at(one),
      ElementsAre(
          "-A " + one + " -m comment --comment \"ns1/svc1:p80\" -s 10.180.0.1/32 -j KUBE-MARK-MASQ",
          "-A " + one +
              " -m comment --comment \"ns1/svc1:p80\" -m tcp -p tcp -j DNAT "
              "--to-destination 10.180.0.1:80"));
  EXPECT_THAT(
      piece.nat_services,
      ElementsAre("-A KUBE-SERVICES -m comment --comment \"ns1/svc1:p80 cluster IP\" -m tcp "
                  "-p tcp --dport 80 -d 172.30.0.41/32 -j " +
                  svc));
  EXPECT_THAT(piece.filter_services, IsEmpty());
}

TEST(Piece, NobodyIsRefusedAndNobodyHereIsDropped) {
  PortPlan plan = Web();
  plan.cluster.clear();
  plan.nobody = true;
  plan.node_port = 30080;
  Piece piece = MakePiece({plan}, 0, WithPods());
  EXPECT_THAT(piece.nat_chains, IsEmpty());
  EXPECT_THAT(piece.nat_services, IsEmpty());
  EXPECT_THAT(piece.filter_services,
              ElementsAre("-A KUBE-SERVICES -m comment --comment \"ns1/svc1:p80 has no endpoints\" "
                          "-m tcp -p tcp --dport 80 -d 172.30.0.41/32 -j REJECT"));
  EXPECT_THAT(piece.filter_external,
              ElementsAre("-A KUBE-EXTERNAL-SERVICES -m comment --comment \"ns1/svc1:p80 has no "
                          "endpoints\" -m tcp -p tcp --dport 30080 -m addrtype --dst-type LOCAL -j "
                          "REJECT"));
  plan = Web();
  plan.internal_local = true;
  piece = MakePiece({plan}, 0, WithPods());
  EXPECT_THAT(piece.filter_services, Contains(HasSubstr("has no local endpoints")));
  EXPECT_THAT(piece.filter_services, Contains(HasSubstr("-j DROP")));
  EXPECT_THAT(piece.nat_chains, IsEmpty());
}

TEST(Piece, ExternalTrafficThatMayGoAnywhereIsMasqueraded) {
  PortPlan plan = Web();
  plan.node_port = 30080;
  plan.external_ips = {"192.0.2.1"};
  const Piece piece = MakePiece({plan}, 0, WithPods());
  const std::string ext = ServiceChain("KUBE-EXT-", plan);
  EXPECT_THAT(piece.nat_chains.at(ext),
              ElementsAre(HasSubstr("-j KUBE-MARK-MASQ"),
                          "-A " + ext + " -j " + ServiceChain("KUBE-SVC-", plan)));
  EXPECT_THAT(piece.nat_node_ports,
              ElementsAre("-A KUBE-NODEPORTS -m comment --comment \"ns1/svc1:p80\" -m tcp -p tcp "
                          "--dport 30080 -j " +
                          ext));
  EXPECT_THAT(piece.nat_services, Contains(HasSubstr("-d 192.0.2.1/32 -j " + ext)));
}

TEST(Piece, ExternalTrafficThatStaysHereKeepsItsAddressAndPodsMayGoAnywhere) {
  PortPlan plan = Web();
  plan.node_port = 30080;
  plan.external_local = true;
  plan.cluster.push_back({"10.180.0.2", 80, false});
  plan.local = {plan.cluster[0]};
  const Piece piece = MakePiece({plan}, 30100, WithPods());
  const std::string ext = ServiceChain("KUBE-EXT-", plan);
  const std::string svc = ServiceChain("KUBE-SVC-", plan);
  EXPECT_THAT(piece.nat_chains.at(ext),
              ElementsAre(HasSubstr("-s 10.0.0.0/8 -j " + svc),
                          HasSubstr("--src-type LOCAL -j KUBE-MARK-MASQ"),
                          HasSubstr("--src-type LOCAL -j " + svc),
                          "-A " + ext + " -j " + ServiceChain("KUBE-SVL-", plan)));
  EXPECT_THAT(piece.filter_node_ports, ElementsAre(HasSubstr("--dport 30100 -j ACCEPT")));
  // None here: dropped, but for pods and this node itself.
  plan.local.clear();
  const Piece elsewhere = MakePiece({plan}, 0, WithPods());
  EXPECT_THAT(elsewhere.filter_external, ElementsAre(HasSubstr("-j DROP")));
  EXPECT_THAT(elsewhere.nat_chains.at(ext), Not(Contains(HasSubstr("KUBE-SVL-"))));
}

TEST(Piece, WhoWasServedByOneIsServedByTheSame) {
  PortPlan plan = Web();
  plan.affinity_seconds = 60;
  const Piece piece = MakePiece({plan}, 0, WithPods());
  const std::string sep = EndpointChain(plan, plan.cluster[0]);
  EXPECT_THAT(AllRules(piece), Contains(HasSubstr("-m recent --name " + sep +
                                                  " --rcheck --seconds 60 --reap -j " + sep)));
  EXPECT_THAT(AllRules(piece), Contains(HasSubstr("-m recent --name " + sep + " --set -m tcp")));
}

TEST(Piece, SourceRangesGuardTheBalancersAddressesOnly) {
  PortPlan plan = Web();
  plan.balancer_ips = {"192.0.2.7"};
  plan.source_ranges = {"198.51.100.0/24"};
  const Piece piece = MakePiece({plan}, 0, WithPods());
  const std::string fw = ServiceChain("KUBE-FW-", plan);
  EXPECT_THAT(piece.filter_chains.at(fw),
              ElementsAre(HasSubstr("-s 198.51.100.0/24 -j RETURN"), HasSubstr("-j DROP")));
  EXPECT_THAT(piece.filter_firewall, ElementsAre(HasSubstr("-d 192.0.2.7/32 -j " + fw)));
}

TEST(Difference, IsWhatAChangeTouchesAndNoMore) {
  PortPlan plan = Web();
  Pieces applied = {{"ns1/svc1", MakePiece({plan}, 0, WithPods())}};
  PortPlan other = Web();
  other.id = "ns1/other";
  other.cluster_ip = "172.30.0.42";
  applied["ns1/other"] = MakePiece({other}, 0, WithPods());
  Pieces wanted = applied;
  const Backend old = plan.cluster[0];
  plan.cluster = {{"10.180.0.2", 80, false}};
  wanted["ns1/svc1"] = MakePiece({plan}, 0, WithPods());

  const Delta delta = Difference(applied, wanted);
  EXPECT_THAT(delta.nat_chains,
              ElementsAre(EndpointChain(plan, plan.cluster[0]), ServiceChain("KUBE-SVC-", plan)));
  EXPECT_THAT(delta.stale_nat, ElementsAre(EndpointChain(plan, old)));
  EXPECT_FALSE(delta.nat_services);
  const std::string text = MakeRestore(wanted, delta, WithPods());
  EXPECT_THAT(text, Not(HasSubstr("KUBE-SERVICES")));
  EXPECT_THAT(text, Not(HasSubstr("*filter")));
  EXPECT_THAT(text, HasSubstr("-X " + EndpointChain(plan, old) + "\nCOMMIT\n"));
  EXPECT_EQ(MakeRestore(wanted, Difference(wanted, wanted), WithPods()), "");
}

TEST(Difference, AServiceThatGoesTakesItsLinesAndChains) {
  const Pieces applied = {{"ns1/svc1", MakePiece({Web()}, 0, WithPods())}};
  const Delta delta = Difference(applied, {});
  EXPECT_TRUE(delta.nat_services);
  EXPECT_EQ(delta.stale_nat.size(), 2u);
  const std::string text = MakeRestore({}, delta, WithPods());
  EXPECT_THAT(text, HasSubstr(":KUBE-SERVICES - [0:0]"));
  EXPECT_THAT(text, HasSubstr("--dst-type LOCAL -j KUBE-NODEPORTS"));
}

TEST(Forward, PacketsOfNoConnectionAreDroppedUnlessConntrackIsToBeLiberal) {
  const char* const kDrop = "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n";
  Options options = WithPods();
  EXPECT_THAT(MakeRestore({}, {.full = true}, options), HasSubstr(kDrop));
  options.drop_invalid = false;
  EXPECT_THAT(MakeRestore({}, {.full = true}, options), Not(HasSubstr("INVALID")));
}

TEST(Saved, ChainsOfServicesAreToldFromOthers) {
  const std::string saved =
      "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-SVC-AAAA - [0:0]\n"
      ":KUBE-SEP-BBBB - [0:0]\n:DOCKER - [0:0]\n-A KUBE-SVC-AAAA -j KUBE-SEP-BBBB\nCOMMIT\n";
  EXPECT_THAT(ServiceChains(saved), ElementsAre("KUBE-SEP-BBBB", "KUBE-SVC-AAAA"));
  EXPECT_TRUE(HasCanary("*mangle\n:KUBE-PROXY-CANARY - [0:0]\nCOMMIT\n"));
  EXPECT_FALSE(HasCanary(saved));
}

}  // namespace
}  // namespace keelson::proxy::iptables
