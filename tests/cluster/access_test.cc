// SPDX-License-Identifier: Apache-2.0
// keelson-master as a process and a node that comes with nothing but a bootstrap token.
#include "kubelet/cluster/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "kubelet/cluster/renewal.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "tests/load/master_process.h"

namespace keelson::cluster {
namespace {

using ::testing::HasSubstr;

// The time of the machine, and as much later as the test says.
class LaterClock final : public base::Clock {
 public:
  base::SteadyTime Steady() const override { return base::SystemClock().Steady(); }
  int64_t WallNanos() const override { return base::SystemClock().WallNanos() + later_; }
  std::atomic<int64_t> later_ = 0;
};

class AccessTest : public testing::Test {
 protected:
  void SetUp() override {
    auto master = load::MasterProcess::Start({.dir = dir_.path() + "/master"});
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(*std::move(master));
    Make("/api/v1/namespaces/kube-system/secrets",
         R"({"apiVersion":"v1","kind":"Secret","type":"bootstrap.kubernetes.io/token",)"
         R"("metadata":{"name":"bootstrap-token-abcdef"},"stringData":{"token-id":"abcdef",)"
         R"("token-secret":"0123456789abcdef","usage-bootstrap-authentication":"true"}})");
    const std::string requests = "system:certificates.k8s.io:certificatesigningrequests:";
    Bind("system:node-bootstrapper", "system:bootstrappers");
    Bind(requests + "nodeclient", "system:bootstrappers");
    Bind(requests + "selfnodeclient", "system:nodes");
  }
  void Make(const std::string& path, const std::string& body) {
    auto connection = load::Connection::Open(*master_->client());
    ASSERT_TRUE(connection.ok());
    const auto made = connection->Ask("POST", path, body);
    ASSERT_TRUE(made.ok());
    ASSERT_EQ(made->code, 201) << made->body;
  }
  void Bind(const std::string& role, const std::string& group) {
    Make("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
         R"({"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":)"
         R"({"generateName":"test-"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io",)"
         R"("kind":"ClusterRole","name":")" +
             role +
             R"("},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":")" +
             group + R"("}]})");
  }
  AccessOptions With(const std::string& token) {
    json::Value config = json::ParseYaml(os::ReadFile(master_->kubeconfig()).value()).value();
    config.Find("clusters")
        ->items()
        .at(0)
        .Find("cluster")
        ->Set("server",
              json::Value("https://127.0.0.1:" + std::to_string(master_->client()->port())));
    config.Find("users")->items().at(0).Set("user",
                                            json::Value::Object({{"token", json::Value(token)}}));
    const std::string path = dir_.path() + "/bootstrap";
    EXPECT_TRUE(os::WriteFileAtomic(path, json::WriteYaml(config), 0600).ok());
    return {.kubeconfig = dir_.path() + "/own",
            .bootstrap_kubeconfig = path,
            .certificates = dir_.path() + "/pki",
            .node = "new",
            .stopped = {}};
  }
  // Until it is so or a minute has gone.
  void Run(const std::function<bool()>& until) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!until() && std::chrono::steady_clock::now() < deadline)
      loop_->RunOnce(std::chrono::milliseconds(50));
    ASSERT_TRUE(until());
  }
  json::Value WhoAmI(kube::Api& api) {
    std::optional<base::Result<json::Value>> answer;
    api.Send({.method = "POST",
              .path = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
              .body = R"({"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"})"},
             [&](base::Result<json::Value> given) { answer = std::move(given); });
    Run([&] { return answer.has_value(); });
    EXPECT_TRUE(answer->ok()) << answer->error().message();
    return answer->ok() ? (*answer)->At({"status", "userInfo"}) : json::Value();
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-access").value();
  const std::unique_ptr<os::EventLoop> loop_ = os::EventLoop::Create().value();
  std::optional<load::MasterProcess> master_;
  LaterClock clock_;
};

TEST_F(AccessTest, WhoHasATokenGetsACertificateOfItsOwnWhichIsRenewedInTime) {
  const AccessOptions options = With("abcdef.0123456789abcdef");
  const auto access = OpenAccess(options, clock_);
  ASSERT_TRUE(access.ok()) << access.error().message();
  EXPECT_TRUE(access->token.empty());
  kube::Api api(*loop_, clock_, *access, "test");
  const json::Value user = WhoAmI(api);
  EXPECT_EQ(user.At({"username"}).AsString(), "system:node:new");
  EXPECT_EQ(user.At({"groups"}).items().at(0).AsString(), "system:nodes");

  // What is there is used again, also without a token that is good.
  const std::string before = os::ReadFile(options.Certificate()).value();
  ASSERT_TRUE(OpenAccess(With("abcdef.fedcba9876543210"), clock_).ok());
  EXPECT_TRUE(os::ReadFile(options.Certificate()).value() == before);

  clock_.later_ = int64_t{330} * 86400 * 1'000'000'000;  // of a year
  const auto renewal =
      RenewalOfAccess(api, clock_, "new", options.Certificate(), options.bootstrap_kubeconfig);
  ASSERT_NE(renewal, nullptr);
  renewal->Start();
  Run([&] { return os::ReadFile(options.Certificate()).ValueOr(before) != before; });
  Run([&] {
    return api.config().target.certificate == os::ReadFile(options.Certificate()).value();
  });
  kube::Api renewed(*loop_, clock_, kube::ReadKubeconfig(options.kubeconfig).value(), "test");
  EXPECT_EQ(WhoAmI(renewed).At({"username"}).AsString(), "system:node:new");

  // Too late: the way in is the token again.
  clock_.later_ = int64_t{400} * 86400 * 1'000'000'000;
  EXPECT_FALSE(OpenAccess(With("abcdef.fedcba9876543210"), clock_).ok());
  const auto again = OpenAccess(With("abcdef.0123456789abcdef"), clock_);
  EXPECT_TRUE(again.ok()) << again.error().message();
}

TEST_F(AccessTest, AWrongTokenIsToldAtOnceAndLeavesNothing) {
  const AccessOptions options = With("abcdef.fedcba9876543210");
  const auto access = OpenAccess(options, clock_);
  ASSERT_FALSE(access.ok());
  EXPECT_THAT(access.error().message(), HasSubstr("join by " + options.bootstrap_kubeconfig));
  EXPECT_FALSE(os::Exists(options.kubeconfig));
}

}  // namespace
}  // namespace keelson::cluster
