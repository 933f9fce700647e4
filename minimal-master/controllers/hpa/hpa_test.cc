// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/control/times.h"
#include "minimal-master/controllers/hpa/plan.h"

namespace keelson::hpa {
namespace {

using json::Value;

constexpr int64_t kNow = 1'800'000'000;

Value Yaml(std::string_view text) { return text == "null" ? Value() : *json::ParseYaml(text); }

struct TestPod {
  int64_t used = 0;  // millicores; below 0: nothing is known
  std::string phase = "Running";
  bool ready = true;
  int64_t age = 3600;
  bool going = false;
};

Value PodOf(int n, const TestPod& pod) {
  const auto time = [](int64_t ago) { return control::TimeText((kNow - ago) * 1'000'000'000); };
  Value out = Yaml(
      "metadata: {namespace: n}\n"
      "spec: {containers: [{name: c, resources: {requests: {cpu: 100m}}}]}\n");
  out.Find("metadata")->Set("name", Value("p" + std::to_string(n)));
  if (pod.going) out.Find("metadata")->Set("deletionTimestamp", Value(time(1)));
  Value condition;
  condition.Set("type", Value("Ready"));
  condition.Set("status", Value(pod.ready ? "True" : "False"));
  condition.Set("lastTransitionTime", Value(time(pod.age)));
  Value status;
  status.Set("phase", Value(pod.phase));
  status.Set("startTime", Value(time(pod.age)));
  status.Set("conditions", Value::Array({condition}));
  out.Set("status", std::move(status));
  return out;
}

struct World {
  explicit World(std::vector<TestPod> pods) : test_pods(std::move(pods)) {
    for (size_t i = 0; i < test_pods.size(); ++i)
      values.push_back(PodOf(static_cast<int>(i), test_pods[i]));
  }
  Usage usage() const {
    return [this](const std::string&, const std::string& name) -> std::optional<Sample> {
      const TestPod& pod = test_pods[std::stoul(name.substr(1))];
      if (pod.used < 0) return std::nullopt;
      return Sample{kNow, 30, {{"c", {{"cpu", pod.used}}}}};
    };
  }
  std::vector<TestPod> test_pods;
  std::vector<Value> values;
};

Request Utilization(int64_t percent) {
  Request request;
  request.resource = "cpu";
  request.utilization = percent;
  return request;
}

TEST(ReplicasTest, FollowTheUse) {
  struct Case {
    const char* what;
    std::vector<TestPod> pods;
    int64_t replicas;
  };
  const Case cases[] = {
      {"twice the target", {{100}, {100}}, 4},
      {"as much as wanted", {{50}, {52}}, 2},
      {"within the tolerance", {{54}, {54}}, 2},
      {"a quarter", {{12}, {12}, {12}, {13}}, 1},
      {"on the way up the unknown is idle", {{150}, {150}, {-1}}, 6},
      {"which may hold the change back", {{60}, {60}, {-1}}, 3},
      {"on the way down the unknown is busy", {{10}, {10}, {-1}}, 3},
      {"who starts is idle on the way up", {{100}, {100, "Running", false, 60}}, 2},
      {"who pends as well", {{200}, {0, "Pending"}}, 4},
      {"who goes does not count", {{100}, {100, "Running", true, 3600, true}}, 2},
      {"nor who failed", {{100}, {100, "Failed"}}, 2},
  };
  for (const Case& c : cases) {
    const World world(c.pods);
    const base::Result<Answer> answer = ReplicasFor(
        Utilization(50), static_cast<int64_t>(c.pods.size()), world.values, world.usage(), {kNow});
    ASSERT_TRUE(answer.ok()) << c.what << ": " << answer.error().message();
    EXPECT_EQ(answer->replicas, c.replicas) << c.what;
  }
}

TEST(ReplicasTest, AnAverageNeedsNoRequests) {
  World world({{300}, {100}});
  for (Value& pod : world.values) pod.Find("spec")->Erase("containers");
  Request request;
  request.resource = "cpu";
  request.average_milli = 100;
  const base::Result<Answer> answer = ReplicasFor(request, 2, world.values, world.usage(), {kNow});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->replicas, 4);
  EXPECT_EQ(answer->average_milli, 200);
}

TEST(ReplicasTest, WhatIsMissingIsSaid) {
  World world(std::vector<TestPod>{{50}});
  EXPECT_EQ(
      ReplicasFor(Utilization(50), 1, {}, world.usage(), {kNow}).error().message(),
      "unable to get metrics for resource cpu: no metrics returned from resource metrics API");
  world.values[0].Find("spec")->Set("containers", Yaml("[{name: c}]"));
  EXPECT_EQ(ReplicasFor(Utilization(50), 1, world.values, world.usage(), {kNow}).error().message(),
            "missing request for cpu in container c of Pod p0");
  const World starting(std::vector<TestPod>{{50, "Running", false, 10}});
  EXPECT_EQ(
      ReplicasFor(Utilization(50), 1, starting.values, starting.usage(), {kNow}).error().message(),
      "did not receive metrics for targeted pods (pods might be unready)");
}

TEST(BehaviorTest, BoundsHowFast) {
  const char* fast =
      "scaleUp: {stabilizationWindowSeconds: 0, selectPolicy: Max,"
      " policies: [{type: Pods, value: 4, periodSeconds: 15},"
      " {type: Percent, value: 100, periodSeconds: 15}]}\n"
      "scaleDown: {stabilizationWindowSeconds: 0, selectPolicy: Max,"
      " policies: [{type: Percent, value: 50, periodSeconds: 15}]}\n";
  struct Case {
    const char* what;
    const char* behavior;
    int64_t current, desired, replicas;
    const char* reason;
  };
  const Case cases[] = {
      {"upstream's own way", "null", 1, 10, 4, "ScaleUpLimit"},
      {"upstream's own way, more", "null", 10, 30, 20, "ScaleUpLimit"},
      {"beyond the most", "null", 90, 150, 100, "TooManyReplicas"},
      {"below the least", "null", 3, 1, 2, "TooFewReplicas"},
      {"in between", "null", 3, 5, 5, "DesiredWithinRange"},
      {"the larger of two", fast, 2, 20, 6, "ScaleUpLimit"},
      {"the larger of two, later", fast, 20, 60, 40, "ScaleUpLimit"},
      {"half at a time", fast, 20, 3, 10, "ScaleDownLimit"},
      {"never down", "scaleDown: {selectPolicy: Disabled, stabilizationWindowSeconds: 0}", 20, 3,
       20, "ScaleDownLimit"},
      {"the smaller of two",
       "scaleUp: {selectPolicy: Min, policies: [{type: Pods, value: 4, periodSeconds: 15},"
       " {type: Percent, value: 10, periodSeconds: 15}]}",
       20, 60, 22, "ScaleUpLimit"},
  };
  for (const Case& c : cases) {
    History history;
    const Allowed allowed = Allow({c.current, 2, 100, kNow}, c.desired, Yaml(c.behavior), history);
    EXPECT_EQ(allowed.replicas, c.replicas) << c.what;
    EXPECT_EQ(allowed.limit_reason, c.reason) << c.what;
  }
}

TEST(BehaviorTest, AWindowKeepsTheHighestOnTheWayDown) {
  History history;
  EXPECT_EQ(Allow({5, 1, 10, kNow}, 5, Value(), history).replicas, 5);
  Allowed allowed = Allow({5, 1, 10, kNow + 100}, 2, Value(), history);
  EXPECT_EQ(allowed.replicas, 5);
  EXPECT_EQ(allowed.able_reason, "ScaleDownStabilized");
  allowed = Allow({5, 1, 10, kNow + 301}, 2, Value(), history);
  EXPECT_EQ(allowed.replicas, 2);
  EXPECT_EQ(allowed.able_reason, "ReadyForNewScale");
}

TEST(BehaviorTest, ChangesOfThePeriodCount) {
  const Value behavior = Yaml(
      "scaleUp: {stabilizationWindowSeconds: 0,"
      " policies: [{type: Pods, value: 4, periodSeconds: 60}]}");
  History history;
  EXPECT_EQ(Allow({2, 1, 100, kNow}, 50, behavior, history).replicas, 6);
  Remember(history, 2, 6, kNow, behavior);
  EXPECT_EQ(Allow({6, 1, 100, kNow + 30}, 50, behavior, history).replicas, 6);
  EXPECT_EQ(Allow({6, 1, 100, kNow + 61}, 50, behavior, history).replicas, 10);
}

Facts FactsOf(const World& world, int64_t replicas, std::string_view more = "") {
  Facts facts;
  facts.autoscaler = Yaml(
      "metadata: {name: h, generation: 3}\n"
      "spec: {minReplicas: 1, maxReplicas: 10, metrics: [{type: Resource, resource:"
      " {name: cpu, target: {type: Utilization, averageUtilization: 50}}}" +
      std::string(more) + "]}\n");
  facts.scale = Yaml("status: {selector: app=x}");
  facts.scale->Set("spec", Value::Object({{"replicas", Value(replicas)}}));
  facts.scale->Find("status")->Set("replicas", Value(replicas));
  facts.pods = world.values;
  facts.timing.now = kNow;
  return facts;
}

std::string Conditions(const Value& status) {
  std::string out;
  for (const Value& condition : status.At({"conditions"}).items()) {
    out += condition.At({"type"}).AsString() + "=" + condition.At({"status"}).AsString() + "/" +
           condition.At({"reason"}).AsString() + " ";
  }
  return out;
}

TEST(PlanTest, GrowsAndSaysWhy) {
  const World world({{100}, {100}});
  History history;
  Plan plan = MakePlan(FactsOf(world, 2), world.usage(), history);
  EXPECT_EQ(plan.replicas, 4);
  EXPECT_EQ(plan.why, "cpu resource utilization (percentage of request) above target");
  EXPECT_EQ(Conditions(plan.status),
            "AbleToScale=True/ReadyForNewScale ScalingActive=True/ValidMetricFound "
            "ScalingLimited=False/DesiredWithinRange ");
  EXPECT_EQ(WriteJson(plan.status.At({"currentMetrics"})),
            R"([{"type":"Resource","resource":{"current":{"averageUtilization":100,)"
            R"("averageValue":"100m"},"name":"cpu"}}])");
  EXPECT_EQ(plan.status.At({"desiredReplicas"}).AsInt(), 4);
  AfterScaling(plan, "", kNow);
  ASSERT_EQ(plan.events.size(), 1u);
  EXPECT_EQ(plan.events[0].message,
            "New size: 4; reason: cpu resource utilization (percentage of request) above target");
  AfterScaling(plan, "no", kNow);
  EXPECT_EQ(plan.events[1].reason, "FailedRescale");
}

TEST(PlanTest, WhatStopsIt) {
  struct Case {
    const char* what;
    void (*change)(Facts& facts);
    std::optional<int64_t> replicas;
    const char* conditions;
  };
  const Case cases[] = {
      {"no target",
       [](Facts& f) {
         f.scale.reset();
         f.no_scale = "deployments.apps \"x\" not found";
       },
       std::nullopt, "AbleToScale=False/FailedGetScale "},
      {"switched off", [](Facts& f) { f.scale->Find("spec")->Set("replicas", Value(0)); },
       std::nullopt, "AbleToScale=True/SucceededGetScale ScalingActive=False/ScalingDisabled "},
      {"too many", [](Facts& f) { f.scale->Find("spec")->Set("replicas", Value(12)); }, 10,
       "AbleToScale=True/SucceededGetScale "},
      {"too few", [](Facts& f) { f.autoscaler.Find("spec")->Set("minReplicas", Value(3)); }, 3,
       "AbleToScale=True/SucceededGetScale "},
      {"a metric nobody serves",
       [](Facts& f) {
         f.autoscaler.Find("spec")->Set("metrics",
                                        Yaml("[{type: External, external: {metric: {name: q}}}]"));
       },
       std::nullopt,
       "AbleToScale=True/SucceededGetScale ScalingActive=False/FailedGetExternalMetric "},
  };
  for (const Case& c : cases) {
    const World world({{100}, {100}});
    Facts facts = FactsOf(world, 2);
    c.change(facts);
    History history;
    const Plan plan = MakePlan(facts, world.usage(), history);
    EXPECT_EQ(plan.replicas, c.replicas) << c.what;
    EXPECT_EQ(Conditions(plan.status), c.conditions) << c.what;
  }
}

TEST(PlanTest, WithOneMetricUnknownItGrowsButDoesNotShrink) {
  const char* more = ", {type: External, external: {metric: {name: q}}}";
  const World busy({{100}, {100}});
  History history;
  EXPECT_EQ(MakePlan(FactsOf(busy, 2, more), busy.usage(), history).replicas, 4);
  const World idle({{1}, {1}});
  History other;
  EXPECT_EQ(MakePlan(FactsOf(idle, 2, more), idle.usage(), other).replicas, std::nullopt);
}

TEST(PlanTest, AConditionsTimeMovesWithItsStatus) {
  Value conditions = Value::Array();
  SetCondition(conditions, "A", true, "R", "m", kNow);
  const Value first = conditions.items()[0].At({"lastTransitionTime"});
  SetCondition(conditions, "A", true, "S", "n", kNow + 5);
  EXPECT_EQ(conditions.items()[0].At({"lastTransitionTime"}), first);
  SetCondition(conditions, "A", false, "S", "n", kNow + 5);
  EXPECT_FALSE(conditions.items()[0].At({"lastTransitionTime"}) == first);
  EXPECT_EQ(conditions.items().size(), 1u);
}

}  // namespace
}  // namespace keelson::hpa
