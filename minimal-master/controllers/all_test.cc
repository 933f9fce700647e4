// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/all.h"

#include <gtest/gtest.h>

namespace keelson::controllers {
namespace {

TEST(Controllers, AreChosenByName) {
  EXPECT_TRUE(IsEnabled({"*"}, "a"));
  EXPECT_FALSE(IsEnabled({"*", "-a"}, "a"));
  EXPECT_TRUE(IsEnabled({"*", "-a"}, "b"));
  EXPECT_TRUE(IsEnabled({"a"}, "a"));
  EXPECT_FALSE(IsEnabled({"a"}, "b"));
  EXPECT_FALSE(IsEnabled({}, "a"));
}

}  // namespace
}  // namespace keelson::controllers
