// SPDX-License-Identifier: Apache-2.0
#include "kubelet/credentials/providers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::credentials {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kV1[] = "credentialprovider.kubelet.k8s.io/v1";

Provider Of(const std::string& name, std::vector<std::string> places,
            std::chrono::nanoseconds kept = {}) {
  return {.name = name,
          .api_version = kV1,
          .match_images = std::move(places),
          .default_cache_duration = kept,
          .arguments = {},
          .environment = {}};
}

class ProvidersTest : public testing::Test {
 protected:
  credentials::Run Answering(const std::string& fields) {
    return [this, fields](const Provider& provider,
                          const std::string& request) -> base::Result<std::string> {
      requests_.push_back(provider.name + " " + request.substr(request.find("\"image\"")));
      return R"({"kind":"CredentialProviderResponse","apiVersion":")" + std::string(kV1) +
             R"(","auth":{"r.example":{"username":"user-of-)" + provider.name +
             R"(","password":"p"}},)" + fields + "}";
    };
  }
  static std::vector<std::string> Users(const std::vector<image_gc::Credential>& credentials) {
    std::vector<std::string> users;
    for (const image_gc::Credential& one : credentials) {
      EXPECT_EQ(one.of, image_gc::Credential::Of::kNode);
      users.push_back(one.auth.username());
    }
    return users;
  }

  base::ManualClock clock_;
  std::vector<std::string> requests_;
};

TEST_F(ProvidersTest, AskThoseWhoKnowTheImageInTheirOrder) {
  Providers providers({Of("a", {"r.example/team", "q.example"}), Of("b", {"*.example"})},
                      Answering(R"("cacheKeyType":"Image")"), clock_);
  EXPECT_THAT(Users(providers.For("r.example/team/app:1")), ElementsAre("user-of-a", "user-of-b"));
  EXPECT_THAT(Users(providers.For("r.example/other@sha256:00")), ElementsAre("user-of-b"));
  EXPECT_THAT(Users(providers.For("q.example/app")), IsEmpty()) << "it answered for others";
  EXPECT_THAT(Users(providers.For("r.example:5000/team/app")), IsEmpty()) << "another port";
  EXPECT_THAT(Users(providers.For("busybox")), IsEmpty());
  EXPECT_EQ(requests_.front(), "a \"image\":\"r.example/team/app\"}\n");
}

TEST_F(ProvidersTest, WhatTheySaidIsGoodForAsLongAsTheySaid) {
  struct Case {
    const char* name;
    std::string fields;
    std::chrono::minutes before;  // asked again after that
    int same, sibling,
        stranger;  // how often they are asked: once more, of one registry, of another
  };
  using std::chrono::minutes;
  const Case cases[] = {
      {"of an image", R"("cacheKeyType":"Image","cacheDuration":"10m")", minutes(10), 0, 1, 1},
      {"of a registry", R"("cacheKeyType":"Registry","cacheDuration":"10m")", minutes(10), 0, 0, 1},
      {"of all", R"("cacheKeyType":"Global","cacheDuration":"10m")", minutes(10), 0, 0, 0},
      {"not kept", R"("cacheKeyType":"Global","cacheDuration":"0s")", minutes(0), 1, 1, 1},
      {"as the configuration says", R"("cacheKeyType":"Image")", minutes(5), 0, 1, 1},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Providers providers({Of("a", {"*.example"}, minutes(5))}, Answering(one.fields), clock_);
    const auto asked = [&](const std::string& image) {
      const size_t before = requests_.size();
      (void)providers.For(image);
      return static_cast<int>(requests_.size() - before);
    };
    EXPECT_EQ(asked("r.example/app"), 1);
    EXPECT_EQ(asked("r.example/app:2"), one.same);
    EXPECT_EQ(asked("r.example/other"), one.sibling);
    EXPECT_EQ(asked("q.example/app"), one.stranger);
    clock_.Advance(one.before + std::chrono::seconds(1));
    EXPECT_EQ(asked("r.example/app"), 1);
  }
}

TEST_F(ProvidersTest, OneThatFailsKeepsNobodyFromPulling) {
  const credentials::Run good = Answering(R"("cacheKeyType":"Image")");
  Providers providers(
      {Of("broken", {"r.example"}), Of("lost", {"r.example"}), Of("good", {"r.example"})},
      [&](const Provider& provider, const std::string& request) {
        if (provider.name == "broken") return base::Result<std::string>("what?");
        if (provider.name == "lost")
          return base::Result<std::string>(base::Unavailable("no network"));
        return good(provider, request);
      },
      clock_);
  EXPECT_THAT(Users(providers.For("r.example/app")), ElementsAre("user-of-good"));
}

TEST_F(ProvidersTest, ManyWhoAskAtOnceAreAnsweredByOne) {
  std::atomic<int> runs = 0;
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  const credentials::Run good = Answering(R"("cacheKeyType":"Image","cacheDuration":"1h")");
  Providers providers(
      {Of("a", {"r.example"})},
      [&](const Provider& provider, const std::string& request) {
        ++runs;
        gone.wait();
        return good(provider, request);
      },
      clock_);
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> pods;
    for (int i = 0; i < 8; ++i)
      pods.emplace_back([&] { answered += providers.For("r.example/app").size() == 1 ? 1 : 0; });
    go.set_value();
  }
  EXPECT_EQ(answered, 8);
  EXPECT_EQ(runs, 1);
}

TEST(ProviderProgram, GetsARequestAndNothingOfOurs) {
  const os::TempDir dir = os::TempDir::Create().value();
  const auto put = [&](const std::string& name, const std::string& script) {
    ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/" + name, "#!/bin/sh\n" + script, 0700).ok());
  };
  put("echo", "read request; echo \"$request|$*|$COLOUR|$(ls /proc/self/fd | tr '\\n' ' ')\"\n");
  put("fails", "echo sorry >&2; exit 3\n");
  put("floods", "exec cat /dev/zero\n");
  const os::UniqueFd ours = os::Open(dir.path() + "/echo", O_RDONLY).value();
  Provider provider = Of("echo", {"r.example"});
  provider.arguments = {"get", "it"};
  provider.environment = {{"COLOUR", "blue"}};
  const auto run = RunIn(dir.path(), {provider});
  ASSERT_TRUE(run.ok()) << run.error().message();
  const auto said = (*run)(provider, "hello\n");
  ASSERT_TRUE(said.ok()) << said.error().message();
  // ls has one of its own, for the folder that it reads.
  EXPECT_EQ(*said, "hello|get it|blue|0 1 2 3 \n");
  provider.name = "fails";
  EXPECT_THAT((*run)(provider, "hello\n").error().message(), HasSubstr("ended with 3: sorry"));
  provider.name = "floods";
  EXPECT_THAT((*run)(provider, "hello\n").error().message(), HasSubstr("wrote more than"));
  provider.name = "none";
  EXPECT_THAT(RunIn(dir.path(), {provider}).error().message(), HasSubstr("/none'"));
}

}  // namespace
}  // namespace keelson::credentials
