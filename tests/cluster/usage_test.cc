// SPDX-License-Identifier: Apache-2.0
// keelson-master as a process and a kubelet of this test: what nodes use becomes metrics.k8s.io.
#include <gtest/gtest.h>
#include <poll.h>

#include "lib/base/clock.h"
#include "lib/http/service/server.h"
#include "lib/http/service/test_pki.h"
#include "lib/json/value.h"
#include "lib/kube/quantity.h"
#include "lib/os/temp_dir.h"
#include "tests/load/master_process.h"
#include "tests/load/nodes.h"

namespace keelson {
namespace {

class UsageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto master =
        load::MasterProcess::Start({.dir = dir_.path(), .extra = {"--metric-resolution", "1"}});
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(*std::move(master));
    ASSERT_TRUE(load::WaitForAccount(*master_->client()).ok());
    kubelet_ = std::make_unique<service::Server>(
        service::ServerOptions(),
        [this](std::shared_ptr<service::Exchange> exchange) { Answer(*exchange); });
    ASSERT_TRUE(kubelet_->SetTls(service::TestPki::Get().Material()).ok());
    port_ = kubelet_->ListenTls("127.0.0.1:0").value();
  }

  // Half a core by the container, a whole one by the node.
  void Answer(service::Exchange& exchange) {
    const int64_t now = base::SystemClock().WallNanos() / 1'000'000;
    const double passed = static_cast<double>(now - begun_) / 1000;
    exchange.Respond(
        200, {},
        fmt::format("container_cpu_usage_seconds_total{{container=\"app\",namespace=\"default\","
                    "pod=\"web\"}} {0:.3f} {1}\n"
                    "container_memory_working_set_bytes{{container=\"app\",namespace=\"default\","
                    "pod=\"web\"}} 1048576 {1}\n"
                    "node_cpu_usage_seconds_total {2:.3f} {1}\n"
                    "node_memory_working_set_bytes 4194304 {1}\n",
                    passed / 2, now, passed));
  }
  json::Value Ask(const std::string& method, const std::string& path,
                  const std::string& body = "") {
    auto connection = load::Connection::Open(*master_->client());
    EXPECT_TRUE(connection.ok());
    const auto answer = connection->Ask(method, path, body);
    EXPECT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_LT(answer->code, 300) << answer->body;
    return json::ParseJson(answer->body).ValueOr(json::Value());
  }

  static double Cores(const json::Value& text) {
    const auto amount = kube::Quantity::Parse(text.AsString());
    return amount.ok() ? static_cast<double>(amount->MilliValue()) / 1000 : -1;
  }

  os::TempDir dir_ = os::TempDir::Create("keelson-usage").value();
  std::optional<load::MasterProcess> master_;
  std::unique_ptr<service::Server> kubelet_;
  int port_ = 0;
  const int64_t begun_ = base::SystemClock().WallNanos() / 1'000'000;
};

TEST_F(UsageTest, OfNodesAndPodsIsToldAsAMetricsServerWould) {
  Ask("POST", "/api/v1/nodes", R"({"metadata":{"name":"a","labels":{"kind":"test"}}})");
  Ask("PUT", "/api/v1/nodes/a/status",
      fmt::format(
          R"({{"metadata":{{"name":"a","labels":{{"kind":"test"}}}},"status":{{"addresses":[{{"type":"InternalIP",)"
          R"("address":"127.0.0.1"}}],"daemonEndpoints":{{"kubeletEndpoint":)"
          R"({{"Port":{}}}}}}}}})",
          port_));
  Ask("POST", "/api/v1/namespaces/default/pods",
      R"({"metadata":{"name":"web","labels":{"app":"web"}},)"
      R"("spec":{"nodeName":"a","containers":[{"name":"app","image":"x"}]}})");
  const std::string kGroup = "/apis/metrics.k8s.io/v1beta1";
  json::Value nodes;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (nodes.At({"items"}).items().empty() && std::chrono::steady_clock::now() < deadline) {
    ::poll(nullptr, 0, 50);
    nodes = Ask("GET", kGroup + "/nodes?labelSelector=kind%3Dtest");
  }
  ASSERT_EQ(nodes.At({"items"}).items().size(), 1u) << master_->Log();
  EXPECT_EQ(nodes.At({"kind"}).AsString(), "NodeMetricsList");
  EXPECT_NEAR(Cores(nodes.At({"items"}).items()[0].At({"usage", "cpu"})), 1, 0.01);
  const json::Value pod = Ask("GET", kGroup + "/namespaces/default/pods/web");
  EXPECT_EQ(pod.At({"metadata", "labels", "app"}).AsString(), "web");
  EXPECT_NEAR(Cores(pod.At({"containers"}).items()[0].At({"usage", "cpu"})), 0.5, 0.01);
  EXPECT_EQ(pod.At({"containers"}).items()[0].At({"usage", "memory"}).AsString(), "1024Ki");
  EXPECT_TRUE(Ask("GET", kGroup + "/pods?labelSelector=app%3Dother").At({"items"}).items().empty());
}

}  // namespace
}  // namespace keelson
