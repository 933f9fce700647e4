// SPDX-License-Identifier: Apache-2.0
#include "tests/master/golden.h"

#include <gtest/gtest.h>

namespace keelson::golden {
namespace {

TEST(Golden, ReadsItsFiles) {
  EXPECT_EQ(Cases("defaults").size(), 231u);
  EXPECT_EQ(Cases("errors").size(), 2189u);
  EXPECT_EQ(Mutations().size(), 2269u);
  EXPECT_FALSE(Prelude("defaults").empty());
  EXPECT_EQ(File("bootstrap").At({"fresh"}).items().size(), 188u);
}

TEST(Golden, RequestsHaveTheirBodies) {
  for (const Case& each : Cases("errors")) {
    if (each.name == "media-proto-garbage") {
      EXPECT_EQ(each.request.body, std::string("k8s\0garbage", 11));
    } else if (each.name == "too-large-3mb") {
      EXPECT_GT(each.request.body.size(), 3200000u);
    } else if (each.name == "fv-yaml-Strict") {
      EXPECT_EQ(each.request.content_type, "application/yaml");
    } else if (each.name == "media-none") {
      EXPECT_EQ(each.request.content_type, "");
    }
  }
}

TEST(Golden, PlaceholdersMatchAnyText) {
  EXPECT_TRUE(Matches("<uid>", "b5c4e1"));
  EXPECT_TRUE(Matches("kube-api-access-<suffix>", "kube-api-access-x7k2p"));
  EXPECT_TRUE(Matches("a <uid> b <rv>", "a 1 b 2"));
  EXPECT_FALSE(Matches("a <uid> b", "a 1 c"));
  EXPECT_TRUE(Matches("x < y > z", "x < y > z"));
  EXPECT_FALSE(Matches("plain", "other"));
}

TEST(Golden, DifferencesNameTheirPlace) {
  const json::Value recorded =
      *json::ParseJson(R"({"a":{"b":[1,"<uid>"],"c":true},"p":"<nodePort>"})");
  const json::Value same = *json::ParseJson(R"({"p":30001,"a":{"c":true,"b":[1,"x"]}})");
  EXPECT_TRUE(Differences(recorded, same).empty());
  const json::Value other = *json::ParseJson(R"({"a":{"b":[2,"x"],"d":1},"p":30001})");
  const std::vector<std::string> wrong = Differences(recorded, other);
  ASSERT_EQ(wrong.size(), 3u);
  EXPECT_EQ(wrong[0], ".a.b[0]: 2 instead of 1");
  EXPECT_EQ(wrong[1], ".a.c: missing, recorded true");
  EXPECT_EQ(wrong[2], ".a.d: 1, not recorded");
}

}  // namespace
}  // namespace keelson::golden
