// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/reviews.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/node_api/api_reviews.h"
#include "kubelet/node_api/fake_reviews.h"
#include "lib/base/fake_clock.h"

namespace keelson::node_api {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

struct Cached : testing::Test {
  base::ManualClock clock;
  FakeReviews fake;
  CachedReviews reviews{fake, clock};
  Question Asks(const std::string& user, const std::string& verb = "get") {
    return {{.name = user, .uid = "", .groups = {"g"}, .extra = {}}, verb, "metrics", "node-1"};
  }
};

TEST_F(Cached, TokensHoldForTwoMinutes) {
  fake.Knows("t", {.name = "alice", .uid = "", .groups = {}, .extra = {}});
  EXPECT_EQ(reviews.Token("t").value()->name, "alice");
  EXPECT_EQ(reviews.Token("t").value()->name, "alice");
  EXPECT_FALSE(reviews.Token("foreign").value());
  EXPECT_FALSE(reviews.Token("foreign").value());
  EXPECT_EQ(fake.asked(), 2);
  fake.Forgets("t");
  clock.Advance(minutes(2) - seconds(1));
  EXPECT_TRUE(reviews.Token("t").value());
  clock.Advance(seconds(1));
  EXPECT_FALSE(reviews.Token("t").value());
}

TEST_F(Cached, WhatIsAllowedHoldsForFiveMinutesAndARefusalForThirtySeconds) {
  fake.Allow("alice", "get", "metrics");
  EXPECT_TRUE(reviews.Access(Asks("alice")).value());
  EXPECT_FALSE(reviews.Access(Asks("bob")).value());
  fake.Allow("bob", "get", "metrics");
  fake.Disallow("alice", "get", "metrics");
  clock.Advance(seconds(29));
  EXPECT_TRUE(reviews.Access(Asks("alice")).value());
  EXPECT_FALSE(reviews.Access(Asks("bob")).value());
  EXPECT_EQ(fake.asked(), 2);
  clock.Advance(seconds(1));
  EXPECT_TRUE(reviews.Access(Asks("bob")).value());
  clock.Advance(minutes(5));
  EXPECT_FALSE(reviews.Access(Asks("alice")).value());
}

TEST_F(Cached, ErrorsAreNotKept) {
  fake.Allow("alice", "get", "metrics");
  fake.FailNext(2);
  EXPECT_FALSE(reviews.Access(Asks("alice")).ok());
  EXPECT_FALSE(reviews.Token("t").ok());
  EXPECT_TRUE(reviews.Access(Asks("alice")).value());
}

TEST_F(Cached, WhoeverDiffersInAnythingIsAskedForAnew) {
  fake.Allow("alice", "get", "metrics");
  EXPECT_TRUE(reviews.Access(Asks("alice")).value());
  EXPECT_FALSE(reviews.Access(Asks("alice", "create")).value());
  Question other = Asks("alice");
  other.user.groups = {"g", "h"};
  EXPECT_TRUE(reviews.Access(other).value());
  other.user.extra["k"] = {"v"};
  EXPECT_TRUE(reviews.Access(other).value());
  EXPECT_EQ(fake.asked(), 4);
}

TEST(KeptAnswers, AreBoundedAndTheOldestGoFirst) {
  KeptAnswers<int> kept(2);
  const base::SteadyTime now{}, later = now + minutes(1);
  kept.Put("a", 1, later);
  kept.Put("b", 2, later);
  kept.Put("a", 3, later);  // is the newest again
  kept.Put("c", 4, later);
  EXPECT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept.Find("a", now), 3);
  EXPECT_EQ(kept.Find("b", now), std::nullopt);
  EXPECT_EQ(kept.Find("c", later), std::nullopt);
}

TEST(ApiReviews, AskAsUpstreamDoes) {
  const Question question{
      {.name = "alice", .uid = "7", .groups = {"ops"}, .extra = {{"k", {"v"}}}}, "get", "log", "n"};
  EXPECT_EQ(
      json::WriteJson(AccessReview(question)),
      R"({"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"resourceAttributes":{"verb":"get","version":"v1","resource":"nodes","subresource":"log","name":"n"},"user":"alice","groups":["ops"],"extra":{"k":["v"]},"uid":"7"}})");
  EXPECT_EQ(
      json::WriteJson(TokenReview("t")),
      R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t"}})");
}

TEST(ApiReviews, OnlyAClearYesIsOne) {
  const auto access = [](const char* text) {
    return ReadAccessReview(json::ParseJson(text).value());
  };
  EXPECT_TRUE(access(R"({"status":{"allowed":true}})").value());
  EXPECT_FALSE(access(R"({"status":{"allowed":false,"evaluationError":"no such role"}})").value());
  EXPECT_FALSE(access(R"({"status":{"allowed":"true"}})").value());
  EXPECT_FALSE(access(R"({"status":{"allowed":true,"denied":true}})").ok());
  EXPECT_FALSE(access(R"({})").ok());
  const auto token = [](const char* text) {
    return ReadTokenReview(json::ParseJson(text).value());
  };
  EXPECT_EQ(
      token(
          R"({"status":{"authenticated":true,"user":{"username":"a","groups":["g"],"extra":{"k":["v"]}}}})")
          .value()
          ->extra.at("k"),
      std::vector<std::string>{"v"});
  EXPECT_FALSE(token(R"({"status":{"user":{"username":"a"}}})").value());
  EXPECT_FALSE(token(R"({"status":{"authenticated":true,"user":{}}})").ok());
  EXPECT_FALSE(token(R"({"status":{"error":"expired"}})").ok());
}

}  // namespace
}  // namespace keelson::node_api
