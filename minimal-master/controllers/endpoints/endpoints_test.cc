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

pods::PodFacts Pod(const std::string& name, bool ready = true) {
  watch::Contents contents;
  contents.ns = "n";
  contents.name = name;
  contents.uid = "uid-" + name;
  pods::PodFacts out;
  out.object = watch::ObjectPtr(new watch::Object("/registry/pods/n/" + name, 1, contents));
  out.node = "node-1";
  out.ips = {"10.42.0." + name, "fd00::" + name};
  out.ports = {{"http", "TCP", 8080}};
  out.ready = ready;
  return out;
}

std::vector<pods::PodPtr> Shared(const std::vector<pods::PodFacts>& pods) {
  std::vector<pods::PodPtr> out;
  for (const pods::PodFacts& pod : pods) out.push_back(std::make_shared<const pods::PodFacts>(pod));
  return out;
}

SliceFacts Facts(const std::vector<pods::PodFacts>& pods) {
  SliceFacts facts;
  facts.service = Service();
  facts.pods = Shared(pods);
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

TEST(SlicesTest, APodBecomesAnEndpoint) {
  pods::PodFacts pod = Pod("5");
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

// As the API server stores it, with the members of a port in another order.
TEST(SlicesTest, WhatIsStoredIsRight) {
  SliceFacts facts = Facts({Pod("5")});
  facts.slices = Applied({}, PlanSlices(facts));
  ASSERT_EQ(facts.slices.size(), 1u);
  facts.slices[0].Set("ports", Yaml("[{name: http, protocol: TCP, port: 8080},"
                                    " {name: x, protocol: UDP, port: 9}]"));
  EXPECT_TRUE(PlanSlices(facts).empty());
}

TEST(SlicesTest, NobodyIsAnEmptySliceThatGivesWayToTheFirst) {
  SliceFacts facts = Facts({});
  facts.slices = Applied({}, PlanSlices(facts));
  ASSERT_EQ(facts.slices.size(), 1u);
  EXPECT_TRUE(facts.slices[0].At({"endpoints"}).items().empty());
  EXPECT_TRUE(PlanSlices(facts).empty());
  facts.pods = Shared({Pod("5")});
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
    void (*change)(pods::PodFacts& pod);
    const char* service;
    const char* conditions;  // "": no endpoint
  };
  const Case cases[] = {
      {"not ready", [](pods::PodFacts& p) { p.ready = false; }, "", "false false false"},
      {"going", [](pods::PodFacts& p) { p.deletion = 1; }, "", "false true true"},
      {"going, told to publish", [](pods::PodFacts& p) { p.deletion = 1; },
       ", publishNotReadyAddresses: true", "true true true"},
      {"not ready, told to publish", [](pods::PodFacts& p) { p.ready = false; },
       ", publishNotReadyAddresses: true", "true true false"},
      {"ended", [](pods::PodFacts& p) { p.phase = pods::Phase::kFailed; }, "", ""},
      {"without address", [](pods::PodFacts& p) { p.ips = {}; }, "", ""},
      {"of another family", [](pods::PodFacts& p) { p.ips = {"fd00::5"}; }, "", ""},
      {"on a node that is gone", [](pods::PodFacts& p) { p.node = "node-9"; }, "", ""},
      {"an external name", [](pods::PodFacts&) {}, ", type: ExternalName", ""},
  };
  for (const Case& c : cases) {
    pods::PodFacts pod = Pod("5");
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
  std::vector<pods::PodFacts> many;
  for (int i = 0; i < 250; ++i) many.push_back(Pod(std::to_string(i)));
  SliceFacts facts = Facts(many);
  facts.slices = Applied({}, PlanSlices(facts));
  ASSERT_EQ(facts.slices.size(), 3u);
  // One goes, one comes: one write.
  facts.pods.erase(facts.pods.begin() + 7);
  facts.pods.push_back(Shared({Pod("777")})[0]);
  std::vector<Write> writes = PlanSlices(facts);
  ASSERT_EQ(writes.size(), 1u);
  facts.slices = Applied(facts.slices, writes);
  EXPECT_TRUE(PlanSlices(facts).empty());
  size_t count = 0;
  for (const Value& slice : facts.slices) count += slice.At({"endpoints"}).items().size();
  EXPECT_EQ(count, 250u);
  // All become unready: each slice once.
  for (pods::PodFacts& pod : many) pod.ready = false;
  many.erase(many.begin() + 7);
  facts.pods = Shared(many);
  EXPECT_EQ(PlanSlices(facts).size(), 3u);
}

TEST(SlicesTest, PortsByNameDifferByPod) {
  pods::PodFacts other = Pod("6");
  other.ports = {{"http", "TCP", 9090}};
  SliceFacts facts = Facts({Pod("5"), other});
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
  pods::PodFacts going = Pod("7");
  going.deletion = 1;
  facts.pods = Shared({Pod("5"), Pod("6", false), going});
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
  std::vector<pods::PodFacts> many;
  for (int i = 0; i < 1005; ++i) many.push_back(Pod(std::to_string(i), i % 2 == 0));
  facts.pods = Shared(many);
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
