// SPDX-License-Identifier: Apache-2.0
// The agent against a server and a writer of this test.
#include "proxy/agent/agent.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "lib/http/service/server.h"
#include "lib/http/service/test_pki.h"

namespace keelson::proxy {
namespace {

using service::Exchange;
using ::testing::HasSubstr;

constexpr char kEnd[] =
    R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":)"
    R"({"k8s.io/initial-events-end":"true"}}}})"
    "\n";
constexpr char kService[] =
    R"({"type":"ADDED","object":{"apiVersion":"v1","kind":"Service","metadata":{"namespace":"d",)"
    R"("name":"bad","resourceVersion":"3"},"spec":{"clusterIPs":["10.43.0.1"],"ports":)"
    R"([{"port":80}]}}})"
    "\n";

// Takes everything but "d/bad".
class PickyWriter final : public Writer {
 public:
  Family family() const override { return Family::kIpv4; }
  base::Status Write(std::vector<ServicePlan> changed) override {
    for (const ServicePlan& service : changed)
      if (service.name == "d/bad") refused_[service.name] = "no such match";
    return base::Ok();
  }
  base::Result<bool> Intact() override { return true; }
  std::map<std::string, std::string> Refused() const override { return refused_; }
  base::Status Remove() override { return base::Ok(); }

 private:
  std::map<std::string, std::string> refused_;
};

TEST(Agent, WhoLooksAtAServiceSeesThatItsRulesAreRefused) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> open;  // guarded by mutex
  std::vector<std::string> events;              // guarded by mutex
  service::Server server({}, [&](std::shared_ptr<Exchange> exchange) {
    const std::lock_guard lock(mutex);
    const std::string target(exchange->request().target);
    if (exchange->request().method == "POST") {
      events.push_back(target + " " + std::string(exchange->request().body));
      exchange->Respond(201, {}, std::string("{}"));
      return;
    }
    exchange->Begin(200, {});
    if (target.starts_with("/api/v1/services")) exchange->Write(service::Buffer(kService));
    exchange->Write(service::Buffer(kEnd));
    open.push_back(std::move(exchange));
  });
  ASSERT_TRUE(server.SetTls(service::TestPki::Get().Material()).ok());
  kube::ClientConfig config;
  config.target.host = "localhost";
  config.target.port = server.ListenTls("127.0.0.1:0").value();
  config.target.authorities = service::TestPki::Get().Text("ca.crt");

  const base::SystemClock clock;
  const auto loop = os::EventLoop::Create().value();
  kube::Api api(*loop, clock, config, "test");
  Health health(clock);
  meter::Registry registry;
  Writers writers;
  writers.push_back(std::make_unique<PickyWriter>());
  {
    Agent::Settings settings;
    settings.node = "a";
    int written = 0;
    settings.first_written = [&] { ++written; };
    Agent agent(*loop, api, clock, std::move(settings), std::move(writers), health, registry);
    agent.Start();
    const auto told = [&] {
      const std::lock_guard lock(mutex);
      return !events.empty();
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!told() && std::chrono::steady_clock::now() < deadline)
      loop->RunOnce(std::chrono::milliseconds(20));
    EXPECT_EQ(written, 1);
  }
  const std::lock_guard lock(mutex);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0], HasSubstr("/api/v1/namespaces/d/events "));
  EXPECT_THAT(events[0], HasSubstr(R"("reason":"FailedToApplyRules")"));
  EXPECT_THAT(events[0], HasSubstr("node a has no rules for this service: no such match"));
  EXPECT_THAT(registry.Text(), HasSubstr("kubeproxy_sync_proxy_rules_service_changes_total 1"));
  open.clear();
}

}  // namespace
}  // namespace keelson::proxy
