// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::cluster {
namespace {

using ::testing::HasSubstr;

TEST(Access, WithoutAWayToGetOneAKubeconfigMustBeThere) {
  const os::TempDir dir = os::TempDir::Create("keelson-access").value();
  const base::SystemClock clock;
  const auto access = OpenAccess({.kubeconfig = dir.path() + "/none", .node = "a"}, clock);
  ASSERT_FALSE(access.ok());
  EXPECT_THAT(access.error().message(), HasSubstr("/none"));
}

TEST(Access, EndsWhenItIsStoppedWhileNobodyAnswers) {
  const os::TempDir dir = os::TempDir::Create("keelson-access").value();
  const std::string bootstrap = dir.path() + "/bootstrap";
  ASSERT_TRUE(os::WriteFileAtomic(bootstrap,
                                  "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                                  "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', "
                                  "insecure-skip-tls-verify: true}}]\n"
                                  "users: [{name: u, user: {token: a.b}}]\n"
                                  "contexts: [{name: c, context: {cluster: c, user: u}}]\n",
                                  0600)
                  .ok());
  const base::SystemClock clock;
  int asked = 0;
  const auto access = OpenAccess({.kubeconfig = dir.path() + "/own",
                                  .bootstrap_kubeconfig = bootstrap,
                                  .certificates = dir.path() + "/pki",
                                  .node = "a",
                                  .stopped = [&] { return ++asked > 3; }},
                                 clock);
  ASSERT_FALSE(access.ok());
  EXPECT_THAT(access.error().message(), HasSubstr("stopped before"));
  EXPECT_FALSE(os::Exists(dir.path() + "/own"));
}

}  // namespace
}  // namespace keelson::cluster
