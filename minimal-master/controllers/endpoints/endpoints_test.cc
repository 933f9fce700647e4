// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/controllers/endpoints/mirror.h"
#include "minimal-master/controllers/endpoints/objects.h"
#include "minimal-master/controllers/endpoints/ports.h"
#include "minimal-master/controllers/endpoints/slices.h"

namespace keelson::endpoints {
namespace {

using control::Write;
using json::Value;

Value Yaml(std::string_view text) { return *json::ParseYaml(text); }

Value Service(std::string_view more = "") {
  return Yaml(
      "metadata: {name: web, namespace: n, uid: u, labels: {a: b, "
      "endpointslice.kubernetes.io/managed-by: liar}}\n"
      "spec: {clusterIP: 10.43.0.9, ipFamilies: [IPv4], selector: {app: web},\n"
      "  ports: [{name: http, port: 80, protocol: TCP, targetPort: http},"
      " {port: 9, name: x, protocol: UDP}]" +
      std::string(more) + "}\n");
}

PodFacts Pod(const std::string& name, bool ready = true) {
  return {.ns = "n",
          .name = name,
          .uid = "uid-" + name,
          .node = "node-1",
          .hostname = "",
          .subdomain = "",
          .ips = {"10.42.0." + name, "fd00::" + name},
          .ports = {{"http", "TCP", 8080}},
          .ready = ready};
}

SliceFacts Facts(std::vector<PodFacts> pods) {
  SliceFacts facts;
  facts.service = Service();
  facts.pods = std::move(pods);
  facts.zones = {{"node-1", "east"}};
  return facts;
}

// What is there after the writes.
std::vector<Value> Applied(std::vector<Value> slices, const std::vector<Write>& writes) {
  static int made = 0;
  for (const Write& write : writes) {
    if (write.verb == Write::Verb::kCreate) {
      Value object = write.body;
      object.Find("metadata")->Set("name", Value("made-" + std::to_string(made++)));
      slices.push_back(std::move(object));
      continue;
    }
    std::erase_if(slices, [&](const Value& slice) {
      return slice.At({"metadata", "name"}).AsString() == write.name;
    });
    if (write.verb == Write::Verb::kUpdate) slices.push_back(write.body);
  }
  return slices;
}

TEST(PodFactsTest, AreReadFromAPod) {
  const PodFacts pod = ReadPod(Yaml(
      "metadata: {name: p, namespace: n, uid: u, deletionTimestamp: '2026-01-01T00:00:00Z'}\n"
      "spec:\n  nodeName: m\n  hostname: h\n  subdomain: s\n"
      "  containers: [{ports: [{name: a, containerPort: 1}, {containerPort: 2}]}]\n"
      "  initContainers: [{ports: [{name: b, containerPort: 3}]},"
      " {restartPolicy: Always, ports: [{name: c, containerPort: 4, protocol: UDP}]}]\n"
      "status: {phase: Failed, podIP: 1.2.3.4, conditions: [{type: Ready, status: 'True'}]}\n"));
  EXPECT_TRUE(pod.terminating);
  EXPECT_TRUE(pod.ended);
  EXPECT_TRUE(pod.ready);
  EXPECT_EQ(pod.ips, std::vector<std::string>{"1.2.3.4"});
  ASSERT_EQ(pod.ports.size(), 2u);
  EXPECT_EQ(pod.ports[1].name, "c");
  EXPECT_EQ(pod.ports[1].protocol, "UDP");
}

TEST(SlicesTest, APodBecomesAnEndpoint) {
  PodFacts pod = Pod("5");
  pod.hostname = "five";
  pod.subdomain = "web";
  const std::vector<Write> writes = PlanSlices(Facts({pod}));
  ASSERT_EQ(writes.size(), 1u);
  const Value& slice = writes[0].body;
  EXPECT_EQ(writes[0].verb, Write::Verb::kCreate);
  EXPECT_EQ(
      WriteJson(slice.At({"ports"})),
      R"([{"name":"http","port":8080,"protocol":"TCP"},{"name":"x","port":9,"protocol":"UDP"}])");
  EXPECT_EQ(
      WriteJson(slice.At({"endpoints"})),
      R"([{"addresses":["10.42.0.5"],"conditions":{"ready":true,"serving":true,"terminating":false},)"
      R"("hostname":"five","targetRef":{"kind":"Pod","namespace":"n","name":"5","uid":"uid-5"},)"
      R"("nodeName":"node-1","zone":"east"}])");
  EXPECT_EQ(slice.At({"metadata", "generateName"}).AsString(), "web-");
  EXPECT_EQ(slice.At({"metadata", "labels", kManagerLabel}).AsString(), kSliceManager);
  EXPECT_EQ(slice.At({"metadata", "labels", "a"}).AsString(), "b");
  EXPECT_EQ(slice.At({"metadata", "ownerReferences"}).items()[0].At({"uid"}).AsString(), "u");
}

TEST(SlicesTest, WhatIsRightIsLeftAlone) {
  SliceFacts facts = Facts({Pod("5"), Pod("6")});
  facts.slices = Applied({}, PlanSlices(facts));
  EXPECT_TRUE(PlanSlices(facts).empty());
}

TEST(SlicesTest, NobodyIsAnEmptySliceThatGivesWayToTheFirst) {
  SliceFacts facts = Facts({});
  facts.slices = Applied({}, PlanSlices(facts));
  ASSERT_EQ(facts.slices.size(), 1u);
  EXPECT_TRUE(facts.slices[0].At({"endpoints"}).items().empty());
  EXPECT_TRUE(PlanSlices(facts).empty());
  facts.pods = {Pod("5")};
  const std::vector<Write> writes = PlanSlices(facts);
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].verb, Write::Verb::kCreate);
  EXPECT_EQ(writes[1].verb, Write::Verb::kDelete);
  facts.slices = Applied(facts.slices, writes);
  EXPECT_TRUE(PlanSlices(facts).empty());
  facts.pods = {};
  facts.slices = Applied(facts.slices, PlanSlices(facts));
  ASSERT_EQ(facts.slices.size(), 1u);
  EXPECT_TRUE(facts.slices[0].At({"endpoints"}).items().empty());
}

