// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/client/refresh.h"

#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::kube {
namespace {

class RefreshTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("kubeconfig",
          "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
          "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', "
          "insecure-skip-tls-verify: true}}]\n"
          "users: [{name: u, user: {client-certificate: both.pem, client-key: both.pem}}]\n"
          "contexts: [{name: c, context: {cluster: c, user: u}}]\n");
    Write("both.pem", "the first");
    api_ = std::make_unique<Api>(*loop_, clock_, ReadKubeconfig(Path("kubeconfig")).value(), "t");
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(Path(name), text, 0600).ok());
  }
  bool Shows(const std::string& certificate) {
    const auto deadline = clock_.Steady() + std::chrono::minutes(1);
    while (api_->config().target.certificate != certificate && clock_.Steady() < deadline)
      loop_->RunOnce(std::chrono::seconds(1));
    return api_->config().target.certificate == certificate &&
           api_->config().target.key == certificate;
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-refresh").value();
  const base::SystemClock clock_;
  const std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::Create().value();
  std::unique_ptr<Api> api_;
};

TEST_F(RefreshTest, ACertificateThatWasExchangedIsShownFromThenOn) {
  const Refresh refresh(*api_, Path("kubeconfig"), std::chrono::milliseconds(1));
  EXPECT_TRUE(Shows("the first"));
  Write("both.pem", "the second");
  EXPECT_TRUE(Shows("the second"));
}

TEST(RefreshPeriod, IsShortWhereACertificateIs) {
  using std::chrono::minutes;
  using std::chrono::seconds;
  EXPECT_EQ(LookAfter(minutes(1), seconds(int64_t{365} * 86400)), minutes(1));
  EXPECT_EQ(LookAfter(minutes(1), seconds(80)), seconds(10));
  EXPECT_EQ(LookAfter(minutes(1), seconds(3)), seconds(1));
  EXPECT_EQ(LookAfter(minutes(1), seconds(-9)), seconds(1));
  EXPECT_EQ(LookAfter(std::chrono::milliseconds(1), seconds(80)), std::chrono::milliseconds(1));
}

TEST_F(RefreshTest, WhatCannotBeReadChangesNothingAndIsReadWhenItCan) {
  const Refresh refresh(*api_, Path("kubeconfig"), std::chrono::milliseconds(1));
  ASSERT_TRUE(os::RemoveFile(Path("both.pem")).ok());
  for (int i = 0; i < 3; ++i) loop_->RunOnce(std::chrono::seconds(1));
  EXPECT_TRUE(Shows("the first"));
  Write("both.pem", "the second");
  EXPECT_TRUE(Shows("the second"));
}

}  // namespace
}  // namespace keelson::kube
