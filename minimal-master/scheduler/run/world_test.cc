// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/world.h"

#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"
#include "lib/json/value.h"
#include "minimal-master/scheduler/decide/verdict.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::scheduler::run {
namespace {

using queue::Place;
using store::Bytes;

class Reader final : public watch::ObjectReader {
 public:
  base::Result<watch::Contents> Read(std::string_view, const Bytes& value,
                                     watch::Revision) const override {
    ASSIGN_OR_RETURN(const json::Value object, json::ParseJson(value.view()));
    watch::Contents out;
    out.ns = object.At({"metadata", "namespace"}).AsString();
    out.name = object.At({"metadata", "name"}).AsString();
    out.uid = object.At({"metadata", "uid"}).AsString();
    out.bytes = value;
    return out;
  }
  Bytes Departed(const watch::Object& last, watch::Revision) const override { return last.bytes(); }
};

class WorldTest : public ::testing::Test {
 protected:
  void Commit(const std::string& key, const std::string& yaml) {
    const Bytes value =
        yaml.empty() ? Bytes() : Bytes::Copy(json::WriteJson(*json::ParseYaml(yaml)));
    ASSERT_TRUE(store_.Commit({store::Change{key, value, store::kAny}}).ok());
    world_.CatchUp(now_);
  }
  void Node(const std::string& name, int cpu = 4, const std::string& spec = "{}") {
    Commit("/registry/minions/" + name,
           "{metadata: {name: " + name + ", uid: " + name + "}, spec: " + spec +
               ", status: {allocatable: {cpu: " + std::to_string(cpu) + ", pods: 10}}}");
  }
  void Pod(const std::string& name, const std::string& spec = "{}",
           const std::string& status = "{}", const std::string& uid = "") {
    Commit("/registry/pods/default/" + name, "{metadata: {namespace: default, name: " + name +
                                                 ", uid: " + (uid.empty() ? name : uid) +
                                                 "}, spec: " + spec + ", status: " + status + "}");
  }
  void Gone(const std::string& name) { Commit("/registry/pods/default/" + name, ""); }
  size_t Count(Place place) { return world_.queue().Count(place); }
  // Takes the only one that is active.
  model::PodRef Take() {
    const auto taken = world_.queue().Take();
    return taken ? taken->pod : nullptr;
  }
  void Refuse(uint32_t why) {
    const model::PodRef pod = Take();
    ASSERT_TRUE(pod);
    world_.queue().Unschedulable(pod->uid, why, now_ - std::chrono::minutes(1), false);
  }
  size_t PodsOn(const std::string& name) {
    const model::Node* node = world_.cluster().Find(world_.cluster().symbols().Of(name));
    return node == nullptr ? 0 : node->pods.size();
  }

