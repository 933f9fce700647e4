// SPDX-License-Identifier: Apache-2.0
// A server of the test's own serves with what it is told; the openssl command looks at it.
#include "kubelet/cluster/serving_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/http/client/client.h"
#include "lib/http/service/server.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"

namespace keelson::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LaterClock final : public base::Clock {
 public:
  base::SteadyTime Steady() const override { return base::SystemClock().Steady(); }
  int64_t WallNanos() const override { return base::SystemClock().WallNanos() + later; }
  int64_t later = 0;
};

class ServingTlsTest : public testing::Test {
 protected:
  ServingTls::Settings Settings() const {
    return {.node = "one",
            .names = {"localhost", "127.0.0.1"},
            .certificates = Path("pki"),
            .cert_file = "",
            .key_file = "",
            .bootstrap = false,
            .terms = {},
            .look_period = std::chrono::milliseconds(5)};
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  void Put(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(os::WriteFileAtomic(Path(name), text, 0600).ok());
  }
  identity::KeyPair Make() const {
    return identity::MakeSelfSigned({"localhost", "127.0.0.1"}, clock_.WallNanos() / 1'000'000'000)
        .value();
  }
  void Serve(const ServingTls::Settings& settings) {
    auto tls = ServingTls::Open(api_, clock_, settings);
    ASSERT_TRUE(tls.ok()) << tls.error().message();
    tls_ = *std::move(tls);
    ASSERT_TRUE(server_.SetTls(tls_->Material()).ok());
    port_ = server_.ListenTls("127.0.0.1:0").value();
    tls_->Start([this](const service::TlsMaterial& material) {
      const base::Status set = server_.SetTls(material);
      ++told_;
      return set;
    });
  }
  // Whether the server shows this certificate.
  bool Shows(const identity::KeyPair& pair) const {
    http::ClientRequest request;
    request.url = fmt::format("https://localhost:{}/", port_);
    request.tls.authorities_pem = pair.certificate;
    return http::Client().PerformToString(request, 1000).ok();
  }
  std::string Openssl(std::vector<std::string> more) const {
    std::vector<std::string> words = {"openssl", "s_client", "-connect",
                                      fmt::format("127.0.0.1:{}", port_)};
    words.insert(words.end(), more.begin(), more.end());
    const auto done =
        os::RunCommand({.argv = words, .env = {"PATH=/usr/bin:/bin"}}, "", std::chrono::minutes(1));
    return done.ok() ? done->out + done->err : done.error().message();
  }
  template <typename F>
  bool Run(F until) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!until() && std::chrono::steady_clock::now() < deadline)
      loop_->RunOnce(std::chrono::milliseconds(20));
    return until();
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-serving").value();
  const std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::Create().value();
  LaterClock clock_;
  kube::Api api_{*loop_, clock_, {}, "test"};
  service::Server server_{{}, [](std::shared_ptr<service::Exchange> exchange) {
                            exchange->Respond(200, {}, std::string("here"));
                          }};
  std::unique_ptr<ServingTls> tls_;
  int port_ = 0;
  int told_ = 0;
};

TEST_F(ServingTlsTest, FilesThatAreExchangedAreServedWithFromThenOn) {
  const identity::KeyPair first = Make(), second = Make();
  Put("a.crt", first.certificate);
  Put("a.key", first.key);
  ServingTls::Settings settings = Settings();
  settings.cert_file = Path("a.crt");
  settings.key_file = Path("a.key");
  Serve(settings);
  EXPECT_TRUE(Shows(first));
  for (int i = 0; i < 20; ++i) loop_->RunOnce(std::chrono::milliseconds(10));
  // One after the other, as whoever renews them does.
  Put("a.crt", second.certificate);
  for (int i = 0; i < 20; ++i) loop_->RunOnce(std::chrono::milliseconds(10));
  EXPECT_TRUE(Shows(first));
  EXPECT_EQ(told_, 0);
  Put("a.key", second.key);
  EXPECT_TRUE(Run([&] { return told_ == 1; }));
  EXPECT_TRUE(Shows(second));
  EXPECT_FALSE(Shows(first));
  Put("a.crt", "no certificate");
  for (int i = 0; i < 20; ++i) loop_->RunOnce(std::chrono::milliseconds(10));
  EXPECT_TRUE(Shows(second));

  settings.key_file = Path("none");
  EXPECT_FALSE(ServingTls::Open(api_, clock_, settings).ok());
}

TEST_F(ServingTlsTest, ItsOwnIsMadeAnewBeforeItEnds) {
  Serve(Settings());
  const std::string before = os::ReadFile(Path("pki/kubelet.crt")).value();
  for (int i = 0; i < 20; ++i) loop_->RunOnce(std::chrono::milliseconds(10));
  EXPECT_EQ(told_, 0);
  clock_.later = int64_t{365} * 86400 * 1'000'000'000;
  EXPECT_TRUE(Run([&] { return told_ == 1; }));
  EXPECT_NE(os::ReadFile(Path("pki/kubelet.crt")).value(), before);
  // Somebody takes them away.
  for (int i = 0; i < 20; ++i) loop_->RunOnce(std::chrono::milliseconds(10));
  ASSERT_EQ(unlink(Path("pki/kubelet.key").c_str()), 0);
  EXPECT_TRUE(Run([&] { return told_ == 2; }));
  EXPECT_TRUE(os::Exists(Path("pki/kubelet.key")));
}

TEST_F(ServingTlsTest, UntilOneIsSignedNoHandshakeSucceeds) {
  ServingTls::Settings settings = Settings();
  settings.bootstrap = true;
  Serve(settings);
  EXPECT_THAT(Openssl({}), HasSubstr("tlsv1 alert internal error"));
  EXPECT_FALSE(os::Exists(Path("pki/kubelet.crt")));
}

TEST_F(ServingTlsTest, WhatWasSignedIsUsedAgainUntilItEnds) {
  const identity::KeyPair pair = Make();
  ASSERT_TRUE(os::MakeDirs(Path("pki"), 0700).ok());
  Put("pki/kubelet-server-current.pem", pair.certificate + pair.key);
  ServingTls::Settings settings = Settings();
  settings.bootstrap = true;
  Serve(settings);
  EXPECT_TRUE(Shows(pair));
  clock_.later = int64_t{366} * 86400 * 1'000'000'000;
  EXPECT_TRUE(Run([&] { return told_ == 1; }));
  EXPECT_FALSE(Shows(pair));
  EXPECT_THAT(Openssl({}), HasSubstr("alert internal error"));
}

TEST_F(ServingTlsTest, SpeaksWhatItIsToldTo) {
  ServingTls::Settings settings = Settings();
  settings.terms = config::TermsOf("VersionTLS13", {}).value();
  Serve(settings);
  EXPECT_THAT(Openssl({"-tls1_2"}), HasSubstr("alert protocol version"));
  EXPECT_THAT(Openssl({"-tls1_3"}), HasSubstr("New, TLSv1.3"));

  settings.terms = config::TermsOf("", {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}).value();
  Serve(settings);
  EXPECT_THAT(Openssl({"-tls1_2"}), HasSubstr("Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"));
  EXPECT_THAT(Openssl({"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"}),
              HasSubstr("handshake failure"));
  EXPECT_THAT(Openssl({"-tls1_1"}), Not(HasSubstr("Cipher is ECDHE")));
}

}  // namespace
}  // namespace keelson::cluster
