// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/pki/cluster_pki.h"

namespace keelson::pki {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
constexpr int64_t kDay = 86400;

std::string Openssl(std::vector<std::string> args) {
  args.insert(args.begin(), "openssl");
  const auto done =
      os::RunCommand({.argv = args, .env = {"PATH=/usr/bin:/bin"}}, "", std::chrono::seconds(60));
  return done.ok() ? done->out + done->err : done.error().message();
}

// The openssl command looks at the real time: a clock that stands at about now.
int64_t WallNow() { return base::SystemClock().WallNanos(); }

TEST(Key, SignsAndVerifiesAndTellsForgeriesApart) {
  const Key key = Key::Generate().value();
  const Key reread = Key::FromPem(key.PrivatePem()).value();
  const Key half = Key::PublicFromPem(key.PublicPem()).value();
  EXPECT_EQ(key.Algorithm(), "ES256");
  EXPECT_EQ(key.Id(), half.Id());
  EXPECT_EQ(key.Id().size(), 43u);
  const std::string signature = reread.Sign("text").value();
  EXPECT_EQ(signature.size(), 64u);
  EXPECT_TRUE(half.Verify("text", signature));
  EXPECT_FALSE(half.Verify("texts", signature));
  EXPECT_FALSE(half.Verify("text", signature.substr(1)));
  EXPECT_FALSE(half.Verify("text", std::string(64, '\0')));
  EXPECT_FALSE(Key::Generate()->Verify("text", signature));
  EXPECT_FALSE(Key::FromPem("nonsense").ok());
}

TEST(Key, ReadsRsaKeysAsOlderClustersHaveThem) {
  const auto dir = os::TempDir::Create().value();
  Openssl({"genrsa", "-out", dir.path() + "/k", "2048"});
  const auto key = Key::FromPem(os::ReadFile(dir.path() + "/k").value());
  ASSERT_TRUE(key.ok()) << key.error().message();
  EXPECT_EQ(key->Algorithm(), "RS256");
  EXPECT_TRUE(key->Verify("text", key->Sign("text").value()));
  EXPECT_FALSE(key->Verify("other", key->Sign("text").value()));
}

TEST(Base64Url, GoesBothWaysAndRefusesOtherAlphabets) {
  for (const std::string text : {"", "a", "ab", "abc", "\xff\xfe\xfd"})
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(text)).value(), text);
  EXPECT_EQ(Base64UrlEncode("\xff\xfe\xfd"), "__79");
  EXPECT_FALSE(Base64UrlDecode("//79").ok());
  EXPECT_FALSE(Base64UrlDecode("YQ==").ok());
  EXPECT_FALSE(Base64UrlDecode("!").ok());
}

TEST(Authority, IssuesWhatItIsAskedForAndNothingLongerThanItself) {
  const Authority ca = Authority::Create("test-ca", 1000, 1000 + 10 * kDay).value();
  const Key key = Key::Generate().value();
  const std::string pem = ca.Issue(key, {.names = {.common_name = "system:node:n1",
                                                   .organizations = {"system:nodes", "two"},
                                                   .dns = {"n1"},
                                                   .ips = {"10.0.0.1", "fd00::1"}},
                                         .not_before = 2000,
                                         .not_after = 2000 + 100 * kDay,
                                         .client = true})
                              .value();
  const Certificate facts = ParseCertificate(pem).value();
  EXPECT_EQ(facts.names.common_name, "system:node:n1");
  EXPECT_THAT(facts.names.organizations, ElementsAre("system:nodes", "two"));
  EXPECT_THAT(facts.names.dns, ElementsAre("n1"));
  EXPECT_THAT(facts.names.ips, ElementsAre("10.0.0.1", "fd00::1"));
  EXPECT_EQ(facts.not_before, 2000);
  EXPECT_EQ(facts.not_after, 1000 + 10 * kDay);
  EXPECT_TRUE(facts.client);
  EXPECT_FALSE(facts.server);
  EXPECT_FALSE(facts.authority);
  EXPECT_TRUE(ca.certificate().authority);
  EXPECT_TRUE(ca.Issued(pem, key));
  EXPECT_FALSE(ca.Issued(pem, ca.key()));
  EXPECT_FALSE(ca.Issue(key, {.not_before = 20 * kDay, .not_after = 30 * kDay}).ok());
  EXPECT_FALSE(Authority::Load(pem, key.PrivatePem()).ok());
  EXPECT_FALSE(Authority::Load(ca.pem(), key.PrivatePem()).ok());
}

