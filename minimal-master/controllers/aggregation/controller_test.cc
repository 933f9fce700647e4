// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/aggregation/controller.h"

#include <gtest/gtest.h>

namespace keelson::controllers::aggregation {
namespace {

using json::Value;

Value Yaml(const char* text) { return *json::ParseYaml(text); }

TEST(RoleAggregation, HoldsEveryRuleOnce) {
  const Value role = Yaml("{metadata: {name: admin, uid: u, resourceVersion: '3'}}");
  EXPECT_TRUE(Plan(role, {}).writes.empty());
  const Planned planned = Plan(role, {Yaml("[{verbs: [get]}, {verbs: [list]}]"),
                                      Yaml("[{verbs: [list]}, {verbs: [x]}]"), Value()});
  ASSERT_EQ(planned.writes.size(), 1u);
  EXPECT_EQ(planned.writes[0].body.At({"rules"}), Yaml("[{verbs: [get]}, {verbs: [list]}, {verbs: "
                                                       "[x]}]"));
  EXPECT_EQ(planned.writes[0].body.At({"metadata", "resourceVersion"}).AsString(), "3");
}

TEST(RoleAggregation, WhatIsRightIsLeftAndWhatIsGoneGoes) {
  const Value role = Yaml("{metadata: {name: admin}, rules: [{verbs: [get]}]}");
  EXPECT_TRUE(Plan(role, {Yaml("[{verbs: [get]}]")}).writes.empty());
  const Planned planned = Plan(role, {});
  ASSERT_EQ(planned.writes.size(), 1u);
  EXPECT_TRUE(planned.writes[0].body.At({"rules"}).items().empty());
}

}  // namespace
}  // namespace keelson::controllers::aggregation
