// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodettl/controller.h"

#include <gtest/gtest.h>

namespace keelson::controllers::nodettl {
namespace {

TEST(NodeTtl, GrowsWithTheCluster) {
  EXPECT_EQ(SecondsOf(NextStep(0, 1)), 0);
  EXPECT_EQ(SecondsOf(NextStep(0, 100)), 0);
  EXPECT_EQ(SecondsOf(NextStep(0, 101)), 15);
  EXPECT_EQ(SecondsOf(NextStep(1, 95)), 15) << "there is some play";
  EXPECT_EQ(SecondsOf(NextStep(1, 89)), 0);
  EXPECT_EQ(SecondsOf(NextStep(0, 5000)), 300);
}

TEST(NodeTtl, IsWrittenOnce) {
  const json::Value node = *json::ParseYaml("{metadata: {name: n, uid: u}}");
  const auto write = PlanNode(node, 15);
  ASSERT_TRUE(write);
  EXPECT_EQ(write->body.At({"metadata", "annotations", "node.alpha.kubernetes.io/ttl"}).AsString(),
            "15");
  EXPECT_FALSE(PlanNode(write->body, 15));
}

}  // namespace
}  // namespace keelson::controllers::nodettl
