// SPDX-License-Identifier: Apache-2.0
// What registries ask of a client: TLS with private authorities and client certificates, users,
// tokens, mirrors, proxies, patience.
#include <atomic>
#include <thread>

#include "lib/base/strings.h"
#include "runtime/image/testing/fake_registry.h"
#include "runtime/image/testing/pull_fixture.h"
#include "runtime/image/testing/test_registry.h"

namespace keelson::image {
namespace {

using fetch::Credentials;
using testing::FakeRegistry;
using testing::Shell;
using testing::TestRegistry;

class Registries : public testing::PullFixture {
 protected:
  // A layout with one layer that is larger than a socket's buffers.
  void MakeImage() {
    maker_.Make({maker_.MakeLayer("head -c 3000000 /dev/urandom >big && echo here >small")});
  }
  std::string Layout() const { return "\"layout\":\"" + maker_.Path() + "\""; }
  // An authority, a server's certificate for 127.0.0.1 and registry.example.invalid, and a
  // client's, all below tls/.
  std::string MakeCertificates() {
    const std::string dir = NewDir("tls");
    Shell(
        "cd " + dir +
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=authority -keyout ca.key -out ca.pem 2>/dev/null && "
        "for who in server client; do openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
        "-nodes -subj /CN=$who -keyout $who.key -out $who.req 2>/dev/null; "
        "printf 'subjectAltName=IP:127.0.0.1,DNS:registry.example.invalid\\n' >ext; "
        "openssl x509 -req -in $who.req -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "
        "ext -out $who.pem 2>/dev/null; done");
    return dir;
  }
  void ExpectPulls(const std::string& reference,
                   const std::optional<Credentials>& credentials = {}) {
    const auto id = Pull(reference, credentials);
    ASSERT_TRUE(id.ok()) << id.error().message();
    EXPECT_EQ(*id, maker_.config_digest());
    EXPECT_EQ(ReadInImage(reference, "/small"), "here\n");
  }
};

TEST_F(Registries, BehindAPrivateAuthorityAndClientCertificatesInARealRegistry) {
  if (!TestRegistry::IsInstalled()) GTEST_SKIP() << "docker-registry and skopeo are not installed";
  const std::string tls = MakeCertificates();
  MakeImage();
  {
    TestRegistry open({.dir = NewDir("registry"),
                       .certificate = tls + "/server.pem",
                       .key = tls + "/server.key"});
    open.Push(maker_.Path(), "team/app:v1");
  }
  TestRegistry registry({.dir = NewDir("registry"),
                         .certificate = tls + "/server.pem",
                         .key = tls + "/server.key",
                         .client_authority = tls + "/ca.pem"});
  const std::string name = registry.Address() + "/team/app:v1";
  Open();
  ExpectRefused(name, {name, "https://" + registry.Address(), "certificate"});
  WriteHosts(registry.Address(), "ca = '" + tls + "/ca.pem'\n");
  ExpectRefused(name, {name, "client certificate"});
  WriteHosts(registry.Address(), "ca = '" + tls + "/ca.pem'\nclient = [['" + tls +
                                     "/client.pem', '" + tls + "/client.key']]\n");
  ExpectPulls(name);
}

TEST_F(Registries, VerificationIsSkippedOnlyWhereAsked) {
  const std::string tls = MakeCertificates();
  MakeImage();
  FakeRegistry registry(Dir(), Layout() + ",\"certificate\":\"" + tls + "/server.pem\",\"key\":\"" +
                                   tls + "/server.key\"");
  Open();
  ExpectRefused(registry.Address() + "/a:b", {"certificate"});
  WriteHosts(registry.Address(), "skip_verify = true\n");
  ExpectPulls(registry.Address() + "/a:b");
}

TEST_F(Registries, PullImage_TakesAUserFromTheRequestElseFromTheNodesFile) {
  if (!TestRegistry::IsInstalled()) GTEST_SKIP() << "docker-registry and skopeo are not installed";
  MakeImage();
  TestRegistry registry({.dir = NewDir("registry"), .user = "alice", .password = "wonder:land"});
  registry.Push(maker_.Path(), "team/app:v1");
  const std::string name = registry.Address() + "/team/app:v1";
  options_.plain_http_hosts = {registry.Address()};
  Open();
  ExpectRefused(name, {name, registry.Address(), "none are known"});
  ExpectRefused(name, {name, "refused the credentials"},
                Credentials{.username = "alice", .password = "wrong"});
  EXPECT_EQ(Pull(name).error().code(), base::Code::kUnauthenticated);
  ExpectPulls(name, Credentials{.username = "alice", .password = "wonder:land"});
  ASSERT_TRUE(service_->Remove(name).ok());
  ASSERT_TRUE(os::WriteFileAtomic(options_.docker_config,
                                  R"({"auths":{")" + registry.Address() + R"(":{"auth":")" +
                                      base::Base64Encode("alice:wonder:land") + "\"}}}",
                                  0600)
                  .ok());
  ExpectPulls(name);
  // A request's wrong ones are not replaced by the node's right ones: they are another person's.
  ASSERT_TRUE(service_->Remove(name).ok());
  ExpectRefused(name, {"refused"}, Credentials{.username = "mallory", .password = "x"});
}

TEST_F(Registries, WhoeverMayNotFetchAnImageDoesNotGetItBecauseAnotherOneDoes) {
  if (!TestRegistry::IsInstalled()) GTEST_SKIP() << "docker-registry and skopeo are not installed";
  MakeImage();
  TestRegistry registry({.dir = NewDir("registry"), .user = "alice", .password = "wonder:land"});
  registry.Push(maker_.Path(), "team/app:v1");
  const std::string name = registry.Address() + "/team/app:v1";
  options_.plain_http_hosts = {registry.Address()};
  Open();
  const Credentials alice{.username = "alice", .password = "wonder:land"};
  std::atomic<int> hers = 0, strangers = 0;
  {
    std::vector<std::jthread> pullers;
    for (int i = 0; i < 4; ++i) {
      pullers.emplace_back([&] { hers += Pull(name, alice).ok() ? 1 : 0; });
      pullers.emplace_back([&] { strangers += Pull(name).ok() ? 1 : 0; });
    }
  }
  EXPECT_EQ(hers, 4);
  EXPECT_EQ(strangers, 0);
  // Nor when it is there, by whatever name.
  EXPECT_FALSE(Pull(name).ok());
  const std::string digest = Shell(
      "skopeo inspect --tls-verify=false --creds alice:wonder:land "
      "--format '{{.Digest}}' docker://" +
      name);
  EXPECT_FALSE(Pull(registry.Address() + "/team/app@" + digest.substr(0, 71)).ok()) << digest;
  EXPECT_TRUE(Pull(registry.Address() + "/team/app@" + digest.substr(0, 71), alice).ok());
}

TEST_F(Registries, TokensAreFetchedWhereTheRegistrySays) {
  MakeImage();
  FakeRegistry registry(
      Dir(),
      Layout() + R"(,"auth":"token","user":"bob","password":"p","identity_token":"deep-secret")");
  const std::string name = registry.Address() + "/team/app:v1";
  options_.plain_http_hosts = {registry.Address()};
  Open();
  ExpectRefused(name,
                {name, "token from http://" + registry.Address(), "no credentials are known"});
  ExpectRefused(name, {"the credentials were refused"},
                Credentials{.username = "bob", .password = "wrong"});
  ExpectPulls(name, Credentials{.username = "bob", .password = "p"});
  EXPECT_EQ(registry.Count("/token?service=test&scope=repository%3Ateam%2Fapp%3Apull"), 3u)
      << registry.Log();
  ASSERT_TRUE(service_->Remove(name).ok());
  ExpectPulls(name, Credentials{.identity_token = "deep-secret"});
  EXPECT_EQ(registry.Count("POST /token"), 1u);
  ASSERT_TRUE(service_->Remove(name).ok());
  ExpectPulls(name, Credentials{.registry_token = "good-token"});
  ASSERT_TRUE(service_->Remove(name).ok());
  ExpectRefused(name, {"refused the token"}, Credentials{.registry_token = "bad-token"});
}

TEST_F(Registries, AnonymousTokensAreFetchedToo) {
  MakeImage();
  FakeRegistry registry(Dir(), Layout() + R"(,"auth":"token")");
  options_.plain_http_hosts = {registry.Address()};
  Open();
  ExpectPulls(registry.Address() + "/a:b");
}

TEST_F(Registries, MirrorsAreTriedInOrderAndEachForWhatItIsGoodFor) {
  MakeImage();
  FakeRegistry blobs_only(Dir(), Layout());
  FakeRegistry empty(Dir(), Layout() + ",\"missing\":true");
  FakeRegistry real(Dir(), Layout());
  WriteHosts("registry.example.invalid",
             "server = 'http://" + real.Address() +
                 "'\n[host.'http://127.0.0.1:1']\n[host.'http://" + empty.Address() +
                 "']\n[host.'http://" + blobs_only.Address() +
                 "/some/place']\ncapabilities = ['pull']\noverride_path = false\n");
  Open();
  ExpectPulls("registry.example.invalid/team/app:v1");
  EXPECT_EQ(empty.Count("/v2/team/app/manifests/v1?ns=registry.example.invalid"), 1u)
      << empty.Log();
  EXPECT_EQ(blobs_only.Count("/manifests/"), 0u);
  EXPECT_EQ(real.Count("/v2/team/app/manifests/v1 "), 1u) << real.Log();
}

TEST_F(Registries, AMirrorsPathAndHeadersAreUsed) {
  MakeImage();
  FakeRegistry mirror(Dir(), Layout());
  WriteHosts("registry.example.invalid",
             "[host.'http://" + mirror.Address() +
                 "/v2/cache/of']\noverride_path = true\n[host.'http://" + mirror.Address() +
                 "/v2/cache/of'.header]\nx-test = 'yes'\n");
  Open();
  ExpectPulls("registry.example.invalid/team/app:v1");
  EXPECT_EQ(mirror.Count("/v2/cache/of/team/app/"), 3u) << mirror.Log();
  EXPECT_EQ(mirror.Count("x-test=yes"), 3u);
}

TEST_F(Registries, BrokenDownloadsGoOnWhereTheyBroke) {
  MakeImage();
  FakeRegistry registry(Dir(), Layout() + R"(,"cuts":4,"cut_after":500000)");
  options_.plain_http_hosts = {registry.Address()};
  Open();
  ExpectPulls(registry.Address() + "/a:b");
  EXPECT_EQ(registry.Count("range=bytes=500000-"), 1u) << registry.Log();
  EXPECT_EQ(registry.Count("range=bytes=2000000-"), 1u) << registry.Log();
}

TEST_F(Registries, AlsoFromOneThatKnowsNoRanges) {
  MakeImage();
  FakeRegistry registry(Dir(), Layout() + R"(,"cuts":1,"cut_after":500000,"no_ranges":true)");
  options_.plain_http_hosts = {registry.Address()};
  Open();
  ExpectPulls(registry.Address() + "/a:b");
}

TEST_F(Registries, ABusyRegistryIsAskedAgain) {
  MakeImage();
  FakeRegistry registry(Dir(), Layout() + R"(,"busy":2,"busy_status":429)");
  options_.plain_http_hosts = {registry.Address()};
  Open();
  ExpectPulls(registry.Address() + "/a:b");
}

TEST_F(Registries, ARedirectToAnotherHostCarriesNoCredentials) {
  MakeImage();
  FakeRegistry elsewhere(Dir(), Layout());
  FakeRegistry registry(
      Dir(), Layout() + R"(,"auth":"basic","user":"u","password":"secret","redirect":"http://)" +
                 elsewhere.Address() + "\"");
  WriteHosts(registry.Address(),
             "server = 'http://" + registry.Address() + "'\n[header]\nx-test = 'private'\n");
  Open();
  ExpectPulls(registry.Address() + "/a:b", Credentials{.username = "u", .password = "secret"});
  EXPECT_EQ(elsewhere.Count("GET /elsewhere/"), 2u) << elsewhere.Log();
  EXPECT_EQ(elsewhere.Count("auth=Basic"), 0u) << elsewhere.Log();
  EXPECT_EQ(elsewhere.Count("x-test"), 0u) << elsewhere.Log();
  EXPECT_GE(registry.Count("x-test=private"), 3u) << registry.Log();
}

TEST_F(Registries, CredentialsOfTheRegistryDoNotGoToItsMirrors) {
  MakeImage();
  FakeRegistry mirror(Dir(), Layout() + R"(,"auth":"basic","user":"u","password":"secret")");
  FakeRegistry registry(Dir(), Layout() + R"(,"auth":"basic","user":"u","password":"secret")");
  WriteHosts("registry.example.invalid", "server = 'http://" + registry.Address() +
                                             "'\n[host.'http://" + mirror.Address() + "']\n");
  Open();
  ExpectPulls("registry.example.invalid/a:b", Credentials{.username = "u", .password = "secret"});
  EXPECT_EQ(mirror.Count("auth=Basic"), 0u) << mirror.Log();
}

// Sets a variable of this process while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST_F(Registries, ProxiesComeFromTheEnvironment) {
  MakeImage();
  FakeRegistry proxy(Dir(), Layout());
  options_.plain_http_hosts = {"registry.example.invalid"};
  Open();
  {
    const Variable http("HTTP_PROXY", "http://user:word@" + proxy.Address());
    ExpectPulls("registry.example.invalid/a:b");
    EXPECT_EQ(proxy.Count("GET http://registry.example.invalid/v2/a/"), 3u) << proxy.Log();
    EXPECT_EQ(proxy.Count("proxy-authorization=Basic"), 3u) << proxy.Log();
    const Variable none("NO_PROXY", ".example.invalid");
    ASSERT_TRUE(service_->Remove("registry.example.invalid/a:b").ok());
    ExpectRefused("registry.example.invalid/a:b", {"registry.example.invalid"});
  }
}

TEST_F(Registries, HttpsGoesThroughAProxysTunnel) {
  const std::string tls = MakeCertificates();
  MakeImage();
  FakeRegistry registry(Dir(), Layout() + ",\"certificate\":\"" + tls + "/server.pem\",\"key\":\"" +
                                   tls + "/server.key\"");
  FakeRegistry proxy(Dir(), "\"tunnel\":\"" + registry.Address() + "\"");
  WriteHosts("registry.example.invalid", "ca = ['" + tls + "/ca.pem']\n");
  const Variable https("HTTPS_PROXY", "http://" + proxy.Address());
  Open();
  ExpectPulls("registry.example.invalid/a:b");
  EXPECT_GE(proxy.Count("CONNECT registry.example.invalid:443"), 1u) << proxy.Log();
}

}  // namespace
}  // namespace keelson::image
