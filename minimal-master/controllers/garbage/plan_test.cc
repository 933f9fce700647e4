// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/garbage/plan.h"

#include <gtest/gtest.h>

namespace keelson::controllers::garbage {
namespace {

using control::Write;
using json::Value;

Value Yaml(const char* text) { return *json::ParseYaml(text); }

Owner OwnerOf(const char* uid, OwnerState state) {
  return {Yaml(("{apiVersion: apps/v1, kind: ReplicaSet, name: o, uid: " + std::string(uid) + "}")
                   .c_str()),
          state};
}

constexpr char kOwned[] =
    "{metadata: {name: p, namespace: a, uid: u, resourceVersion: '7', ownerReferences: ["
    "{apiVersion: apps/v1, kind: ReplicaSet, name: o, uid: o1, blockOwnerDeletion: true},"
    "{apiVersion: apps/v1, kind: ReplicaSet, name: o, uid: o2}]}}";

Facts FactsOf(const char* object, std::vector<Owner> owners) {
  return {&control::ResourceNamed("", "pods"), Yaml(object), std::move(owners), {}};
}

TEST(GarbagePlan, OwnersDecideWhatBecomesOfAnObject) {
  struct Case {
    std::string_view name;
    OwnerState first, second;
    std::string_view expected;  // "", "delete <policy>", "keep <uids>"
  };
  const Case cases[] = {
      {"both are there", OwnerState::kThere, OwnerState::kThere, ""},
      {"one is gone", OwnerState::kAbsent, OwnerState::kThere, "keep o2"},
      {"one is going", OwnerState::kThere, OwnerState::kWaiting, "keep o1"},
      {"nobody knows one", OwnerState::kUnknownKind, OwnerState::kAbsent, "keep o1"},
      {"all are gone", OwnerState::kAbsent, OwnerState::kAbsent, "delete Background"},
      {"one is gone, one is going", OwnerState::kAbsent, OwnerState::kWaiting, "delete Background"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Planned planned =
        Plan(FactsOf(kOwned, {OwnerOf("o1", c.first), OwnerOf("o2", c.second)}));
    std::string got;
    if (!planned.writes.empty()) {
      const Write& write = planned.writes[0];
      if (write.verb == Write::Verb::kDelete) {
        got = "delete " + write.body.At({"propagationPolicy"}).AsString();
        EXPECT_EQ(write.body.At({"preconditions", "uid"}).AsString(), "u");
        EXPECT_EQ(write.body.At({"preconditions", "resourceVersion"}).AsString(), "7");
      } else {
        got = "keep";
        for (const Value& one : write.body.At({"metadata", "ownerReferences"}).items())
          got += " " + one.At({"uid"}).AsString();
        EXPECT_EQ(write.body.At({"metadata", "resourceVersion"}).AsString(), "7");
      }
    }
    EXPECT_EQ(got, c.expected);
  }
}

TEST(GarbagePlan, AnObjectThatWaitsForItsOwnGoesInTheForegroundWithItsOwner) {
  Facts facts = FactsOf(kOwned, {OwnerOf("o1", OwnerState::kWaiting)});
  facts.dependents.push_back({&control::ResourceNamed("", "secrets"),
                              Yaml("{metadata: {name: s, namespace: a, uid: s}}")});
  Planned planned = Plan(facts);
  ASSERT_EQ(planned.writes.size(), 1u);
  EXPECT_EQ(planned.writes[0].body.At({"propagationPolicy"}).AsString(), "Foreground");
  // A circle is cut: it blocks nobody any more.
  facts.dependents[0].object = Yaml(
      "{metadata: {name: s, namespace: a, uid: s, deletionTimestamp: '2026-01-01T00:00:00Z', "
      "finalizers: [foregroundDeletion]}}");
  planned = Plan(facts);
  ASSERT_EQ(planned.writes.size(), 2u);
  EXPECT_EQ(planned.writes[0].verb, Write::Verb::kMergePatch);
  EXPECT_FALSE(planned.writes[0]
                   .body.At({"metadata", "ownerReferences"})
                   .items()[0]
                   .At({"blockOwnerDeletion"})
                   .AsBool());
  EXPECT_TRUE(planned.writes[1].body.At({"preconditions", "resourceVersion"}).IsNull());
}

TEST(GarbagePlan, WhatGoesInTheForegroundWaitsForWhatBlocksIt) {
  Facts facts = FactsOf(
      "{metadata: {name: p, namespace: a, uid: u, resourceVersion: '7', deletionTimestamp: "
      "'2026-01-01T00:00:00Z', finalizers: [mine, foregroundDeletion]}}",
      {});
  facts.dependents.push_back(
      {&control::ResourceNamed("", "secrets"), Yaml("{metadata: {name: s, uid: s, ownerReferences: "
                                                    "[{uid: u, blockOwnerDeletion: true}]}}")});
  EXPECT_TRUE(Plan(facts).writes.empty());
  facts.dependents[0].object = Yaml("{metadata: {name: s, uid: s, ownerReferences: [{uid: u}]}}");
  const Planned planned = Plan(facts);
  ASSERT_EQ(planned.writes.size(), 1u);
  const Value& left = planned.writes[0].body.At({"metadata", "finalizers"});
  ASSERT_EQ(left.items().size(), 1u);
  EXPECT_EQ(left.items()[0].AsString(), "mine");
}

TEST(GarbagePlan, OrphansAreReleasedBeforeTheirOwnerGoes) {
  Facts facts = FactsOf(
      "{metadata: {name: p, namespace: a, uid: u, deletionTimestamp: '2026-01-01T00:00:00Z', "
      "finalizers: [orphan]}}",
      {});
  facts.dependents.push_back(
      {&control::ResourceNamed("", "secrets"),
       Yaml("{metadata: {name: s, namespace: a, uid: s, ownerReferences: [{uid: u}]}}")});
  const Planned planned = Plan(facts);
  ASSERT_EQ(planned.writes.size(), 2u);
  EXPECT_EQ(planned.writes[0].name, "s");
  // Null takes the member away.
  const Value* references = planned.writes[0].body.Find("metadata")->Find("ownerReferences");
  ASSERT_NE(references, nullptr);
  EXPECT_TRUE(references->IsNull());
  EXPECT_EQ(planned.writes[1].name, "p");
  ASSERT_NE(planned.writes[1].body.Find("metadata")->Find("finalizers"), nullptr);
}

}  // namespace
}  // namespace keelson::controllers::garbage
