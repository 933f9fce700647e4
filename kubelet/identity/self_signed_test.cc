// SPDX-License-Identifier: Apache-2.0
#include "kubelet/identity/self_signed.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>

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
