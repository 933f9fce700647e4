// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/usage/scraper.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>

#include "lib/http/service/server.h"
#include "lib/http/service/test_pki.h"
#include "minimal-master/usage/objects.h"

namespace keelson::usage {
namespace {

TEST(Scraper, AsksEveryNodeAsTheServerAndForgetsThoseThatGo) {
  std::atomic<int> asked{0};
  std::atomic<bool> known{true};
  service::Server kubelet(
      service::ServerOptions(), [&](std::shared_ptr<service::Exchange> exchange) {
        known = known && exchange->request().peer != nullptr &&
                exchange->request().peer->common_name == "alice";
        const int times = ++asked;
        exchange->Respond(exchange->request().path == "/metrics/resource" ? 200 : 404, {},
                          fmt::format("node_cpu_usage_seconds_total {} {}\n"
                                      "node_memory_working_set_bytes 1048576 {}\n",
                                      times * 2, times * 1000, times * 1000));
      });
  ASSERT_TRUE(kubelet.SetTls(service::TestPki::Get().Material()).ok());
  const int port = kubelet.ListenTls("127.0.0.1:0").value();

  base::SystemClock clock;
  const std::vector<json::Value> nodes_there = {
      json::ParseJson(
          fmt::format(
              R"({{"metadata":{{"name":"a"}},"status":{{"addresses":[{{"type":"InternalIP",)"
              R"("address":"127.0.0.1"}}],"daemonEndpoints":{{"kubeletEndpoint":{{"Port":{}}}}}}}}})",
              port))
          .value()};
  std::atomic<bool> there{true};
  Usage usage;
  auto scraper =
      Scraper::Start(usage, [&] { return there ? nodes_there : std::vector<json::Value>(); }, clock,
                     {.period = std::chrono::milliseconds(20),
                      .timeout = std::chrono::milliseconds(60000),
                      .kubelet_authority = service::TestPki::Get().Text("ca.crt"),
                      .certificate = service::TestPki::Get().Text("client.crt"),
                      .key = service::TestPki::Get().Text("client.key")})
          .value();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (usage.Nodes(0).empty() && std::chrono::steady_clock::now() < deadline)
    ::poll(nullptr, 0, 5);
  const auto nodes = usage.Nodes(0);
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_DOUBLE_EQ(nodes[0].use.cores, 2.0);
  EXPECT_TRUE(known);
  there = false;
  while (!usage.Nodes(0).empty() && std::chrono::steady_clock::now() < deadline)
    ::poll(nullptr, 0, 5);
  EXPECT_TRUE(usage.Nodes(0).empty());
}

TEST(Objects, AreThoseOfAMetricsServer) {
  const LabelsOf labels = [](const std::string&, const std::string& name) {
    return name == "gone" ? std::nullopt
                          : std::optional(json::ParseJson(R"({"app":"web"})").value());
  };
  const PodUse pod{{"d", "web-1"}, {{"app", {0.25, 2048}}}, 1'700'000'000'000, 15'013};
  const PodUse gone{{"d", "gone"}, {{"app", {0.25, 2048}}}, 0, 1000};
  const auto objects = PodMetrics({pod, gone}, labels, 0);
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(json::WriteJson(objects[0]),
            R"({"kind":"PodMetrics","apiVersion":"metrics.k8s.io/v1beta1","metadata":{"name":)"
            R"("web-1","namespace":"d","creationTimestamp":"1970-01-01T00:00:00Z","labels":)"
            R"({"app":"web"}},"timestamp":"2023-11-14T22:13:20Z","window":"15.013s",)"
            R"("containers":[{"name":"app","usage":{"cpu":"250000000n","memory":"2Ki"}}]})");
  EXPECT_EQ(BytesText(1000), "1000");
  EXPECT_EQ(CoresText(0), "0");
}

}  // namespace
}  // namespace keelson::usage
