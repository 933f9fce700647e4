// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/image/docker_config.h"
#include "runtime/image/registry_hosts.h"

namespace keelson::image {
namespace {

TEST(HostsToml, WithoutOneTheRegistryItselfIsAskedOverTls) {
  const auto hosts = FindRegistryHosts("/nonexistent", "registry.example:5000", {}).value();
  ASSERT_EQ(hosts.size(), 1u);
  EXPECT_EQ(hosts[0].endpoint.base, "https://registry.example:5000/v2");
  EXPECT_TRUE(hosts[0].is_registry);
  EXPECT_TRUE(hosts[0].endpoint.ns.empty());
  EXPECT_EQ(FindRegistryHosts("/nonexistent", "docker.io", {}).value()[0].endpoint.base,
            "https://registry-1.docker.io/v2");
  EXPECT_EQ(FindRegistryHosts("/nonexistent", "127.0.0.1:5000", {"127.0.0.1:5000"})
                .value()[0]
                .endpoint.base,
            "http://127.0.0.1:5000/v2");
}

TEST(HostsToml, MirrorsComeInTheOrderOfTheFileAndTheServerLast) {
  const auto hosts = ParseHostsToml(R"(
server = "https://registry-1.docker.io"
[host."https://z.example"]
  capabilities = ["pull"]
[host."http://127.0.0.1:5000"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
[host."https://a.example/v2/proxy"]
  override_path = true
  [host."https://a.example/v2/proxy".header]
    x-one = "1"
    x-two = ["a", "b"]
)",
                                    "docker.io", "/etc")
                         .value();
  ASSERT_EQ(hosts.size(), 4u);
  EXPECT_EQ(hosts[0].endpoint.base, "https://z.example/v2");
  EXPECT_FALSE(hosts[0].endpoint.can_resolve);
  EXPECT_EQ(hosts[0].endpoint.ns, "docker.io");
  EXPECT_EQ(hosts[1].endpoint.base, "http://127.0.0.1:5000/v2");
  EXPECT_TRUE(hosts[1].endpoint.skip_verify);
  EXPECT_EQ(hosts[1].authority, "127.0.0.1:5000");
  EXPECT_EQ(hosts[2].endpoint.base, "https://a.example/v2/proxy");
  EXPECT_EQ(hosts[2].authority, "a.example");
  EXPECT_EQ(hosts[2].endpoint.headers.size(), 3u);
  EXPECT_EQ(hosts[3].endpoint.base, "https://registry-1.docker.io/v2");
  EXPECT_TRUE(hosts[3].is_registry);
  EXPECT_TRUE(hosts[3].endpoint.ns.empty());
}

TEST(HostsToml, LettersBeyondAsciiStandInCommentsAndAsEscapes) {
  const auto hosts = ParseHostsToml(
      "\xef\xbb\xbf# \xc3\xa4\n[host.\"https://x\"] # \xc3\xa4\"\nnote = \"\"\"\\\" ' "
      "#\n\"\"\"\"\nother = '#\\' # \xc3\xa4\n"
      "header = {a = \"\\u00e4\"}\nempty = \"\" # \xc3\xa4",
      "r", "/none");
  ASSERT_TRUE(hosts.ok()) << hosts.error().message();
  EXPECT_EQ(hosts->at(0).authority, "x");
  ASSERT_EQ(hosts->at(0).endpoint.headers.size(), 1u);
  EXPECT_EQ(hosts->at(0).endpoint.headers[0].second, "\xc3\xa4");
}

TEST(HostsToml, FilesAreFoundByHostThenByTheCatchAllAndCertificatesAreReadBesideThem) {
  auto dir = os::TempDir::Create().value();
  for (const char* sub : {"/h.example:5000", "/_default", "/other_5000_"})
    ASSERT_TRUE(os::MakeDirs(dir.path() + sub, 0700).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/h.example:5000/ca.pem", "CA", 0600).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/h.example:5000/c.pem", "CERT", 0600).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/h.example:5000/k.pem", "KEY", 0600).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/h.example:5000/hosts.toml",
                                  "ca = 'ca.pem'\nclient = [['c.pem', 'k.pem']]\n", 0600)
                  .ok());
  ASSERT_TRUE(
      os::WriteFileAtomic(dir.path() + "/_default/hosts.toml", "[host.\"http://m\"]\n", 0600).ok());
  ASSERT_TRUE(
      os::WriteFileAtomic(dir.path() + "/other_5000_/hosts.toml", "server = 'http://o'\n", 0600)
          .ok());
  const auto own = FindRegistryHosts(dir.path(), "h.example:5000", {}).value();
  ASSERT_EQ(own.size(), 1u);
  EXPECT_EQ(own[0].endpoint.authorities, "CA\n");
  EXPECT_EQ(own[0].endpoint.certificate, "CERT");
  EXPECT_EQ(own[0].endpoint.key, "KEY");
  const auto caught = FindRegistryHosts(dir.path(), "quay.io", {}).value();
  ASSERT_EQ(caught.size(), 2u);
  EXPECT_EQ(caught[0].endpoint.base, "http://m/v2");
  EXPECT_EQ(caught[0].endpoint.ns, "quay.io");
  EXPECT_EQ(caught[1].endpoint.base, "https://quay.io/v2");
  EXPECT_EQ(FindRegistryHosts(dir.path(), "other:5000", {}).value()[0].endpoint.base,
            "http://o/v2");
}