TEST(SlicesTest, WhoCountsAndHow) {
  struct Case {
    const char* what;
    void (*change)(PodFacts& pod);
    const char* service;
    const char* conditions;  // "": no endpoint
  };
  const Case cases[] = {
      {"not ready", [](PodFacts& p) { p.ready = false; }, "", "false false false"},
      {"going", [](PodFacts& p) { p.terminating = true; }, "", "false true true"},
      {"going, told to publish", [](PodFacts& p) { p.terminating = true; },
       ", publishNotReadyAddresses: true", "true true true"},
      {"not ready, told to publish", [](PodFacts& p) { p.ready = false; },
       ", publishNotReadyAddresses: true", "true true false"},
      {"ended", [](PodFacts& p) { p.ended = true; }, "", ""},
      {"without address", [](PodFacts& p) { p.ips = {}; }, "", ""},
      {"of another family", [](PodFacts& p) { p.ips = {"fd00::5"}; }, "", ""},
      {"on a node that is gone", [](PodFacts& p) { p.node = "node-9"; }, "", ""},
      {"an external name", [](PodFacts&) {}, ", type: ExternalName", ""},
  };
  for (const Case& c : cases) {
    PodFacts pod = Pod("5");
    c.change(pod);
    SliceFacts facts = Facts({pod});
    facts.service = Service(c.service);
    const std::vector<Value> slices = Applied({}, PlanSlices(facts));
    std::string got;
    for (const Value& slice : slices) {
      for (const Value& endpoint : slice.At({"endpoints"}).items()) {
        for (const char* name : {"ready", "serving", "terminating"}) {
          if (!got.empty()) got += " ";
          got += endpoint.At({"conditions", name}).AsBool() ? "true" : "false";
        }
      }
    }
    EXPECT_EQ(got, c.conditions) << c.what;
  }
}

TEST(SlicesTest, ManyAreSpreadAndFewWritesKeepThemRight) {
  SliceFacts facts = Facts({});
  for (int i = 0; i < 250; ++i) facts.pods.push_back(Pod(std::to_string(i)));
  facts.slices = Applied({}, PlanSlices(facts));
  ASSERT_EQ(facts.slices.size(), 3u);
  // One goes, one comes: one write.
  facts.pods.erase(facts.pods.begin() + 7);
  facts.pods.push_back(Pod("777"));
  std::vector<Write> writes = PlanSlices(facts);
  ASSERT_EQ(writes.size(), 1u);
  facts.slices = Applied(facts.slices, writes);
  EXPECT_TRUE(PlanSlices(facts).empty());
  size_t count = 0;
  for (const Value& slice : facts.slices) count += slice.At({"endpoints"}).items().size();
  EXPECT_EQ(count, 250u);
  // All become unready: each slice once.
  for (PodFacts& pod : facts.pods) pod.ready = false;
  EXPECT_EQ(PlanSlices(facts).size(), 3u);
}

