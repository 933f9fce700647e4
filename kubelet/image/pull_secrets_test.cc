// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::image_gc {
namespace {

kube::ConfigObject Secret(const std::string& text, const std::string& key = ".dockerconfigjson") {
  kube::ConfigObject secret;
  secret.secret = true;
  secret.metadata.name = "s";
  secret.data[key] = text;
  return secret;
}
// One entry a place; its user is the place's number.
kube::ConfigObject Of(const std::vector<std::string>& places) {
  std::string text = "{\"auths\":{";
  for (size_t i = 0; i < places.size(); ++i) {
    text += std::string(i == 0 ? "" : ",") + "\"" + places[i] + "\":{\"username\":\"u" +
            std::to_string(i) + "\",\"password\":\"p\"}";
  }
  return Secret(text + "}}");
}
std::string Users(const std::string& image, const std::vector<kube::ConfigObject>& secrets) {
  const auto found = CredentialsFor(image, secrets);
  if (!found.ok()) return found.error().message();
  std::string users;
  for (const Credential& one : *found)
    users += (users.empty() ? "" : " ") + one.auth.username() + ":" + one.auth.password();
  return users;
}

TEST(PullSecrets, RepositoriesHaveTheirFullNames) {
  const std::pair<const char*, const char*> cases[] = {
      {"busybox", "docker.io/library/busybox"},
      {"busybox:1", "docker.io/library/busybox"},
      {"team/app:1@sha256:00", "docker.io/team/app"},
      {"docker.io/busybox", "docker.io/library/busybox"},
      {"index.docker.io/library/busybox", "docker.io/library/busybox"},
      {"registry.example/app:2", "registry.example/app"},
      {"registry.example:5000/team/app", "registry.example:5000/team/app"},
      {"localhost/app", "localhost/app"},
      {"localhost:5000/app:x", "localhost:5000/app"},
  };
  for (const auto& [image, repository] : cases) EXPECT_EQ(RepositoryOf(image), repository);
}

TEST(PullSecrets, EachEntryIsForItsPlace) {
  struct Case {
    std::string_view name;
    std::string image;
    std::vector<std::string> places;
    std::string users;
  };
  const Case cases[] = {
      {"nothing at all", "r.example/app", {}, ""},
      {"the host", "r.example/team/app:1", {"r.example"}, "u0:p"},
      {"written as a URL", "r.example/app", {"https://r.example/v2/"}, "u0:p"},
      {"or an older one", "r.example/app", {"http://r.example/v1/"}, "u0:p"},
      {"another host", "r.example/app", {"q.example"}, ""},
      {"another port", "r.example:5000/app", {"r.example", "r.example:5001"}, ""},
      {"the same port", "r.example:5000/app", {"r.example:5000"}, "u0:p"},
      {"a path", "r.example/team/app", {"r.example/team"}, "u0:p"},
      {"another path", "r.example/other/app", {"r.example/team"}, ""},
      {"what says more comes first",
       "r.example/team/app",
       {"r.example", "r.example/team"},
       "u1:p u0:p"},
      {"a star for a name", "a.r.example/app", {"*.r.example"}, "u0:p"},
      {"not for two", "b.a.r.example/app", {"*.r.example"}, ""},
      {"nor for none", "r.example/app", {"*.r.example"}, ""},
      {"Docker's own", "busybox", {"https://index.docker.io/v1/"}, "u0:p"},
      {"by its short name", "team/app", {"docker.io"}, "u0:p"},
      {"not for others", "r.example/app", {"https://index.docker.io/v1/"}, ""},
  };
  for (const Case& c : cases) EXPECT_EQ(Users(c.image, {Of(c.places)}), c.users) << c.name;
}

TEST(PullSecrets, ManySecretsOfEveryForm) {
  const kube::ConfigObject old =
      Secret(R"({"r.example":{"auth":"b2xkOmE6Yg==","username":"x","email":"e"}})", ".dockercfg");
  const kube::ConfigObject bare = Secret(R"({"auths":{"r.example":{"auth":"YmFyZTpw"}}})");
  const kube::ConfigObject unpadded = Secret(R"({"auths":{"r.example":{"auth":"dTpwcA"}}})");
  const kube::ConfigObject empty = Secret(R"({"auths":{"r.example":{}}})");
  EXPECT_EQ(Users("r.example/app", {old, bare, unpadded, empty}), "old:a:b bare:p u:pp");
  EXPECT_EQ(Users("r.example/app", {Secret("x", "token")}), "") << "of another kind";
}

TEST(PullSecrets, WhatCannotBeReadIsSaidWithoutTheSecret) {
  for (const char* text :
       {"hunter2", "[]", "\"hunter2\"", R"({"auths":{"r.example":{"auth":"aHVudGVyMg=="}}})",
        R"({"auths":{"r.example":{"auth":"%hunter2"}}})"}) {
    const auto found = CredentialsFor("r.example/app", {Secret(text)});
    ASSERT_FALSE(found.ok()) << text;
    EXPECT_THAT(found.error().message(), testing::StartsWith("image pull secret \"s\": "));
    EXPECT_THAT(found.error().message(), testing::Not(testing::HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace keelson::image_gc
