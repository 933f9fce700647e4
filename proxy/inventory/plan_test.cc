// SPDX-License-Identifier: Apache-2.0
#include "proxy/inventory/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/apply/iptables/rules.h"

namespace keelson::proxy::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As iptables-save prints a table of ours with one service and what `more` adds.
std::string Saved(const std::string& table, const std::string& more = "",
                  const std::string& without = "") {
  std::string chains, rules;
  for (const std::string& chain : iptables::SharedChains(table))
    chains += ":" + chain + " - [0:0]\n";
  for (const iptables::Jump& jump : iptables::Jumps())
    if (jump.table == table && jump.rule.back() != without)
      rules +=
          "-A " + jump.chain + " -m comment --comment \"some words\" -j " + jump.rule.back() + "\n";
  if (table == "nat") {
    chains += ":KUBE-SVC-WEB - [0:0]\n:KUBE-SEP-ONE - [0:0]\n";
    rules +=
        "-A KUBE-SERVICES -d 10.43.0.9/32 -p tcp -m comment --comment \"default/web:http cluster "
        "IP\" -m tcp --dport 80 -j KUBE-SVC-WEB\n"
        "-A KUBE-SVC-WEB -m comment --comment \"default/web:http -> 10.9.1.2:80\" -j "
        "KUBE-SEP-ONE\n"
        "-A KUBE-SEP-ONE -p tcp -m comment --comment default/web:http -m tcp -j DNAT "
        "--to-destination 10.9.1.2:80\n";
  }
  return "# by iptables-save\n*" + table + "\n:OUTPUT ACCEPT [0:0]\n:MINE - [0:0]\n" + chains +
         "-A MINE -j ACCEPT\n" + rules + more + "COMMIT\n";
}

Facts Node() {
  Facts facts;
  facts.runs = "keelson-proxy";
  for (const char* table : {"nat", "filter", "mangle"})
    facts.tables.push_back({"iptables-nft", table, Saved(table)});
  facts.links = {{"keelson-dns", {"10.43.0.10"}}};
  netlink::Route route;
  route.to = *base::IpBlock::Parse("10.42.1.0/24");
  route.via = *base::IpAddress::Parse("192.168.0.2");
  route.protocol = 75;
  facts.routes = {{route, "eth0"}};
  return facts;
}
std::vector<std::string> Problems(const Facts& facts) {
  std::vector<std::string> out;
  for (const Judged& one : Judge(facts)) {
    EXPECT_EQ(one.item.owner.empty(),
              one.item.problem.find("no rule of") == std::string::npos && !one.item.problem.empty())
        << one.item.thing;
    if (!one.item.problem.empty()) out.push_back(one.item.thing);
    // What is not done has a reason, what is done a name.
    if (!std::holds_alternative<std::monostate>(one.remedy)) {
      EXPECT_NE(one.item.remedy, "");
      EXPECT_EQ(one.item.refused, "");
    }
  }
  return out;
}
const Judged* Find(const std::vector<Judged>& all, const std::string& thing) {
  for (const Judged& one : all)
    if (one.item.thing == thing) return &one;
  return nullptr;
}

TEST(ProxyInventory, EverythingOfALivingProxyHasAnOwner) {
  const std::vector<Judged> all = Judge(Node());
  EXPECT_THAT(Problems(Node()), IsEmpty());
  EXPECT_EQ(all.size(), 4u + 5u + 1u + 2u + 1u + 2u);
  EXPECT_EQ(Find(all, "iptables-nft nat KUBE-SVC-WEB")->item.owner, "service default/web");
  EXPECT_EQ(Find(all, "iptables-nft nat KUBE-SEP-ONE")->item.owner, "service default/web");
  EXPECT_EQ(Find(all, "iptables-nft filter KUBE-SERVICES")->item.owner, "keelson-proxy");
  EXPECT_EQ(Find(all, "10.42.1.0/24 via 192.168.0.2 dev eth0")->item.owner, "keelson-proxy");
  EXPECT_EQ(Find(all, "10.43.0.10 on keelson-dns")->item.owner, "keelson-proxy");
  EXPECT_EQ(Find(all, "iptables-nft nat MINE"), nullptr) << "others' chains are not ours to name";
}

TEST(ProxyInventory, AChainToWhichNothingLeadsGoesOnceNoProxyLives) {
  Facts facts = Node();
  facts.tables[0].saved = Saved("nat", ":KUBE-SEP-OLD - [0:0]\n");
  const std::string thing = "iptables-nft nat KUBE-SEP-OLD";
  EXPECT_THAT(Problems(facts), ElementsAre(thing));
  EXPECT_THAT(Find(Judge(facts), thing)->item.refused, HasSubstr("keelson-proxy is running"));
  facts.runs.clear();
  facts.kept = true;
  EXPECT_THAT(Problems(facts), ElementsAre(thing));
  EXPECT_EQ(Find(Judge(facts), thing)->remedy,
            Remedy(RemoveChain{"iptables-nft", "nat", "KUBE-SEP-OLD"}));
}

TEST(ProxyInventory, AMissingJumpIsNamedAndLeftToTheProxy) {
  Facts facts = Node();
  facts.tables[1].saved = Saved("filter", "", "KUBE-FORWARD");
  EXPECT_THAT(Problems(facts), ElementsAre("iptables-nft filter KUBE-FORWARD"));
  facts.runs = "kube-proxy";  // its jumps are its own
  facts.links.clear();
  facts.routes.clear();
  EXPECT_THAT(Problems(facts), IsEmpty());
}

TEST(ProxyInventory, WithoutAnyProxyOwnNamesGoAndSharedOnesAreLeft) {
  Facts facts = Node();
  facts.runs.clear();
  const std::vector<Judged> all = Judge(facts);
  EXPECT_EQ(Problems(facts).size(), all.size());
  for (const Judged& one : all) {
    const bool chain = one.item.kind == "chain";
    EXPECT_EQ(chain, one.item.refused.find("--cleanup") != std::string::npos) << one.item.thing;
    EXPECT_EQ(std::holds_alternative<std::monostate>(one.remedy),
              chain || one.item.kind == "address");
  }
  EXPECT_EQ(Find(all, "keelson-dns")->remedy, Remedy(RemoveLink{"keelson-dns"}));
}

TEST(ProxyInventory, OfAnotherProxyOnlyOwnNamesAreNobodys) {
  Facts facts = Node();
  facts.runs = "kube-proxy";
  EXPECT_THAT(Problems(facts), ElementsAre("10.42.1.0/24 via 192.168.0.2 dev eth0", "keelson-dns",
                                           "10.43.0.10 on keelson-dns"));
}

}  // namespace
}  // namespace keelson::proxy::inventory