TEST(SigningRequest, IsReadWithItsNamesAndRefusedWhenItWasChanged) {
  const Key key = Key::Generate().value();
  const Names names{.common_name = "system:node:n1",
                    .organizations = {"system:nodes"},
                    .dns = {"n1.example"},
                    .ips = {"10.0.0.9"}};
  std::string pem = MakeRequest(key, names).value();
  const auto request = ParseRequest(pem);
  ASSERT_TRUE(request.ok()) << request.error().message();
  EXPECT_EQ(request->names.common_name, "system:node:n1");
  EXPECT_THAT(request->names.organizations, ElementsAre("system:nodes"));
  EXPECT_THAT(request->names.dns, ElementsAre("n1.example"));
  EXPECT_THAT(request->names.ips, ElementsAre("10.0.0.9"));
  EXPECT_FALSE(request->names.other_subject_parts);
  EXPECT_EQ(request->key.Id(), key.Id());
  pem[100] = pem[100] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(ParseRequest(pem).ok());
  EXPECT_FALSE(ParseRequest("").ok());
}

class ClusterPkiTest : public testing::Test {
 protected:
  base::Result<ClusterPki> Open(std::vector<std::string> ips = {"192.0.2.1"}) {
    return ClusterPki::Open({.dir = dir_.path() + "/pki",
                             .ips = std::move(ips),
                             .kubeconfig_path = dir_.path() + "/admin.kubeconfig"},
                            clock_);
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/pki/" + name; }
  os::TempDir dir_ = os::TempDir::Create().value();
  base::ManualClock clock_{WallNow()};
};

TEST_F(ClusterPkiTest, IsMadeOnceAndVerifiedByOpenssl) {
  const auto first = Open();
  ASSERT_TRUE(first.ok()) << first.error().message();
  for (const std::string name : {"apiserver", "apiserver-kubelet-client", "admin"}) {
    EXPECT_THAT(Openssl({"verify", "-CAfile", Path("ca.crt"), Path(name + ".crt")}),
                HasSubstr(": OK"));
    struct stat info{};
    ASSERT_EQ(stat(Path(name + ".key").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
  EXPECT_THAT(Openssl({"verify", "-purpose", "sslserver", "-verify_hostname",
                       "kubernetes.default.svc", "-CAfile", Path("ca.crt"), Path("apiserver.crt")}),
              HasSubstr(": OK"));
  EXPECT_THAT(Openssl({"verify", "-purpose", "sslclient", "-CAfile", Path("ca.crt"),
                       Path("apiserver.crt")}),
              testing::Not(HasSubstr(": OK")));
  EXPECT_THAT(first->Kubeconfig(), HasSubstr("server: https://127.0.0.1:6443"));
  const auto second = Open();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(first->serving_certificate(), second->serving_certificate());
  EXPECT_EQ(first->Kubeconfig(), second->Kubeconfig());
  EXPECT_EQ(first->service_account_key().Id(), second->service_account_key().Id());
}

TEST_F(ClusterPkiTest, RenewsAfterTwoThirdsOfALifeAndWhenTheNamesChange) {
  auto pki = Open();
  ASSERT_TRUE(pki.ok());
  const std::string old = pki->serving_certificate();
  clock_.Advance(std::chrono::hours(24 * 240));
  EXPECT_FALSE(pki->Renew().value());
  clock_.Advance(std::chrono::hours(24 * 5));
  EXPECT_GE(clock_.WallNanos() / 1'000'000'000, pki->NextRenewal());
  EXPECT_TRUE(pki->Renew().value());
  EXPECT_NE(pki->serving_certificate(), old);
  EXPECT_EQ(os::ReadFile(dir_.path() + "/admin.kubeconfig").value(), pki->Kubeconfig());
  const auto moved = Open({"192.0.2.1", "192.0.2.7"});
  ASSERT_TRUE(moved.ok());
  EXPECT_NE(moved->serving_certificate(), pki->serving_certificate());
  EXPECT_EQ(moved->authority().pem(), pki->authority().pem());
}

TEST_F(ClusterPkiTest, MakesAnewWhatACrashLeftHalfAndKeepsTheAuthority) {
  const auto pki = Open();
  ASSERT_TRUE(pki.ok());
  ASSERT_TRUE(os::WriteFileAtomic(Path("apiserver.key"), Key::Generate()->PrivatePem(), 0600).ok());
  const auto again = Open();
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_NE(again->serving_certificate(), pki->serving_certificate());
  EXPECT_TRUE(again->authority().Issued(again->serving_certificate(),
                                        Key::FromPem(again->serving_key()).value()));
  ASSERT_TRUE(os::RemoveFile(Path("ca.key")).ok());
  EXPECT_FALSE(Open().ok());
}

}  // namespace
}  // namespace keelson::pki