TEST(SlicesTest, PortsByNameDifferByPod) {
  SliceFacts facts = Facts({Pod("5"), Pod("6")});
  facts.pods[1].ports = {{"http", "TCP", 9090}};
  facts.slices = Applied({}, PlanSlices(facts));
  EXPECT_EQ(facts.slices.size(), 2u);
  EXPECT_TRUE(PlanSlices(facts).empty());
}

TEST(SlicesTest, TwoFamiliesAreTwoSlicesAndHintsFollowTheWish) {
  SliceFacts facts = Facts({Pod("5")});
  facts.service = Service(", trafficDistribution: PreferSameNode");
  facts.service.Find("spec")->Set("ipFamilies", Yaml("[IPv4, IPv6]"));
  const std::vector<Value> slices = Applied({}, PlanSlices(facts));
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(WriteJson(slices[1].At({"endpoints"}).items()[0].At({"hints"})),
            R"({"forZones":[{"name":"east"}],"forNodes":[{"name":"node-1"}]})");
  EXPECT_EQ(slices[1].At({"addressType"}).AsString(), "IPv6");
}

TEST(EndpointsTest, ReadyAndNotReadyAreApart) {
  EndpointsFacts facts;
  facts.service = Service();
  PodFacts going = Pod("7");
  going.terminating = true;
  facts.pods = {Pod("5"), Pod("6", false), going};
  std::vector<Write> writes = PlanEndpoints(facts);
  ASSERT_EQ(writes.size(), 1u);
  const Value& subsets = writes[0].body.At({"subsets"});
  ASSERT_EQ(subsets.items().size(), 1u);
  EXPECT_EQ(subsets.items()[0].At({"addresses"}).items().size(), 1u);
  EXPECT_EQ(subsets.items()[0].At({"notReadyAddresses"}).items()[0].At({"ip"}).AsString(),
            "10.42.0.6");
  EXPECT_EQ(
      WriteJson(subsets.items()[0].At({"ports"})),
      R"([{"name":"http","port":8080,"protocol":"TCP"},{"name":"x","port":9,"protocol":"UDP"}])");
  facts.endpoints = writes[0].body;
  EXPECT_TRUE(PlanEndpoints(facts).empty());
  facts.service = Value();
  writes = PlanEndpoints(facts);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].verb, Write::Verb::kDelete);
  facts.endpoints->Find("metadata")->Erase("labels");
  EXPECT_TRUE(PlanEndpoints(facts).empty()) << "somebody's own";
}

TEST(EndpointsTest, TooManyAreCutAndThatIsSaid) {
  EndpointsFacts facts;
  facts.service = Service();
  for (int i = 0; i < 1005; ++i) facts.pods.push_back(Pod(std::to_string(i), i % 2 == 0));
  const std::vector<Write> writes = PlanEndpoints(facts);
  ASSERT_EQ(writes.size(), 1u);
  const Value& object = writes[0].body;
  EXPECT_EQ(
      object.At({"metadata", "annotations", "endpoints.kubernetes.io/over-capacity"}).AsString(),
      "truncated");
  const Value& subset = object.At({"subsets"}).items()[0];
  EXPECT_EQ(subset.At({"addresses"}).items().size(), 503u);
  EXPECT_EQ(subset.At({"notReadyAddresses"}).items().size(), 497u);
}

TEST(MirrorTest, WhatPeopleWriteBecomesSlicesAndGoesWithIt) {
  const Value service = Yaml("metadata: {name: db, namespace: n}\nspec: {ports: [{port: 5432}]}\n");
  const Value endpoints = Yaml(
      "metadata: {name: db, namespace: n, uid: e, labels: {x: z}}\n"
      "subsets: [{addresses: [{ip: 1.2.3.4}, {ip: 'fd00::1'}], notReadyAddresses: [{ip: 1.2.3.5}],"
      " ports: [{port: 5432, protocol: TCP}]}]\n");
  const std::vector<Value> slices = Applied({}, PlanMirror(service, endpoints, {}));
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0].At({"endpoints"}).items().size(), 2u);
  EXPECT_EQ(slices[0].At({"metadata", "labels", "x"}).AsString(), "z");
  EXPECT_EQ(slices[1].At({"addressType"}).AsString(), "IPv6");
  EXPECT_TRUE(PlanMirror(service, endpoints, slices).empty());
  EXPECT_EQ(PlanMirror(service, Value(), slices).size(), 2u);
  Value selecting = service;
  selecting.Find("spec")->Set("selector", Yaml("{a: b}"));
  EXPECT_EQ(PlanMirror(selecting, endpoints, slices).size(), 2u) << "it is not theirs any more";
}

}  // namespace
}  // namespace keelson::endpoints
