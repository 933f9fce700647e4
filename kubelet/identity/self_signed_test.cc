// SPDX-License-Identifier: Apache-2.0
#include "kubelet/identity/self_signed.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <functional>

#include "lib/certificate/signing_request.h"
#include "lib/http/client/client.h"
#include "lib/http/service/server.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::identity {
namespace {

const std::vector<std::string> kNames = {"localhost", "127.0.0.1", "::1"};

TEST(SelfSigned, ServesForItsNames) {
  const KeyPair pair = MakeSelfSigned(kNames, std::time(nullptr)).value();
  service::Server server({}, [](std::shared_ptr<service::Exchange> exchange) {
    exchange->Respond(200, {}, std::string("here"));
  });
  ASSERT_TRUE(server.SetTls({pair.certificate, pair.key, ""}).ok());
  const int port = server.ListenTls("127.0.0.1:0").value();
  for (const char* host : {"localhost", "127.0.0.1"}) {
    http::ClientRequest request;
    request.url = fmt::format("https://{}:{}/", host, port);
    request.tls.authorities_pem = pair.certificate;
    const auto answer = http::Client().PerformToString(request, 1000);
    ASSERT_TRUE(answer.ok()) << host << ": " << answer.error().message();
    EXPECT_EQ(answer->second, "here");
  }
}

TEST(SelfSigned, StaysAsLongAsItIsGoodAndForTheSameNames) {
  const os::TempDir dir = os::TempDir::Create("keelson-identity").value();
  const std::string place = dir.path() + "/pki";
  const int64_t now = 1'800'000'000;
  const KeyPair first = OpenSelfSigned(place, kNames, now).value();
  EXPECT_EQ(OpenSelfSigned(place, kNames, now + 86400).value().certificate, first.certificate);
  struct stat status{};
  ASSERT_EQ(stat((place + "/kubelet.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  const KeyPair renamed = OpenSelfSigned(place, {"localhost", "other"}, now).value();
  EXPECT_NE(renamed.certificate, first.certificate);
  const int64_t late = now + 364 * 86400 + 1;
  const KeyPair later = OpenSelfSigned(place, {"localhost", "other"}, late).value();
  EXPECT_NE(later.certificate, renamed.certificate);
  ASSERT_TRUE(os::WriteFileAtomic(place + "/kubelet.key", first.key, 0600).ok());
  EXPECT_NE(OpenSelfSigned(place, {"localhost", "other"}, late).value().key, first.key);
}

TEST(SelfSigned, RefusesNamesThatAreNone) {
  for (const char* name : {"", "a,DNS:b", "a b"})
    EXPECT_FALSE(MakeSelfSigned({name}, 1'800'000'000).ok()) << name;
  EXPECT_FALSE(MakeSelfSigned({}, 1'800'000'000).ok());
}

TEST(SelfSigned, WhatIsDamagedIsKeptAsideAndMadeAnew) {
  const os::TempDir dir = os::TempDir::Create("keelson-identity").value();
  const int64_t now = 1'800'000'000;
  const std::pair<const char*, std::function<void(const std::string&, const std::string&)>>
      damages[] = {
          {"cut short",
           [](const std::string& path, const std::string& text) {
             ASSERT_TRUE(os::WriteFileAtomic(path, text.substr(0, text.size() / 2), 0600).ok());
           }},
          {"empty",
           [](const std::string& path, const std::string&) {
             ASSERT_TRUE(os::WriteFileAtomic(path, "", 0600).ok());
           }},
          {"another character",
           [](const std::string& path, std::string text) {
             char& one = text[text.rfind("\n-----END") - 20];
             one = one == 'A' ? 'B' : 'A';
             ASSERT_TRUE(os::WriteFileAtomic(path, text, 0600).ok());
           }},
          {"a folder",
           [](const std::string& path, const std::string&) {
             ASSERT_TRUE(os::RemoveFile(path).ok() && os::MakeDirs(path + "/with", 0700).ok());
           }},
          {"missing", [](const std::string& path,
                         const std::string&) { ASSERT_TRUE(os::RemoveFile(path).ok()); }},
      };
  for (const auto& [kind, spoil] : damages) {
    for (const char* name : {"/kubelet.crt", "/kubelet.key"}) {
      SCOPED_TRACE(kind + std::string(name));
      ASSERT_TRUE(os::RemoveTree(dir.path() + "/pki").ok());
      const KeyPair first = OpenSelfSigned(dir.path() + "/pki", kNames, now).value();
      const std::string path = dir.path() + "/pki" + name;
      spoil(path, os::ReadFile(path).value());
      const std::string spoilt = os::ReadFile(path).ValueOr("");
      const auto made = OpenSelfSigned(dir.path() + "/pki", kNames, now);
      ASSERT_TRUE(made.ok()) << made.error().message();
      EXPECT_NE(made->certificate, first.certificate);
      EXPECT_EQ(OpenSelfSigned(dir.path() + "/pki", kNames, now).value().key, made->key);
      if (kind == std::string("missing")) continue;
      EXPECT_TRUE(os::Exists(path + ".bad"));
      EXPECT_EQ(os::ReadFile(path + ".bad").ValueOr(""), spoilt);
    }
  }
  // What has ended is no damage.
  ASSERT_TRUE(os::RemoveTree(dir.path() + "/pki").ok());
  (void)OpenSelfSigned(dir.path() + "/pki", kNames, now).value();
  (void)OpenSelfSigned(dir.path() + "/pki", kNames, now + int64_t{400} * 86400).value();
  EXPECT_FALSE(os::Exists(dir.path() + "/pki/kubelet.crt.bad"));
  EXPECT_FALSE(os::Exists(dir.path() + "/pki/kubelet.key.bad"));
}

TEST(SelfSigned, SaysHowLongItIsGoodAndWhoseItIs) {
  const KeyPair pair = MakeSelfSigned({"a"}, 1'800'000'000).value();
  const auto life = certificate::LifetimeOf(pair.certificate + pair.key).value();
  EXPECT_EQ(life.begin, 1'800'000'000 - 3600);
  EXPECT_EQ(life.end, 1'800'000'000 + 365 * 86400);
  EXPECT_TRUE(certificate::BelongTogether(pair.certificate, pair.key));
  EXPECT_TRUE(
      certificate::BelongTogether(pair.certificate + pair.key, pair.certificate + pair.key));
  EXPECT_FALSE(
      certificate::BelongTogether(pair.certificate, certificate::RequestAsNode("a").value().key));
}

}  // namespace
}  // namespace keelson::identity