TEST(HostsToml, SaysFileAndPlaceOfAMistake) {
  auto dir = os::TempDir::Create().value();
  ASSERT_TRUE(os::MakeDirs(dir.path() + "/h", 0700).ok());
  struct Case {
    std::string text, word;
  };
  for (const Case& c :
       {Case{"server = ", "line 1"}, Case{"\n[#host.\"https://x\"]", "line 2"},
        Case{"[a.", "line 1"}, Case{"\n\xc3\xa4 = 1", "line 2: letters beyond ASCII"},
        Case{"\na = \"\xc3\xa4\"", "line 2: letters"}, Case{"a = \"b\nc\"", "line 1"},
        Case{"a = '''#\n\xc3\xa4", "line 2: letters"}, Case{"host = 3", "host"},
        Case{"[host.\"ftp://x\"]", "http"}, Case{"[host.\"http:///x\"]", "address"},
        Case{"[host.\"http://u:p@x\"]", "user"}, Case{"[host.\"http://x/a?b\"]", "address"},
        Case{"[host.\"http://x\"]\nca = 3", "ca"},
        Case{"[host.\"http://x\"]\ncapabilities = ['fly']", "fly"},
        Case{"ca = 'absent.pem'", "absent.pem"}, Case{"client = []", "client"}}) {
    SCOPED_TRACE(c.text);
    ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/h/hosts.toml", c.text, 0600).ok());
    const auto hosts = FindRegistryHosts(dir.path(), "h", {});
    ASSERT_FALSE(hosts.ok());
    EXPECT_NE(hosts.error().message().find(c.word), std::string::npos) << hosts.error().message();
    EXPECT_NE(hosts.error().message().find("/h/"), std::string::npos) << hosts.error().message();
  }
}

TEST(DockerConfig, FindsCredentialsByHostAndUnderDockerHubsManyNames) {
  const std::string auth = base::Base64Encode("me:pa:ss");
  const std::string text =
      R"({"auths":{"https://index.docker.io/v1/":{"auth":")" + auth +
      R"("},"h:5000":{"username":"u","password":"p"},"t":{"identitytoken":"T"},"empty":{}},"credsStore":"desktop"})";
  EXPECT_EQ(FindCredentials(text, "registry-1.docker.io").value()->password, "pa:ss");
  EXPECT_EQ(FindCredentials(text, "docker.io").value()->username, "me");
  EXPECT_EQ(FindCredentials(text, "h:5000").value()->username, "u");
  EXPECT_EQ(FindCredentials(text, "t").value()->identity_token, "T");
  EXPECT_FALSE(FindCredentials(text, "h").value().has_value());
  EXPECT_FALSE(FindCredentials(text, "empty").value().has_value());
  EXPECT_FALSE(FindCredentials("{}", "h").value().has_value());
  EXPECT_FALSE(FindCredentials("x", "h").ok());
  EXPECT_FALSE(FindCredentials(R"({"auths":{"h":{"auth":"!!"}}})", "h").ok());
}

}  // namespace
}  // namespace keelson::image
