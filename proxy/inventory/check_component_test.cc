// SPDX-License-Identifier: Apache-2.0
// What a proxy leaves in the kernel, looked at and mended in a network namespace of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kernel/netlink/testing/namespaces.h"
#include "proxy/address/address.h"
#include "proxy/apply/iptables/applier.h"
#include "proxy/inventory/check.h"

namespace keelson::proxy::inventory {
namespace {

using keelson::inventory::Item;
using keelson::inventory::Report;
using netlink::InFreshHost;
using netlink::Say;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> Problems(const Report& report, bool mended = false) {
  std::vector<std::string> out;
  for (const Item& item : report.items)
    if (!item.problem.empty() && item.mended == mended) out.push_back(item.thing);
  return out;
}

TEST(ProxyFsck, NamesEachOwnerAndTakesAwayWhatNobodyNeeds) {
  InFreshHost([] {
    ASSERT_THAT(Say({"iptables-nft", "-t", "nat", "-S"}), HasSubstr("-P PREROUTING"));
    const auto empty = Check(false, false);
    ASSERT_TRUE(empty.ok()) << empty.error().message();
    EXPECT_THAT(empty->items, IsEmpty());

    iptables::Options options;
    options.cluster_cidr = "10.9.1.0/24";
    PortPlan web;
    web.id = "d/web";
    web.port = 80;
    web.cluster_ip = "10.43.0.9";
    web.cluster = {{"10.9.1.2", 8080, true}};
    web.nobody = false;
    web.node_port = 30080;
    web.external_local = true;
    web.local = web.cluster;
    iptables::Applier applier("iptables-nft", options);
    const auto applied = applier.Sync({{"d/web", iptables::MakePiece({web}, 0, options)}}, {});
    ASSERT_TRUE(applied.ok()) << applied.error().message();
    ASSERT_TRUE(address::Hold({*base::IpAddress::Parse("10.43.0.10")}).ok());

    const auto whole = Check(true, true);
    ASSERT_TRUE(whole.ok()) << whole.error().message();
    EXPECT_THAT(Problems(*whole), IsEmpty());
    EXPECT_THAT(Problems(*whole, true), IsEmpty());
    size_t of_service = 0;
    for (const Item& item : whole->items) of_service += item.owner == "service d/web";
    EXPECT_GE(of_service, 3u) << "its own chain, the outside's and an endpoint's";

    Say({"iptables-nft", "-t", "nat", "-N", "KUBE-SEP-LEFT"});
    Say({"iptables-nft", "-t", "nat", "-N", "MINE"});
    const auto mended = Check(true, true);
    ASSERT_TRUE(mended.ok()) << mended.error().message();
    EXPECT_THAT(Problems(*mended), IsEmpty());
    EXPECT_THAT(Problems(*mended, true), ElementsAre("iptables-nft nat KUBE-SEP-LEFT"));
    EXPECT_THAT(Problems(*Check(true, false)), IsEmpty());
    EXPECT_TRUE(applier.Intact().value());
    EXPECT_THAT(Say({"iptables-nft", "-t", "nat", "-S"}), HasSubstr("-N MINE"));

    // Nobody's node: the link goes, chains may be another proxy's.
    const auto nobodys = Check(false, true);
    ASSERT_TRUE(nobodys.ok());
    for (const Item& item : nobodys->items) {
      EXPECT_EQ(item.mended, item.kind != "chain") << item.thing;
      EXPECT_NE(item.problem, "") << item.thing;
    }
    EXPECT_THAT(Say({"ip", "link"}), Not(HasSubstr("keelson-dns")));
    EXPECT_TRUE(applier.Intact().value());
    ASSERT_TRUE(applier.Remove().ok());
    EXPECT_THAT(Check(false, false)->items, IsEmpty());
  });
}

}  // namespace
}  // namespace keelson::proxy::inventory
