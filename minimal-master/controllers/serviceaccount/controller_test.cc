// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/serviceaccount/controller.h"

#include <gtest/gtest.h>

namespace keelson::controllers::serviceaccount {
namespace {

TEST(ServiceAccountPlan, ALivingNamespaceHasItsDefault) {
  EXPECT_TRUE(Plan({"a", true, true}).writes.empty());
  EXPECT_TRUE(Plan({"a", false, false}).writes.empty());
  const Planned planned = Plan({"a", true, false});
  ASSERT_EQ(planned.writes.size(), 1u);
  EXPECT_EQ(planned.writes[0].verb, control::Write::Verb::kCreate);
  EXPECT_EQ(planned.writes[0].ns, "a");
  EXPECT_EQ(planned.writes[0].name, "default");
}

}  // namespace
}  // namespace keelson::controllers::serviceaccount
