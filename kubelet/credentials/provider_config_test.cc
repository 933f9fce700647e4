// SPDX-License-Identifier: Apache-2.0
#include "kubelet/credentials/provider_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::credentials {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string Config(const std::string& provider) {
  return "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n" +
         provider;
}
std::string Provider(const std::string& name, const std::string& more = "") {
  return "- name: " + name +
         "\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n  matchImages: "
         "['*.r.example:5000']\n"
         "  defaultCacheDuration: 12h\n" +
         more;
}

TEST(ProviderConfig, SaysWhichProgramKnowsWhichImages) {
  const auto read = ParseProviders(Config(
      Provider("cloud", "  args: [get, --all]\n  env: [{name: AWS_PROFILE, value: node}]\n")));
  ASSERT_TRUE(read.ok()) << read.error().message();
  ASSERT_EQ(read->size(), 1u);
  const credentials::Provider& one = read->front();
  EXPECT_EQ(one.name, "cloud");
  EXPECT_EQ(one.api_version, "credentialprovider.kubelet.k8s.io/v1");
  EXPECT_THAT(one.match_images, ElementsAre("*.r.example:5000"));
  EXPECT_EQ(one.default_cache_duration, std::chrono::hours(12));
  EXPECT_THAT(one.arguments, ElementsAre("get", "--all"));
  EXPECT_THAT(one.environment, ElementsAre(Pair("AWS_PROFILE", "node")));
}

TEST(ProviderConfig, WhatIsWrongIsNamedWithItsLine) {
  const std::pair<std::string, std::string> cases[] = {
      {"kind: Pod\n", "no CredentialProviderConfig"},
      {Config("[]\n"), "at least one"},
      {Config(Provider("../up")), "not the name of a program"},
      {Config(Provider("a") + Provider("a")), "two providers have the name 'a'"},
      {Config(Provider("a", "  arg: []\n")), "line 8: unknown field"},
      {Config(Provider("a", "  args: x\n")), "line 8: args: expected a list"},
      {Config(Provider("a", "  env: [{name: 'A=B', value: c}]\n")), "no name of a variable"},
      {Config(Provider("a", "  tokenAttributes: {}\n")), "line 8: tokenAttributes"},
      {Config("- name: a\n  apiVersion: v1\n  matchImages: [b]\n  defaultCacheDuration: 1s\n"),
       "apiVersion: 'v1'"},
      {Config("- name: a\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n"
              "  defaultCacheDuration: 1s\n"),
       "matchImages: at least one"},
      {Config("- name: a\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n"
              "  matchImages: ['https://b']\n  defaultCacheDuration: 1s\n"),
       "no registry's name"},
      {Config("- name: a\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n"
              "  matchImages: [b]\n  defaultCacheDuration: soon\n"),
       "line 7: defaultCacheDuration"},
      {Config(
           "- name: a\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n  matchImages: [b]\n"),
       "defaultCacheDuration: required"},
  };
  for (const auto& [text, error] : cases) {
    const auto read = ParseProviders(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().message(), HasSubstr(error)) << text;
  }
}

TEST(ProviderConfig, AFolderIsReadInTheOrderOfItsNames) {
  const os::TempDir dir = os::TempDir::Create().value();
  const auto put = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/" + name, text, 0600).ok());
  };
  EXPECT_FALSE(ReadProviders(dir.path()).ok());
  put("20.yaml", Config(Provider("later")));
  put("10.yml", Config(Provider("first")));
  put("notes.txt", "none");
  const auto both = ReadProviders(dir.path());
  ASSERT_TRUE(both.ok()) << both.error().message();
  ASSERT_EQ(both->size(), 2u);
  EXPECT_EQ(both->front().name, "first");
  EXPECT_EQ(ReadProviders(dir.path() + "/20.yaml")->front().name, "later");
  put("30.json", Config(Provider("first")));
  EXPECT_THAT(ReadProviders(dir.path()).error().message(), HasSubstr("'first'"));
  put("30.json", "{");
  EXPECT_THAT(ReadProviders(dir.path()).error().message(), HasSubstr("30.json"));
}

}  // namespace
}  // namespace keelson::credentials
