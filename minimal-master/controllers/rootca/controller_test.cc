// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/rootca/controller.h"

#include <gtest/gtest.h>

namespace keelson::controllers::rootca {
namespace {

TEST(RootCaPlan, PublishesTheCertificateAndKeepsItRight) {
  EXPECT_TRUE(Plan({"a", false, {}, "PEM"}).writes.empty());
  const Planned made = Plan({"a", true, {}, "PEM"});
  ASSERT_EQ(made.writes.size(), 1u);
  const json::Value map = made.writes[0].body;
  EXPECT_EQ(map.At({"data", "ca.crt"}).AsString(), "PEM");
  EXPECT_TRUE(Plan({"a", true, map, "PEM"}).writes.empty());
  const Planned changed = Plan({"a", true, map, "OTHER"});
  ASSERT_EQ(changed.writes.size(), 1u);
  EXPECT_EQ(changed.writes[0].verb, control::Write::Verb::kUpdate);
  EXPECT_EQ(changed.writes[0].body.At({"data", "ca.crt"}).AsString(), "OTHER");
}

}  // namespace
}  // namespace keelson::controllers::rootca
