// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/view.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::page {
namespace {

using json::Value;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kNow = 1'767'225'600;

Value Yaml(std::string_view text) {
  auto value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *value : Value::Object();
}

void Add(World& world, const std::string& name, const std::string& node, bool bad) {
  world.pods["a/" + name] = PodOf(Yaml(fmt::format(
      "metadata: {{name: {}, namespace: a, creationTimestamp: \"2025-12-31T22:00:00Z\"}}\n"
      "spec: {{nodeName: {}, containers: [{{name: app, image: i, env: [{{name: TOKEN, value: "
      "hush}}], resources: {{requests: {{cpu: 250m, memory: 64Mi}}}}}}]}}\n"
      "status: {{phase: Running, conditions: [{{type: Ready, status: \"{}\"}}], "
      "containerStatuses: [{{name: app, ready: {}, restartCount: 2, state: {{{}}}}}]}}",
      name, node, bad ? "False" : "True", !bad,
      bad ? "waiting: {reason: CrashLoopBackOff}" : "running: {}")));
}

std::vector<std::string> Names(const Value& list) {
  std::vector<std::string> out;
  for (const Value& item : list.items()) out.push_back(item.At({"name"}).AsString());
  return out;
}

World Example() {
  World world;
  world.nodes["n1"] = NodeOf(
      Yaml("metadata: {name: n1}\nstatus: {allocatable: {cpu: \"4\", memory: 8Gi, pods: \"110\"}, "
           "nodeInfo: {kubeletVersion: v1}, conditions: [{type: Ready, status: \"True\"}]}"));
  world.nodes["n2"] =
      NodeOf(Yaml("metadata: {name: n2}\nstatus: {conditions: [{type: Ready, status: Unknown}]}"));
  for (const char* name : {"b", "c", "d"}) Add(world, name, "n1", false);
  Add(world, "z", "n1", true);
  return world;
}

ViewOf Of(const World& world) { return {.world = world, .now = kNow, .version = "v1"}; }

TEST(View, WhatIsWrongComesFirst) {
  const World world = Example();
  const Value view = View(Of(world));
  EXPECT_THAT(Names(view.At({"nodes"})), ElementsAre("n2", "n1"));
  EXPECT_THAT(Names(view.At({"pods"})), ElementsAre("z", "b", "c", "d"));
  EXPECT_THAT(Names(view.At({"findings"})), ElementsAre("n2", "z"));
  EXPECT_EQ(view.At({"broken"}).AsInt(), 2);
  EXPECT_EQ(view.At({"warning"}).AsInt(), 0);
  EXPECT_EQ(view.At({"nodesReady"}).AsInt(), 1);
  EXPECT_EQ(view.At({"pods"}).items()[0].At({"state"}).AsString(), "broken");
  EXPECT_EQ(view.At({"pods"}).items()[0].At({"word"}).AsString(), "CrashLoopBackOff");
}

TEST(View, NodesHaveWhatIsAskedForUsedAndTheirPodsByState) {
  const World world = Example();
  ViewOf of = Of(world);
  of.used = {{.node = "n1", .use = {1.5, 1e9}, .at_millis = 0, .window_millis = 0}};
  of.past["n1"] = {{1, 1.0F, 1e8F}, {2, 1.5F, 1e9F}};
  const Value node = View(of).At({"nodes"}).items().at(1);
  EXPECT_EQ(node.At({"cpu"}).AsInt(), 1500);
  EXPECT_EQ(node.At({"cpuMost"}).AsInt(), 4000);
  EXPECT_EQ(node.At({"cpuAsked"}).AsInt(), 1000);
  EXPECT_EQ(node.At({"memoryAsked"}).AsInt(), 256 << 20);
  EXPECT_EQ(json::WriteJson(node.At({"cpuPast"})), "[1000,1500]");
  EXPECT_EQ(json::WriteJson(node.At({"states"})), R"({"broken":1,"running":3})");
  EXPECT_TRUE(View(of).At({"nodes"}).items().at(0).At({"cpu"}).IsNull());
}

TEST(View, PodsAreFilteredByWhatIsSeenOfThem) {
  const World world = Example();
  const auto filtered = [&](std::string filter, bool wrong = false) {
    ViewOf of = Of(world);
    of.filter = std::move(filter);
    of.only_wrong = wrong;
    return Names(View(of).At({"pods"}));
  };
  EXPECT_THAT(filtered("A/B"), ElementsAre("b"));
  EXPECT_THAT(filtered("crash"), ElementsAre("z"));
  EXPECT_THAT(filtered("n1"), ElementsAre("z", "b", "c", "d"));
  EXPECT_THAT(filtered("nowhere"), ElementsAre());
  EXPECT_THAT(filtered("", true), ElementsAre("z"));
}

TEST(View, IsBoundedAndSaysHowManyThereAre) {
  World world;
  Add(world, "well", "n1", false);
  Add(world, "bad", "n1", true);
  const Pod kinds[] = {world.pods["a/well"], world.pods["a/bad"]};
  world.pods.clear();
  for (int i = 0; i < 10'000; ++i) {
    Pod pod = kinds[i % 3 == 0 ? 1 : 0];
    pod.name = fmt::format("p{:05}", i);
    pod.node = fmt::format("n{}", i % 100);
    world.pods["a/" + pod.name] = std::move(pod);
  }
  for (int i = 0; i < 1000; ++i) {
    const std::string name = fmt::format("n{:04}", i);
    world.nodes[name].name = name;
    world.services[name] = {.revision = 0, .ns = "a", .name = name, .selects = true};
    world.workloads[name] = {.revision = 0, .kind = "Job", .ns = "a", .name = name};
    world.events[name] = {.revision = i, .ns = "a", .kind = "Pod", .name = name};
  }
  const Value view = View(Of(world));
  const Bounds bounds;
  EXPECT_EQ(view.At({"pods"}).items().size(), bounds.pods);
  EXPECT_EQ(view.At({"podsMatching"}).AsInt(), 10'000);
  EXPECT_EQ(view.At({"pods"}).items().back().At({"state"}).AsString(), "broken");
  EXPECT_EQ(view.At({"findings"}).items().size(), bounds.findings);
  EXPECT_EQ(view.At({"broken"}).AsInt(), 3334 + 1000);
  EXPECT_EQ(view.At({"nodes"}).items().size(), bounds.nodes);
  EXPECT_EQ(view.At({"nodesAll"}).AsInt(), 1000);
  EXPECT_EQ(view.At({"services"}).items().size(), bounds.services);
  EXPECT_EQ(view.At({"workloads"}).items().size(), bounds.workloads);
  EXPECT_EQ(view.At({"events"}).items().size(), bounds.events);
  EXPECT_LT(json::WriteJson(view).size(), size_t{400} << 10);
}

TEST(View, EventsThatWarnComeFirstThenTheNewest) {
  World world;
  const auto add = [&](const char* name, const char* type, int64_t at) {
    world.events[name] = EventOf(Yaml(
        fmt::format("type: {}\ninvolvedObject: {{kind: Pod, namespace: a, name: {}}}\ncount: 3\n"
                    "lastTimestamp: \"2026-01-01T00:00:{:02}Z\"",
                    type, name, at)));
  };
  add("old-normal", "Normal", 1);
  add("new-normal", "Normal", 9);
  add("old-warning", "Warning", 2);
  add("new-warning", "Warning", 5);
  EXPECT_THAT(Names(View(Of(world)).At({"events"})),
              ElementsAre("new-warning", "old-warning", "new-normal", "old-normal"));
}

TEST(View, NothingOfVariablesIsInIt) {
  const World world = Example();
  const std::string text = json::WriteJson(View(Of(world)));
  EXPECT_THAT(text, Not(HasSubstr("hush")));
  EXPECT_THAT(text, Not(HasSubstr("TOKEN")));
}

TEST(View, LongWordsOfOthersAreCut) {
  const std::string words(5000, 'x');
  const Event event = EventOf(Yaml("message: " + words));
  EXPECT_LT(event.message.size(), 700u);
}

TEST(Verdict, IsTheFindingsAlone) {
  const Value verdict = Verdict(Example(), kNow, 1);
  EXPECT_EQ(verdict.At({"broken"}).AsInt(), 2);
  EXPECT_EQ(verdict.At({"findings"}).items().size(), 1u);
  EXPECT_TRUE(verdict.At({"pods"}).IsNull());
}

}  // namespace
}  // namespace keelson::page
