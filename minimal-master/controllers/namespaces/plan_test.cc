// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/namespaces/plan.h"

#include <gtest/gtest.h>

#include "minimal-master/control/times.h"

namespace keelson::controllers::namespaces {
namespace {

using json::Value;

constexpr char kSpace[] =
    "{metadata: {name: a, deletionTimestamp: '2026-01-01T00:00:00Z'}, spec: {finalizers: "
    "[kubernetes]}, status: {phase: Terminating}}";

Value Yaml(const std::string& text) { return *json::ParseYaml(text); }
Content Pods(const char* text) { return {&control::ResourceNamed("", "pods"), {Yaml(text)}}; }
Content Maps(const char* text) { return {&control::ResourceNamed("", "configmaps"), {Yaml(text)}}; }
Rest RestOf(std::vector<Content> contents, const char* now = "2026-01-01T00:00:00Z") {
  return {Yaml(kSpace), std::move(contents), {}, *control::ReadTime(now)};
}
std::string Condition(const Planned& planned, const char* type, const char* field) {
  if (planned.writes.empty()) return "nothing is written";
  for (const Value& one : planned.writes[0].body.At({"status", "conditions"}).items()) {
    if (one.At({"type"}).AsString() == type) return one.At({field}).AsString();
  }
  return "no such condition";
}

TEST(NamespaceEnd, PodsGoBeforeEverythingElse) {
  const std::vector<Content> all{Pods("{metadata: {name: p, namespace: a, uid: u}}"),
                                 Maps("{metadata: {name: m, namespace: a}}")};
  auto writes = PlanDeletes(all);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].name, "p");
  EXPECT_EQ(writes[0].body.At({"propagationPolicy"}).AsString(), "Background");
  writes = PlanDeletes({all[1]});
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].name, "m");
}

TEST(NamespaceEnd, WhatGoesAlreadyIsNotDeletedAgain) {
  EXPECT_TRUE(PlanDeletes({Maps("{metadata: {name: m, deletionTimestamp: '2026-01-01T00:00:00Z', "
                                "finalizers: [x]}}")})
                  .empty());
  // But what would wait for its dependents does not.
  EXPECT_EQ(PlanDeletes({Maps("{metadata: {name: m, deletionTimestamp: '2026-01-01T00:00:00Z', "
                              "finalizers: [foregroundDeletion]}}")})
                .size(),
            1u);
}

TEST(NamespaceEnd, SaysWhatIsLeftInUpstreamsWords) {
  Rest rest = RestOf({Maps("{metadata: {name: m, finalizers: [b/x, a/x]}}"),
                      {&control::ResourceNamed("apps", "deployments"), {Value(), Value()}}});
  rest.errors = {"second", "first"};
  const Planned planned = PlanEnd(rest);
  ASSERT_EQ(planned.writes.size(), 1u);
  EXPECT_EQ(planned.writes[0].subresource, "status");
  EXPECT_EQ(Condition(planned, "NamespaceContentRemaining", "message"),
            "Some resources are remaining: configmaps. has 1 resource instances, deployments.apps "
            "has 2 resource instances");
  EXPECT_EQ(Condition(planned, "NamespaceFinalizersRemaining", "message"),
            "Some content in the namespace has finalizers remaining: a/x in 1 resource instances, "
            "b/x in 1 resource instances");
  EXPECT_EQ(Condition(planned, "NamespaceDeletionContentFailure", "message"),
            "Failed to delete all resource types, 2 remaining: first, second");
  EXPECT_EQ(Condition(planned, "NamespaceDeletionContentFailure", "reason"),
            "ContentDeletionFailed");
  EXPECT_EQ(Condition(planned, "NamespaceDeletionDiscoveryFailure", "status"), "False");
  EXPECT_EQ(planned.again, std::chrono::seconds(8));
  // The same again is not written.
  rest.space = planned.writes[0].body;
  rest.now += 5'000'000'000;
  EXPECT_TRUE(PlanEnd(rest).writes.empty());
}

TEST(NamespaceEnd, PodsHaveTheirGrace) {
  const char* pod = "{metadata: {name: p}, spec: {terminationGracePeriodSeconds: 30}}";
  EXPECT_EQ(PlanEnd(RestOf({Pods(pod)})).again, std::chrono::seconds(16));
  EXPECT_EQ(PlanEnd(RestOf({Pods(pod)}, "2026-01-01T00:01:00Z")).again, std::chrono::seconds(1));
}

TEST(NamespaceEnd, AnEmptyOneLosesItsFinalizerAndNoOther) {
  Rest rest = RestOf({});
  rest.space.Find("spec")->Find("finalizers")->Append(Value("x.io/mine"));
  const Planned planned = PlanEnd(rest);
  ASSERT_EQ(planned.writes.size(), 1u);
  EXPECT_EQ(planned.writes[0].subresource, "finalize");
  const Value& kept = planned.writes[0].body.At({"spec", "finalizers"});
  ASSERT_EQ(kept.items().size(), 1u);
  EXPECT_EQ(kept.items()[0].AsString(), "x.io/mine");
  EXPECT_FALSE(planned.again);
}

}  // namespace
}  // namespace keelson::controllers::namespaces
