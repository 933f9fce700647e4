// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::image_gc {
namespace {

using Of = Credential::Of;
using testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

Credential Secret(const std::string& name, const std::string& hash, const std::string& uid = "u") {
  return {.auth = {}, .of = Of::kSecret, .source = {"team", name, uid, hash}};
}
Credential Account(const std::string& name) {
  return {.auth = {}, .of = Of::kServiceAccount, .source = {"team", name, "u", ""}};
}

TEST(PullRecord, HasTheNamesAndWordsOfUpstreams) {
  // What an upstream kubelet of 1.35 writes.
  const std::string text =
      R"({"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1",)"
      R"("lastUpdatedTime":"2026-01-02T03:04:05Z","imageRef":"sha256:ab","credentialMapping":{)"
      R"("r.example/app":{"kubernetesSecrets":[{"uid":"u","namespace":"team","name":"s",)"
      R"("credentialHash":"ff"}]},"r.example/open":{"nodePodsAccessible":true},)"
      R"("r.example/sa":{"kubernetesServiceAccounts":[{"uid":"u","namespace":"team","name":"a"}]}}})"
      "\n";
  const base::Result<PulledRecord> record = DecodeRecord(text);
  ASSERT_TRUE(record.ok()) << record.error().message();
  EXPECT_EQ(record->image_ref, "sha256:ab");
  EXPECT_EQ(record->by_repository.at("r.example/app").secrets[0], Secret("s", "ff").source);
  EXPECT_TRUE(record->by_repository.at("r.example/open").everybody);
  EXPECT_EQ(EncodeRecord(*record), text);
  EXPECT_EQ(DecodeIntent(EncodeIntent("r.example/app:1")).value(), "r.example/app:1");
  EXPECT_EQ(RecordName("abc"),
            "sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  cri::AuthConfig auth;
  auth.set_username("u");
  auth.set_password("p");
  EXPECT_EQ(HashOf(auth), RecordName(R"({"username":"u","password":"p"})").substr(7));
}

TEST(PullRecord, WhatCannotBeReadOrIsAnothersIsNoRecord) {
  const std::string head =
      R"({"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1beta1",)";
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), head + R"("imageRef":""})",
        head + R"("imageRef":"a","more":1})", head + R"("imageRef":"a","lastUpdatedTime":"now"})",
        head + R"("imageRef":"a","credentialMapping":[]})",
        head + R"("imageRef":"a","credentialMapping":{"r":{"nodePodsAccessibel":true}}})",
        head + R"("imageRef":"a","credentialMapping":{"r":{"kubernetesSecrets":[{"uid":1}]}}})",
        std::string(R"({"kind":"ImagePulledRecord","apiVersion":"v1","imageRef":"a"})"),
        EncodeIntent("a")}) {
    EXPECT_FALSE(DecodeRecord(text).ok()) << text;
  }
  EXPECT_FALSE(DecodeIntent(EncodeRecord({"a", 0, {}})).ok());
}

TEST(PullRecord, GrowsByWhoMayUseIt) {
  PulledRecord record{"sha256:ab", 0, {}};
  const auto add = [&](const Credential& by, int64_t now) {
    return Merge(record, "r", AccessOf(by), now);
  };
  EXPECT_TRUE(add(Secret("s", "1"), kSecond));
  EXPECT_FALSE(add(Secret("s", "1"), 2 * kSecond)) << "as it was";
  EXPECT_TRUE(add(Secret("s", "2"), 3 * kSecond)) << "the same secret holds another";
  EXPECT_TRUE(add(Secret("a", "3"), 4 * kSecond));
  EXPECT_TRUE(add(Account("x"), 5 * kSecond));
  EXPECT_EQ(record.by_repository.at("r").secrets,
            (std::vector<Source>{Secret("a", "3").source, Secret("s", "2").source}));
  EXPECT_EQ(record.updated, 5 * kSecond);
  EXPECT_TRUE(add({}, 6 * kSecond)) << "without any";
  EXPECT_TRUE(record.by_repository.at("r").everybody);
  EXPECT_TRUE(record.by_repository.at("r").secrets.empty());
  EXPECT_FALSE(add(Secret("s", "4"), 7 * kSecond)) << "everybody already";
  EXPECT_FALSE(Merge(record, "other", {}, 8 * kSecond));
}

TEST(PullRecord, WhoMayUseAnImage) {
  Access access;
  access.secrets = {Secret("s", "1").source};
  access.accounts = {Account("x").source};
  struct Case {
    const char* name;
    std::vector<Credential> own;
    bool may;
    std::optional<Source> renewed = std::nullopt;
  };
  const Case cases[] = {
      {"nobody in particular", {}, false},
      {"the node's", {{}}, false},
      {"the same secret", {Secret("s", "1")}, true},
      {"the same secret with another password", {Secret("s", "2")}, true, Secret("s", "2").source},
      {"another secret with the same password", {Secret("t", "1")}, true, Secret("t", "1").source},
      {"another secret of its name", {Secret("s", "2", "other")}, false},
      {"another secret", {Secret("t", "2")}, false},
      {"one of two", {Secret("t", "2"), Secret("s", "1")}, true},
      {"the same account", {Account("x")}, true},
      {"another account", {Account("y")}, false},
  };
  for (const Case& one : cases) {
    std::optional<Source> renewed;
    EXPECT_EQ(MayUse(access, one.own, &renewed), one.may) << one.name;
    EXPECT_EQ(renewed, one.renewed) << one.name;
  }
  std::optional<Source> renewed;
  EXPECT_FALSE(MayUse({}, {Secret("s", "")}, &renewed)) << "known of nobody";
  access.secrets[0].hash = "";
  EXPECT_FALSE(MayUse(access, {Secret("t", "")}, &renewed)) << "nothing is no password";
}

TEST(PullRecord, PoliciesSayWhenItIsLookedAt) {
  const auto verifies = [](const std::string& policy, const std::vector<std::string>& allowed,
                           const std::string& image, bool pulled) {
    return MustVerify(ParseVerification(policy, allowed).value(), image, pulled);
  };
  EXPECT_FALSE(verifies("NeverVerify", {}, "a", true));
  EXPECT_TRUE(verifies("NeverVerifyPreloadedImages", {}, "a", true));
  EXPECT_FALSE(verifies("NeverVerifyPreloadedImages", {}, "a", false));
  EXPECT_TRUE(verifies("AlwaysVerify", {}, "a", false));
  const std::vector<std::string> allowed = {"r.example/base/*", "r.example:5000/app"};
  const auto listed = [&](const std::string& image) {
    return !verifies("NeverVerifyAllowlistedImages", allowed, image, true);
  };
  EXPECT_TRUE(listed("r.example/base/one:1"));
  EXPECT_TRUE(listed("r.example:5000/app:2"));
  EXPECT_TRUE(listed("r.example:5000/app@sha256:00"));
  EXPECT_FALSE(listed("r.example/basement:1"));
  EXPECT_FALSE(listed("r.example:5000/app/two"));
}

TEST(PullRecord, RefusesPatternsThatMeanNothing) {
  for (const char* pattern :
       {"", "/*", "*", "r.example/*/a", "a*/*", "app:1", "app@sha256:0", " a"})
    EXPECT_FALSE(ParseVerification("NeverVerifyAllowlistedImages", {pattern}).ok()) << pattern;
  EXPECT_FALSE(ParseVerification("Never", {}).ok());
  EXPECT_THAT(ParseVerification("AlwaysVerify", {"a"}).error().message(),
              HasSubstr("preloadedImagesVerificationAllowlist"));
}

}  // namespace
}  // namespace keelson::image_gc
