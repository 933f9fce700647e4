// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/master/kill_clients.h"

namespace keelson::kill {
namespace {

void CheckWriter(const Writer& writer, const std::map<std::string, std::string>& there) {
  for (const std::string& problem : writer.problems()) ADD_FAILURE() << problem;
  for (const auto& [key, value] : writer.expected()) {
    const auto found = there.find(key);
    if (value.empty()) {
      EXPECT_TRUE(found == there.end()) << key << " was deleted and is there";
    } else if (found == there.end()) {
      ADD_FAILURE() << key << " was acknowledged and is not there";
    } else {
      EXPECT_EQ(found->second, value) << key;
    }
  }
}

void CheckFollower(const Follower& follower, const std::map<int64_t, std::string>& given,
                   const std::map<std::string, std::string>& there) {
  for (const std::string& problem : follower.problems()) ADD_FAILURE() << problem;
  for (const auto& [revision, text] : given) {
    if (!follower.Concerns(text)) continue;
    const auto seen = follower.seen().find(revision);
    if (seen == follower.seen().end()) {
      ADD_FAILURE() << "a watch has not seen revision " << revision << ": " << text;
    } else {
      EXPECT_EQ(seen->second, text);
    }
  }
  EXPECT_EQ(follower.state(), Below(follower.list(), there));
}

}  // namespace

void CheckAll(const std::vector<std::unique_ptr<Writer>>& writers,
              const std::vector<std::unique_ptr<Follower>>& followers,
              const std::map<std::string, std::string>& there) {
  std::map<int64_t, std::string> given;  // resourceVersions to what they were given to
  for (const auto& writer : writers) {
    for (const Acknowledged& one : writer->acknowledgements()) {
      const auto [at, fresh] = given.emplace(one.revision, one.key + "=" + one.value);
      EXPECT_TRUE(fresh) << one.revision << " was given to " << at->second << " and to " << one.key;
    }
    CheckWriter(*writer, there);
  }
  for (const auto& follower : followers) CheckFollower(*follower, given, there);
}

}  // namespace keelson::kill
