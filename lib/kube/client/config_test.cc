// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/client/config.h"

#include <gtest/gtest.h>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::kube {
namespace {

class KubeconfigTest : public ::testing::Test {
 protected:
  base::Result<ClientConfig> Read(const std::string& text, const std::string& context = "") {
    EXPECT_TRUE(os::WriteFileAtomic(dir_.path() + "/config", text, 0600).ok());
    return ReadKubeconfig(dir_.path() + "/config", context);
  }
  std::string Text(const std::string& server, const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: one\n"
           "contexts:\n- name: one\n  context: {cluster: c, user: u, namespace: web}\n"
           "clusters:\n- name: c\n  cluster:\n    server: " +
           server + "\n" + cluster + "users:\n- name: u\n  user:\n" + user;
  }
  std::string WrongIn(const base::Result<ClientConfig>& config) {
    return config.ok() ? "" : config.error().message();
  }

  os::TempDir dir_ = os::TempDir::Create("keelson-kubeconfig").value();
};

TEST_F(KubeconfigTest, IsReadWithDataAndFilesBesideIt) {
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/key.pem", "KEY", 0600).ok());
  const auto config =
      Read(Text("https://10.0.0.1:6443/prefix/",
                "    certificate-authority-data: " + base::Base64Encode("CA") + "\n",
                "    client-certificate-data: " + base::Base64Encode("CERT") +
                    "\n    client-key: key.pem\n    tokenFile: token\n"));
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->target.host, "10.0.0.1");
  EXPECT_EQ(config->target.port, 6443);
  EXPECT_EQ(config->path_prefix, "/prefix");
  EXPECT_EQ(config->target.authorities, "CA");
  EXPECT_EQ(config->target.certificate, "CERT");
  EXPECT_EQ(config->target.key, "KEY");
  EXPECT_EQ(config->token_file, dir_.path() + "/token");
  EXPECT_EQ(config->ns, "web");
}

TEST_F(KubeconfigTest, ServersAreNamesAndAddressesOfBothFamilies) {
  const std::string ca = "    certificate-authority-data: " + base::Base64Encode("CA") + "\n";
  const auto six = Read(Text("https://[fd00::1]", ca, "    token: t\n"));
  ASSERT_TRUE(six.ok()) << six.error().message();
  EXPECT_EQ(six->target.host, "fd00::1");
  EXPECT_EQ(six->target.port, 443);
  EXPECT_EQ(six->token, "t");
  for (const char* bad : {"http://a", "https://", "https://a:0", "https://a:x", "https://u@a",
                          "https://a/?x=1", "a:6443", "https://[fd00::1"})
    EXPECT_NE(WrongIn(Read(Text(std::string("\"") + bad + "\"", ca, "    token: t\n")))
                  .find("is not an https URL"),
              std::string::npos)
        << bad;
}

TEST_F(KubeconfigTest, WhatCannotBeDoneIsRefusedByNameAndLine) {
  const std::string ca = "    certificate-authority-data: " + base::Base64Encode("CA") + "\n";
  EXPECT_NE(WrongIn(Read(Text("https://a", ca, "    exec: {command: x}\n")))
                .find("users with 'exec' are not supported"),
            std::string::npos);
  EXPECT_NE(WrongIn(Read(Text("https://a", ca, "    client-certificate-data: QQ==\n")))
                .find("without its key"),
            std::string::npos);
  EXPECT_NE(
      WrongIn(Read(Text("https://a", "", "    token: t\n"))).find("names no certificate-authority"),
      std::string::npos);
  EXPECT_NE(WrongIn(Read(Text("https://a", ca, "    token: t\n"), "two"))
                .find("no entry 'two' in contexts"),
            std::string::npos);
  EXPECT_NE(
      WrongIn(Read(Text("https://a", "    certificate-authority-data: '*'\n", "    token: t\n")))
          .find("is not base64"),
      std::string::npos);
  EXPECT_TRUE(
      Read(Text("https://a", "    insecure-skip-tls-verify: true\n", "    token: t\n")).ok());
}

}  // namespace
}  // namespace keelson::kube
