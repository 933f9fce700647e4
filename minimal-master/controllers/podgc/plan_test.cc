// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/podgc/plan.h"

#include <gtest/gtest.h>

#include "minimal-master/control/times.h"

namespace keelson::controllers::podgc {
namespace {

using control::Write;
using json::Value;

constexpr int64_t kNow = 1'700'000'000'000'000'000;

pods::PodPtr Pod(const char* name, int64_t created, const char* reason = "") {
  auto facts = std::make_shared<pods::PodFacts>();
  watch::Contents contents;
  contents.name = name;
  facts->object = watch::ObjectPtr(new watch::Object(name, 1, contents));
  facts->phase = pods::Phase::kFailed;
  facts->created = created;
  facts->reason = reason;
  return facts;
}

TEST(PodGc, TheOldestGoBeyondTheThresholdEvictedOnesFirst) {
  const std::vector<pods::PodPtr> all{Pod("new", 30), Pod("old", 10), Pod("evicted", 40, "Evicted"),
                                      Pod("middle", 20)};
  EXPECT_TRUE(PlanExcess(all, 4).empty());
  const auto excess = PlanExcess(all, 2);
  ASSERT_EQ(excess.size(), 2u);
  EXPECT_EQ(excess[0]->name(), "evicted");
  EXPECT_EQ(excess[1]->name(), "old");
}

TEST(PodGc, ANodeIsOutOfServiceWhenItSaysSoAndDoesNotReport) {
  const char* taint =
      "spec: {taints: [{key: node.kubernetes.io/out-of-service, effect: NoExecute}]}";
  const auto node = [&](const char* status, bool tainted) {
    return *json::ParseYaml("{" + std::string(tainted ? taint : "spec: {}") +
                            ", status: {conditions: [{type: Ready, status: '" + status + "'}]}}");
  };
  EXPECT_TRUE(IsOutOfService(node("Unknown", true)));
  EXPECT_FALSE(IsOutOfService(node("True", true)));
  EXPECT_FALSE(IsOutOfService(node("False", false)));
}

TEST(PodGc, WhatHasNotEndedFailsBeforeItGoes) {
  const Value pod = *json::ParseYaml(
      "{metadata: {name: p, namespace: a, uid: u}, status: {phase: Running, conditions: [{type: "
      "Ready, status: 'True'}]}}");
  auto writes = PlanRemoval(pod, Reason::kOrphaned, kNow);
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].body.At({"status", "phase"}).AsString(), "Failed");
  const auto& conditions = writes[0].body.At({"status", "conditions"}).items();
  ASSERT_EQ(conditions.size(), 2u);
  EXPECT_EQ(conditions[1].At({"message"}).AsString(), "PodGC: node no longer exists");
  EXPECT_EQ(writes[1].verb, Write::Verb::kDelete);
  EXPECT_TRUE(writes[1].body.At({"gracePeriodSeconds"}).IsInt());
  EXPECT_EQ(PlanRemoval(pod, Reason::kUnscheduled, kNow)[0]
                .body.At({"status", "conditions"})
                .items()
                .size(),
            1u);
}

TEST(PodGc, WhatEndedGoesAtOnceAndIsAskedOnce) {
  EXPECT_EQ(PlanRemoval(*json::ParseYaml("{metadata: {name: p}, status: {phase: Succeeded}}"),
                        Reason::kEnded, kNow)
                .size(),
            1u);
  EXPECT_TRUE(PlanRemoval(*json::ParseYaml("{metadata: {name: p, finalizers: [x], "
                                           "deletionTimestamp: '2026-01-01T00:00:00Z', "
                                           "deletionGracePeriodSeconds: 0}, status: {phase: "
                                           "Failed}}"),
                          Reason::kOrphaned, kNow)
                  .empty());
}

}  // namespace
}  // namespace keelson::controllers::podgc
