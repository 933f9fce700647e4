// SPDX-License-Identifier: Apache-2.0
#include "proxy/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::proxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Service Web() {
  Service service;
  service.name = {"d", "web"};
  service.cluster_ips = {"10.43.0.9", "fd00::9"};
  service.ports = {{"http", Protocol::kTcp, 80, 0}};
  return service;
}

Endpoint At(const std::string& address, const std::string& node) {
  return {.address = address, .node = node};
}
Endpoint Ending(const std::string& address, const std::string& node) {
  return {.address = address, .node = node, .ready = false, .serving = true, .terminating = true};
}

std::vector<std::string> Texts(const std::vector<Backend>& backends) {
  std::vector<std::string> out;
  for (const Backend& one : backends) out.push_back(one.Text() + (one.local ? "!" : ""));
  return out;
}

class PlanTest : public ::testing::Test {
 protected:
  PortPlan Only(const Service& service, std::vector<Endpoint> endpoints) {
    Slice slice{.service = "web", .ports = {{"http", Protocol::kTcp, 8080}}};
    slice.endpoints = std::move(endpoints);
    const auto plans = PlanService(service, {&slice}, node_, Family::kIpv4);
    EXPECT_THAT(plans, SizeIs(1));
    return plans.empty() ? PortPlan() : plans.front();
  }
  NodeFacts node_{"a", "east"};
};

TEST_F(PlanTest, ReadyEndpointsOfAllSlicesSortedAndOnce) {
  const PortPlan plan = Only(Web(), {At("10.42.1.9", "b"),
                                     At("10.42.0.2", "a"),
                                     At("10.42.1.9", "b"),
                                     {.address = "10.42.1.1", .ready = false, .serving = false}});
  EXPECT_EQ(plan.id, "d/web:http");
  EXPECT_EQ(plan.cluster_ip, "10.43.0.9");
  EXPECT_THAT(Texts(plan.cluster), ElementsAre("10.42.0.2:8080!", "10.42.1.9:8080"));
  EXPECT_THAT(plan.local, IsEmpty());
  EXPECT_FALSE(plan.nobody);
}

TEST_F(PlanTest, EndingOnesServeWhereNobodyElseDoes) {
  EXPECT_THAT(Texts(Only(Web(), {Ending("10.42.0.2", "a"), At("10.42.1.9", "b")}).cluster),
              ElementsAre("10.42.1.9:8080"));
  EXPECT_THAT(Texts(Only(Web(), {Ending("10.42.0.2", "a")}).cluster),
              ElementsAre("10.42.0.2:8080!"));
  EXPECT_TRUE(Only(Web(), {}).nobody);
}

TEST_F(PlanTest, LocalPoliciesKeepToThisNodeAndFallBackToItsEndingOnes) {
  Service service = Web();
  service.external_local = true;
  PortPlan plan = Only(service, {At("10.42.1.9", "b"), Ending("10.42.0.2", "a")});
  EXPECT_THAT(Texts(plan.cluster), ElementsAre("10.42.1.9:8080"));
  EXPECT_THAT(Texts(plan.local), ElementsAre("10.42.0.2:8080!"));
  plan = Only(service, {At("10.42.1.9", "b")});
  EXPECT_THAT(plan.local, IsEmpty());
  EXPECT_FALSE(plan.nobody);  // dropped here, not refused
}

TEST_F(PlanTest, HintsCountWhereAllHaveThemAndOneIsForUs) {
  Endpoint east = At("10.42.0.2", "b");
  east.zones = {"east"};
  Endpoint west = At("10.42.0.3", "c");
  west.zones = {"west"};
  EXPECT_THAT(Texts(Only(Web(), {east, west}).cluster), ElementsAre("10.42.0.2:8080"));
  EXPECT_THAT(Only(Web(), {east, west, At("10.42.0.4", "d")}).cluster, SizeIs(3));
  EXPECT_THAT(Only(Web(), {west}).cluster, SizeIs(1));  // none for us: all
  east.nodes = {"z"};
  west.nodes = {"a"};
  EXPECT_THAT(Texts(Only(Web(), {east, west}).cluster), ElementsAre("10.42.0.3:8080"));
}

TEST_F(PlanTest, EachFamilyHasItsOwnAddressAndSlices) {
  Slice four{.service = "web", .ports = {{"http", Protocol::kTcp, 8080}}};
  four.endpoints = {At("10.42.0.2", "a")};
  Slice six{.service = "web", .ipv6 = true, .ports = {{"http", Protocol::kTcp, 8081}}};
  six.endpoints = {At("fd00:42::2", "a")};
  const auto plans = PlanService(Web(), {&four, &six}, node_, Family::kIpv6);
  ASSERT_THAT(plans, SizeIs(1));
  EXPECT_EQ(plans[0].cluster_ip, "fd00::9");
  EXPECT_THAT(Texts(plans[0].cluster), ElementsAre("[fd00:42::2]:8081!"));
  Service only_four = Web();
  only_four.cluster_ips = {"10.43.0.9"};
  EXPECT_THAT(PlanService(only_four, {&four, &six}, node_, Family::kIpv6), IsEmpty());
}

TEST_F(PlanTest, AnAddressThatTheNodeHoldsHasNoRules) {
  Slice four{.service = "web", .ports = {{"http", Protocol::kTcp, 8080}}};
  four.endpoints = {At("10.42.0.2", "a")};
  NodeFacts node = node_;
  node.held = {"10.43.0.9"};
  EXPECT_THAT(PlanService(Web(), {&four}, node, Family::kIpv4), IsEmpty());
  EXPECT_THAT(PlanService(Web(), {&four}, node, Family::kIpv6), SizeIs(1));
  node.held = {"10.43.0.10"};
  EXPECT_THAT(PlanService(Web(), {&four}, node, Family::kIpv4), SizeIs(1));
}

TEST_F(PlanTest, PortsAreFoundByNameAndProtocol) {
  Service service = Web();
  service.ports = {{"", Protocol::kTcp, 53, 0}, {"", Protocol::kUdp, 53, 0}};
  Slice slice{.service = "web", .ports = {{"", Protocol::kUdp, 5353}}};
  slice.endpoints = {At("10.42.0.2", "a")};
  const auto plans = PlanService(service, {&slice}, node_, Family::kIpv4);
  ASSERT_THAT(plans, SizeIs(2));
  EXPECT_EQ(plans[0].id, "d/web");
  EXPECT_TRUE(plans[0].nobody);
  EXPECT_THAT(Texts(plans[1].cluster), ElementsAre("10.42.0.2:5353!"));
}

}  // namespace
}  // namespace keelson::proxy
