// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/clusterdns/plan.h"

#include <gtest/gtest.h>

namespace keelson::controllers::clusterdns {
namespace {

using control::Write;
using json::Value;

Facts TwoServers() {
  Facts facts;
  facts.address = "10.43.0.10";
  facts.servers = {{.node = "b", .zone = "", .address = "192.0.2.2", .ready = false},
                   {.node = "a", .zone = "z", .address = "192.0.2.1", .ready = true}};
  return facts;
}

// What the writes of a plan leave behind.
void Do(Facts& facts) {
  for (const Write& write : Plan(facts).writes) {
    std::optional<Value>& there =
        write.resource->name() == "services" ? facts.service : facts.slice;
    if (write.verb == Write::Verb::kDelete) {
      there.reset();
    } else {
      there = write.body;
    }
  }
}

TEST(ClusterDns, IsAServiceThatLeadsToTheNodesAndThenLeftAlone) {
  Facts facts = TwoServers();
  Do(facts);
  EXPECT_EQ(facts.service->At({"spec", "clusterIP"}).AsString(), "10.43.0.10");
  EXPECT_EQ(facts.service->At({"spec", "ports"}),
            *json::ParseYaml("[{name: dns, protocol: UDP, port: 53, targetPort: 53}, {name: "
                             "dns-tcp, protocol: TCP, port: 53, targetPort: 53}]"));
  EXPECT_EQ(facts.slice->At({"endpoints"}),
            *json::ParseYaml(
                "[{addresses: [192.0.2.1], conditions: {ready: true, serving: true, terminating: "
                "false}, nodeName: a, zone: z}, {addresses: [192.0.2.2], conditions: {ready: "
                "false, serving: false, terminating: false}, nodeName: b}]"));
  EXPECT_EQ(facts.slice->At({"metadata", "labels", "kubernetes.io/service-name"}).AsString(),
            "kube-dns");
  EXPECT_TRUE(Plan(facts).writes.empty());
}

TEST(ClusterDns, IsNotMadeWhileNobodyAnswersButStaysOnceItIsThere) {
  Facts facts = TwoServers();
  facts.servers.clear();
  EXPECT_TRUE(Plan(facts).writes.empty());
  facts = TwoServers();
  Do(facts);
  facts.servers.clear();
  Do(facts);
  EXPECT_TRUE(facts.service);
  EXPECT_TRUE(facts.slice->At({"endpoints"}).items().empty());
}

TEST(ClusterDns, OfSomebodyElseIsLeftAloneWithoutOurNodes) {
  Facts facts = TwoServers();
  Do(facts);
  facts.service->Find("metadata")->Erase("labels");
  const auto writes = Plan(facts).writes;
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].verb, Write::Verb::kDelete);
  EXPECT_EQ(writes[0].name, "kube-dns-nodes");
  Do(facts);
  EXPECT_TRUE(Plan(facts).writes.empty());
}

TEST(ClusterDns, IsAnsweredByNodesThatSayTheyDo) {
  const Value node = *json::ParseYaml(
      "{metadata: {name: a, labels: {keelson.io/dns: 'true', topology.kubernetes.io/zone: z}},\n"
      "status: {addresses: [{type: Hostname, address: a}, {type: InternalIP, address: 'fd00::1'},\n"
      "{type: InternalIP, address: 192.0.2.1}], conditions: [{type: Ready, status: 'True'}]}}");
  EXPECT_EQ(ReadServer(node, false), (Server{"a", "z", "192.0.2.1", true}));
  EXPECT_EQ(ReadServer(node, true)->address, "fd00::1");
  Value other = node;
  other.Find("metadata")->Find("labels")->Set(kLabel, Value("false"));
  EXPECT_FALSE(ReadServer(other, false));
  other = node;
  other.Find("status")->Erase("conditions");
  EXPECT_FALSE(ReadServer(other, false)->ready);
  other.Find("status")->Erase("addresses");
  EXPECT_FALSE(ReadServer(other, false)) << "nowhere to be asked";
}

}  // namespace
}  // namespace keelson::controllers::clusterdns