  base::ManualClock clock_;
  store::MemoryStore memory_;
  store::Store& store_ = memory_;
  Reader reader_;
  std::unique_ptr<watch::Cache> cache_ = *watch::Cache::Open(store_, reader_, clock_, {});
  World world_{*cache_};
  base::SteadyTime now_{std::chrono::seconds(1000)};
};

TEST_F(WorldTest, PodsWithoutANodeWait) {
  Pod("a");
  Pod("other", "{schedulerName: mine}");
  Pod("gated", "{schedulingGates: [{name: g}]}");
  Pod("bound", "{nodeName: n1}");
  Pod("over", "{}", "{phase: Failed}");
  EXPECT_EQ(Count(Place::kActive), 1u);
  EXPECT_EQ(Count(Place::kGated), 1u);
  EXPECT_EQ(world_.queue().size(), 2u);
  EXPECT_EQ(world_.cluster().pods(), 1u);
  Gone("a");
  EXPECT_EQ(Count(Place::kActive), 0u);
}

TEST_F(WorldTest, AnAssumedPodCountsUntilItsBindingIsSeen) {
  Node("n1");
  Pod("a");
  const model::PodRef pod = Take();
  world_.Assume(pod, world_.cluster().symbols().Of("n1"));
  EXPECT_EQ(PodsOn("n1"), 1u);
  Pod("a", "{}", "{conditions: []}");
  EXPECT_EQ(PodsOn("n1"), 1u);
  EXPECT_EQ(Count(Place::kTaken), 1u);
  Pod("a", "{nodeName: n1}");
  EXPECT_EQ(PodsOn("n1"), 1u);
  EXPECT_FALSE(world_.cluster().IsAssumed(*pod));
  EXPECT_EQ(world_.queue().size(), 0u);
}

TEST_F(WorldTest, ABindingThatCameToNothingGivesItsRoomToOthers) {
  Node("n1", 1);
  Pod("a", "{containers: [{name: c, resources: {requests: {cpu: 1}}}]}");
  const model::PodRef a = Take();
  world_.Assume(a, world_.cluster().symbols().Of("n1"));
  Pod("b", "{containers: [{name: c, resources: {requests: {cpu: 1}}}]}");
  Refuse(decide::kCpu);
  world_.Unassume(*a, now_);
  world_.queue().Failed("a", now_);
  EXPECT_EQ(PodsOn("n1"), 0u);
  EXPECT_EQ(Count(Place::kActive), 1u);
  EXPECT_EQ(Count(Place::kBackoff), 1u);
}

TEST_F(WorldTest, WhatHappensWakesWhomItHelps) {
  Node("n1", 1);
  Pod("there", "{nodeName: n1, containers: [{name: c, resources: {requests: {cpu: 1}}}]}");
  Pod("a", "{containers: [{name: c, resources: {requests: {cpu: 1}}}]}");
  Refuse(decide::kCpu);
  Node("small", 0);
  EXPECT_EQ(Count(Place::kUnschedulable), 1u);
  Node("tainted", 1, "{taints: [{key: t, effect: NoSchedule}]}");
  EXPECT_EQ(Count(Place::kUnschedulable), 1u);
  Node("tainted", 1);
  EXPECT_EQ(Count(Place::kActive), 1u);
  Refuse(decide::kCpu);
  Gone("there");
  EXPECT_EQ(Count(Place::kActive), 1u);
  Refuse(decide::kCpu);
  Pod("there", "{nodeName: n1, containers: [{name: c, resources: {requests: {cpu: 1}}}]}");
  EXPECT_EQ(Count(Place::kUnschedulable), 1u);
  Pod("there", "{nodeName: n1, containers: [{name: c, resources: {requests: {cpu: 1}}}]}",
      "{phase: Succeeded}");
  EXPECT_EQ(Count(Place::kActive), 1u);
}

TEST_F(WorldTest, APodOfTheSameNameIsAnotherOne) {
  Node("n1");
  Pod("a", "{nodeName: n1}");
  Pod("a", "{}", "{}", "second");
  EXPECT_EQ(PodsOn("n1"), 0u);
  ASSERT_TRUE(world_.queue().Find("second"));
}

TEST_F(WorldTest, ANominationInTheHeadCountsUntilTheObjectSaysSomethingNew) {
  Node("n1");
  Node("m");
  Pod("a");
  const model::PodRef pod = Take();
  const auto nominated = [&] {
    return std::string(world_.cluster().symbols().Text(world_.cluster().NominationOf(*pod)));
  };
  world_.cluster().Nominate(pod, world_.cluster().symbols().Of("n1"));
  Pod("a", "{}", "{conditions: []}");
  EXPECT_EQ(nominated(), "n1");
  Pod("a", "{}", "{nominatedNodeName: m}");
  EXPECT_EQ(nominated(), "m");
  Pod("a", "{}", "{}");
  EXPECT_EQ(nominated(), "");
}

TEST_F(WorldTest, OnlyWhatPlacesDependOnConcerns) {
  EXPECT_TRUE(World::Concerns("/registry/pods/default/a"));
  EXPECT_TRUE(World::Concerns("/registry/minions/n"));
  EXPECT_FALSE(World::Concerns("/registry/leases/kube-node-lease/n"));
  EXPECT_FALSE(World::Concerns("/registry/events/default/e"));
}

}  // namespace
}  // namespace keelson::scheduler::run
