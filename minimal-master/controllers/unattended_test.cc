// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/unattended.h"

#include <gtest/gtest.h>

#include "minimal-master/schema/resources.h"

namespace keelson::controllers {
namespace {

TEST(UnattendedTest, SaysSoOfKindsThatAreServedOnly) {
  size_t told = 0;
  for (const schema::Resource& resource : schema::Resources()) {
    const std::string_view sentence = Unattended(resource.group(), resource.name());
    if (sentence.empty()) continue;
    ++told;
    EXPECT_TRUE(resource.Can("create")) << resource.name();
    EXPECT_NE(sentence.find(resource.kind()), std::string_view::npos) << sentence;
  }
  EXPECT_GT(told, 5u);
}

TEST(UnattendedTest, SaysNothingOfWhatIsAttendedTo) {
  for (const auto& [group, resource] :
       {std::pair{"", "pods"}, std::pair{"apps", "deployments"}, std::pair{"batch", "jobs"}}) {
    EXPECT_EQ(Unattended(group, resource), "") << resource;
  }
}

}  // namespace
}  // namespace keelson::controllers
