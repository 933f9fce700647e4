// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/bootstrap/objects.h"

#include <gtest/gtest.h>

#include <map>

namespace keelson::bootstrap {
namespace {

TEST(BootstrapObjects, AreWhatEveryClusterBeginsWith) {
  std::map<std::string, int> kinds;
  for (const json::Value& object : Objects()) {
    EXPECT_FALSE(object.At({"apiVersion"}).AsString().empty());
    EXPECT_FALSE(object.At({"metadata", "name"}).AsString().empty());
    ++kinds[object.At({"kind"}).AsString()];
  }
  EXPECT_EQ(kinds["Namespace"], 4);
  EXPECT_EQ(kinds["PriorityClass"], 2);
  EXPECT_EQ(kinds["ClusterRole"], 68);
  EXPECT_EQ(kinds["ClusterRoleBinding"], 49);
  EXPECT_EQ(kinds["FlowSchema"], 11);
}

}  // namespace
}  // namespace keelson::bootstrap
