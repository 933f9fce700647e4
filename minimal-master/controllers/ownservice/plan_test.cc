// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/ownservice/plan.h"

#include <gtest/gtest.h>

namespace keelson::controllers::ownservice {
namespace {

using control::Write;
using json::Value;

Facts Fresh() {
  Facts facts;
  facts.own = {"10.43.0.1", "192.0.2.10", 6443};
  facts.cidrs = {"10.43.0.0/16"};
  facts.authority = "PEM";
  return facts;
}

// What the writes of a plan leave behind.
void Do(Facts& facts) {
  for (const Write& write : Plan(facts).writes) {
    const std::string_view name = write.resource->name();
    std::optional<Value>& there = name == "services"         ? facts.service
                                  : name == "endpoints"      ? facts.endpoints
                                  : name == "endpointslices" ? facts.slice
                                  : name == "servicecidrs"   ? facts.cidr
                                                             : facts.authentication;
    if (write.verb == Write::Verb::kDelete) {
      there.reset();
    } else {
      there = write.body;
    }
  }
}

TEST(OwnService, IsMadeAndThenLeftAlone) {
  Facts facts = Fresh();
  EXPECT_EQ(Plan(facts).writes.size(), 5u);
  Do(facts);
  EXPECT_EQ(facts.service->At({"spec", "clusterIP"}).AsString(), "10.43.0.1");
  EXPECT_EQ(facts.service->At({"spec", "ports"}),
            *json::ParseYaml("[{name: https, protocol: TCP, port: 443, targetPort: 6443}]"));
  EXPECT_EQ(facts.slice->At({"endpoints"}),
            *json::ParseYaml("[{addresses: [192.0.2.10], conditions: {ready: true}}]"));
  EXPECT_EQ(facts.endpoints->At({"subsets"}),
            *json::ParseYaml("[{addresses: [{ip: 192.0.2.10}], ports: [{name: https, protocol: "
                             "TCP, port: 6443}]}]"));
  ASSERT_EQ(Plan(facts).writes.size(), 1u) << "the status of the addresses";
  Do(facts);
  EXPECT_TRUE(Plan(facts).writes.empty());
}

TEST(OwnService, FollowsTheServersAddress) {
  Facts facts = Fresh();
  Do(facts);
  Do(facts);
  facts.own.address = "192.0.2.11";
  facts.own.port = 7443;
  EXPECT_EQ(Plan(facts).writes.size(), 3u);
  Do(facts);
  EXPECT_EQ(facts.service->At({"spec", "ports"}).items()[0].At({"targetPort"}).AsInt(), 7443);
  facts.own.address = "2001:db8::1";
  Do(facts);
  EXPECT_FALSE(facts.slice);
  Do(facts);
  EXPECT_EQ(facts.slice->At({"addressType"}).AsString(), "IPv6");
  facts.own.address = "";
  Do(facts);
  EXPECT_TRUE(facts.slice->At({"endpoints"}).items().empty());
  EXPECT_TRUE(facts.endpoints->At({"subsets"}).IsNull());
}

TEST(OwnService, WithoutAnAddressOthersReachThereAreNoEndpoints) {
  Facts facts = Fresh();
  facts.own.address = "";
  Do(facts);
  EXPECT_TRUE(facts.service);
  EXPECT_FALSE(facts.endpoints);
  EXPECT_FALSE(facts.slice);
  facts.own.cluster_ip = "";
  EXPECT_TRUE(Plan(facts).writes.empty());
}

}  // namespace
}  // namespace keelson::controllers::ownservice
