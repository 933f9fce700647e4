// SPDX-License-Identifier: Apache-2.0
#include "kubelet/credentials/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::credentials {
namespace {

constexpr char kV1[] = "credentialprovider.kubelet.k8s.io/v1";

std::string Answer(const std::string& fields) {
  return R"({"kind":"CredentialProviderResponse","apiVersion":")" + std::string(kV1) + "\"," +
         fields + "}";
}

TEST(Exchange, AsksInThePluginsVersion) {
  EXPECT_EQ(
      EncodeRequest(kV1, "r.example/app"),
      R"({"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1",)"
      R"("image":"r.example/app"})"
      "\n");
}

TEST(Exchange, ReadsWhatAnswersSay) {
  const auto read = DecodeResponse(
      Answer(R"("cacheKeyType":"Registry","cacheDuration":"1h30m","auth":{"r.example":{)"
             R"("username":"u","password":"p"}})"),
      kV1);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->good_for, Response::For::kRegistry);
  EXPECT_EQ(read->good_for_long, std::chrono::minutes(90));
  EXPECT_EQ(read->entries.at("r.example").auth.username(), "u");
  EXPECT_EQ(read->entries.at("r.example").auth.password(), "p");
  const auto nothing = DecodeResponse(Answer(R"("cacheKeyType":"Global")"), kV1);
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->good_for_long.has_value());
  EXPECT_TRUE(nothing->entries.empty());
}

TEST(Exchange, WhatCannotBeReadIsSaidWithoutItsWords) {
  for (const std::string& text :
       {std::string(), std::string("hunter2"), std::string("[\"hunter2\"]"),
        std::string(R"({"kind":"CredentialProviderResponse","apiVersion":"hunter2"})"),
        std::string(R"({"kind":"hunter2"})"), Answer(R"("auth":{})"),
        Answer(R"("cacheKeyType":"hunter2")"), Answer(R"("cacheKeyType":"Image","hunter2":1)"),
        Answer(R"("cacheKeyType":"Image","cacheDuration":"hunter2")"),
        Answer(R"("cacheKeyType":"Image","auth":["hunter2"])"),
        Answer(R"("cacheKeyType":"Image","auth":{"r":{"hunter2":"x"}})"),
        Answer(R"("cacheKeyType":"Image","auth":{"r":{"username":7}})")}) {
    const auto read = DecodeResponse(text, kV1);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().message(), testing::Not(testing::HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace keelson::credentials
