// SPDX-License-Identifier: Apache-2.0
#include "proxy/health/health.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/base/fake_clock.h"
#include "lib/http/client/client.h"
#include "lib/json/value.h"

namespace keelson::proxy {
namespace {

std::pair<http::ResponseHead, std::string> Get(int port, const std::string& path) {
  http::ClientRequest request;
  request.url = fmt::format("http://127.0.0.1:{}{}", port, path);
  auto answer = http::Client().PerformToString(request, 10000);
  return answer.ok() ? *std::move(answer) : std::pair<http::ResponseHead, std::string>();
}

// A port that is free and stays so: below those that the kernel gives to whoever asks for any,
// from a place of this process's own.
int FreePort() {
  constexpr int kFirst = 10000, kCount = 20000;
  for (int i = 0; i < kCount; ++i) {
    const int port = kFirst + (getpid() * 7 + i) % kCount;
    http::Server server({.anywhere = true});
    if (server
            .Listen(fmt::format("0.0.0.0:{}", port),
                    [](const http::Request&) { return http::Response{}; })
            .ok())
      return port;
  }
  return 0;
}

TEST(Health, IsLostWhenAChangeWaitsTooLongAndComesBack) {
  base::ManualClock clock;
  Health health(clock);
  const int port = health.Listen("127.0.0.1:0").value();
  EXPECT_EQ(Get(port, "/healthz").first.status, 200);
  health.Queued();
  clock.Advance(std::chrono::seconds(59));
  health.Queued();
  EXPECT_EQ(Get(port, "/healthz").first.status, 200);
  clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(Get(port, "/healthz").first.status, 503);
  EXPECT_EQ(Get(port, "/livez").first.status, 503);
  health.Applied();
  EXPECT_EQ(Get(port, "/livez").first.status, 200);
  health.SetEligible(false);
  EXPECT_EQ(Get(port, "/healthz").first.status, 503);
  EXPECT_EQ(Get(port, "/livez").first.status, 200);
  EXPECT_EQ(Get(port, "/elsewhere").first.status, 404);
}

TEST(Health, ANodeThatGoesMayHaveNoTraffic) {
  const struct {
    const char* node;
    bool may;
  } kCases[] = {
      {R"({"metadata":{"name":"a"}})", true},
      {R"({"metadata":{},"spec":{"unschedulable":true,"taints":[{"key":"node.kubernetes.io/unschedulable"}]}})",
       true},
      {R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})", false},
      {R"({"metadata":{},"spec":{"taints":[{"key":"a"},{"key":"ToBeDeletedByClusterAutoscaler","effect":"NoSchedule"}]}})",
       false},
  };
  for (const auto& each : kCases)
    EXPECT_EQ(MayHaveTraffic(json::ParseJson(each.node).value()), each.may) << each.node;
}

TEST(Health, ServicesTellHowManyAreHere) {
  base::ManualClock clock;
  Health health(clock);
  const int port = FreePort();
  health.Update({{"shop/web", {static_cast<uint16_t>(port), 2}}});
  auto [head, body] = Get(port, "/");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Get("x-load-balancing-endpoint-weight"), "2");
  const json::Value value = json::ParseJson(body).value();
  EXPECT_EQ(value.At({"service", "namespace"}).AsString(), "shop");
  EXPECT_EQ(value.At({"localEndpoints"}).AsInt(), 2);
  health.Update({{"shop/web", {static_cast<uint16_t>(port), 0}}});
  EXPECT_EQ(Get(port, "/").first.status, 503);
  health.Update({});
  EXPECT_EQ(Get(port, "/").first.status, 0);
}

}  // namespace
}  // namespace keelson::proxy
