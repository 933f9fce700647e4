// SPDX-License-Identifier: Apache-2.0
#include "runtime/fetch/challenge.h"

#include <gtest/gtest.h>

#include "runtime/fetch/protocol.h"

namespace keelson::fetch {
namespace {

TEST(Challenge, ReadsWhatRegistriesSay) {
  const auto one = ParseChallenges(
      {R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")"});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].scheme, "bearer");
  EXPECT_EQ(one[0].parameters.at("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(one[0].parameters.at("scope"), "repository:a/b:pull,push");
}

TEST(Challenge, ReadsSeveralInOneHeaderAndInMany) {
  const auto many = ParseChallenges(
      {R"(Negotiate, BASIC realm = "a \"b\" c" , charset=UTF-8)", R"(Bearer realm=x)"});
  ASSERT_EQ(many.size(), 3u);
  EXPECT_EQ(many[0].scheme, "negotiate");
  EXPECT_EQ(many[1].scheme, "basic");
  EXPECT_EQ(many[1].parameters.at("realm"), "a \"b\" c");
  EXPECT_EQ(many[1].parameters.at("charset"), "UTF-8");
  EXPECT_EQ(many[2].parameters.at("realm"), "x");
}

TEST(Challenge, MalformedOnesEndTheList) {
  EXPECT_TRUE(ParseChallenges({}).empty());
  EXPECT_TRUE(ParseChallenges({""}).empty());
  EXPECT_TRUE(ParseChallenges({"\"Basic\""}).empty());
  EXPECT_TRUE(ParseChallenges({"realm=x"}).empty());
  const auto open = ParseChallenges({R"(Bearer realm="never closed)"});
  ASSERT_EQ(open.size(), 1u);
  EXPECT_TRUE(open[0].parameters.empty());
}

TEST(FetchProtocol, BringsBackWhatWasSaid) {
  Config config;
  config.repository = "a/b";
  config.accept = {"x", "y"};
  Endpoint endpoint;
  endpoint.base = "https://h/v2";
  endpoint.can_resolve = false;
  endpoint.headers = {{"k", "v"}};
  endpoint.credentials.password = "p";
  config.endpoints = {endpoint};
  const Config back = DecodeConfig(Encode(config)).value();
  EXPECT_EQ(back.repository, "a/b");
  ASSERT_EQ(back.endpoints.size(), 1u);
  EXPECT_FALSE(back.endpoints[0].can_resolve);
  EXPECT_TRUE(back.endpoints[0].can_pull);
  EXPECT_EQ(back.endpoints[0].headers, endpoint.headers);
  EXPECT_EQ(back.endpoints[0].credentials.password, "p");
  const auto error = DecodeReply(Encode(base::Result<Reply>(base::NotFound("no\nsuch"))));
  EXPECT_EQ(error.error().code(), base::Code::kNotFound);
  EXPECT_EQ(error.error().message(), "no?such");
  const std::string whole = Encode(config);
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(DecodeConfig(std::string_view(whole).substr(0, n)).ok());
}

}  // namespace
}  // namespace keelson::fetch
