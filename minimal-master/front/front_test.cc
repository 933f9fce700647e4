// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/front/front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "lib/base/fake_clock.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/front/labels.h"

namespace keelson::front {
namespace {

using testing::HasSubstr;
using testing::Not;

class FakeTunnel final : public service::Tunnel {
 public:
  service::Sent Send(std::vector<service::Buffer>) override { return service::Sent::kTaken; }
  void OnRoom(std::function<void()>) override {}
  void OnData(std::function<void(std::string_view)>) override {}
  void PauseReading(bool) override {}
  void OnClosed(std::function<void()>) override {}
  void Close() override {}
};

// What the client would have got.
class FakeExchange final : public service::Exchange {
 public:
  FakeExchange(std::string_view method, std::string_view target) {
    asked.method = method;
    asked.target = target;
    EXPECT_TRUE(service::ParseTarget(asked));
  }
  const service::Request& request() const override { return asked; }
  void Respond(int status, service::Fields fields, std::vector<service::Buffer> body) override {
    Begin(status, std::move(fields));
    for (const service::Buffer& piece : body) text += piece.view();
  }
  void Begin(int status, service::Fields fields) override {
    code = status;
    headers = std::move(fields);
  }
  service::Sent Write(std::vector<service::Buffer> pieces) override {
    if (full) return service::Sent::kFull;
    for (const service::Buffer& piece : pieces) text += piece.view();
    return service::Sent::kTaken;
  }
  void End() override {}
  void Abort() override {}
  void OnDrain(std::function<void()>) override {}
  void OnGone(std::function<void()>) override {}
  bool gone() const override { return false; }
  base::Result<std::shared_ptr<service::Tunnel>> Upgrade(service::Fields fields) override {
    Begin(101, std::move(fields));
    return std::shared_ptr<service::Tunnel>(std::make_shared<FakeTunnel>());
  }
  std::string Header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }

  service::Request asked;
  int code = 0;
  service::Fields headers;
  std::string text;
  bool full = false;
};

class FrontTest : public testing::Test {
 protected:
  // A request up to the point where it is answered; null: it was answered already.
  std::shared_ptr<service::Exchange> Begin(Front& front,
                                           const std::shared_ptr<FakeExchange>& exchange,
                                           std::string_view group = "") {
    api::Route route = api::RouteOf(exchange->asked);
    const std::shared_ptr<api::Visit> visit = front.Begin(exchange, route);
    route.user.name = "jane";
    if (!group.empty()) route.user.groups.emplace_back(group);
    if (!visit->Enter(route)) return nullptr;
    visit->Decided(true);
    return visit->exchange();
  }
  static std::shared_ptr<FakeExchange> Make(std::string_view method, std::string_view target) {
    return std::make_shared<FakeExchange>(method, target);
  }

  base::ManualClock clock_;
  meter::Registry registry_;
};

TEST_F(FrontTest, NamesRequestsAsUpstreamDoes) {
  struct Case {
    std::string_view method;
    std::string_view target;
    std::string_view expected;  // verb resource/subresource scope dry-run
  };
  const Case cases[] = {
      {"GET", "/api/v1/namespaces/d/pods/x", "GET pods/ resource "},
      {"GET", "/api/v1/namespaces/d/pods", "LIST pods/ namespace "},
      {"GET", "/api/v1/pods?watch=true", "WATCH pods/ cluster "},
      {"POST", "/apis/apps/v1/namespaces/d/deployments?dryRun=All",
       "POST deployments/ resource All"},
      {"PUT", "/api/v1/namespaces/d/pods/x/status", "PUT pods/status resource "},
      {"DELETE", "/api/v1/namespaces/d/pods", "DELETECOLLECTION pods/ namespace "},
      {"GET", "/api/v1/namespaces/d/pods/x/exec", "CONNECT pods/exec resource "},
      {"GET", "/api/v1/namespaces/d/pods/x/log", "GET pods/log resource "},
      {"GET", "/api/v1/namespaces/d/whatever/x", "GET / resource "},
      {"GET", "/readyz", "GET //readyz  "},
      {"GET", "/made/up", "GET /  "},
      {"BREW", "/made/up", "other /  "},
  };
  for (const Case& c : cases) {
    const auto exchange = Make(c.method, c.target);
    const api::Route route = api::RouteOf(exchange->asked);
    const Labels labels = LabelsOf(exchange->asked, route);
    EXPECT_EQ(fmt::format("{} {}/{} {} {}", labels.verb, labels.resource, labels.subresource,
                          labels.scope, labels.dry_run),
              c.expected)
        << c.target;
  }
  const auto apply = Make("PATCH", "/api/v1/namespaces/d/pods/x");
  apply->asked.headers.emplace_back("content-type", "application/apply-patch+yaml");
  EXPECT_EQ(LabelsOf(apply->asked, api::RouteOf(apply->asked)).verb, "APPLY");
}

TEST_F(FrontTest, CountsAnswers) {
  Front front(registry_, clock_, {});
  for (const int code : {200, 200, 404, 418}) {
    const auto exchange = Make("GET", "/api/v1/namespaces/d/pods/x");
    const auto given = Begin(front, exchange);
    clock_.Advance(std::chrono::milliseconds(30));
    given->Respond(code, {}, std::string(1500, 'x'));
    EXPECT_EQ(exchange->code, code);
    EXPECT_EQ(exchange->Header("Audit-Id").size(), 36u);
  }
  const std::string text = registry_.Text();
  constexpr char kRest[] =
      "component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"pods\",scope=\"resource\","
      "subresource=\"\",verb=\"GET\",version=\"v1\"";
  for (const auto& [code, count] : {std::pair("200", 2), std::pair("404", 1), std::pair("418", 1)})
    EXPECT_THAT(text, HasSubstr(fmt::format("apiserver_request_total{{code=\"{}\",{}}} {}\n", code,
                                            kRest, count)));
  EXPECT_THAT(text, HasSubstr(fmt::format(
                        "apiserver_request_duration_seconds_bucket{{{},le=\"0.025\"}} 0", kRest)));
  EXPECT_THAT(text, HasSubstr(fmt::format(
                        "apiserver_request_duration_seconds_bucket{{{},le=\"0.05\"}} 4", kRest)));
  EXPECT_THAT(text, HasSubstr("apiserver_response_sizes_bucket{component=\"apiserver\",group=\"\","
                              "resource=\"pods\",scope=\"resource\",subresource=\"\",verb=\"GET\","
                              "version=\"v1\",le=\"10000\"} 4"));
}

TEST_F(FrontTest, CountsWatchesWhileTheyLastAndTheirEvents) {
  Front front(registry_, clock_, {});
  constexpr char kRunning[] =
      "apiserver_longrunning_requests{component=\"apiserver\",group=\"\",resource=\"pods\","
      "scope=\"cluster\",subresource=\"\",verb=\"WATCH\",version=\"v1\"} ";
  constexpr char kEvents[] =
      "apiserver_watch_events_total{group=\"\",resource=\"pods\",version=\"v1\"} ";
  const auto exchange = Make("GET", "/api/v1/pods?watch=true");
  auto given = Begin(front, exchange);
  given->Begin(200, {});
  EXPECT_THAT(registry_.Text(), HasSubstr(std::string(kRunning) + "1\n"));
  using service::Buffer;
  (void)given->Write({Buffer(std::string("{")), Buffer(std::string("}\n")),
                      Buffer(std::string("{}\n")), Buffer(std::string("{"))});
  EXPECT_THAT(registry_.Text(), HasSubstr(std::string(kEvents) + "2\n"));
  exchange->full = true;  // not taken: not counted
  (void)given->Write({Buffer(std::string("}\n"))});
  EXPECT_THAT(registry_.Text(), HasSubstr(std::string(kEvents) + "2\n"));
  exchange->full = false;
  (void)given->Write({Buffer(std::string("}\n"))});
  EXPECT_THAT(registry_.Text(), HasSubstr(std::string(kEvents) + "3\n"));
  given.reset();  // the client went
  EXPECT_THAT(registry_.Text(), HasSubstr(std::string(kRunning) + "0\n"));
  EXPECT_THAT(registry_.Text(), HasSubstr("verb=\"WATCH\",version=\"v1\"} 1\n"));
}

TEST_F(FrontTest, TellsThoseBeyondTheBoundToComeAgain) {
  Front front(registry_, clock_, {.max_reading = 1, .max_changing = 1});
  constexpr char kPods[] = "/api/v1/namespaces/d/pods";
  const auto first = Begin(front, Make("POST", kPods));
  ASSERT_NE(first, nullptr);
  EXPECT_THAT(registry_.Text(),
              HasSubstr("apiserver_current_inflight_requests{request_kind=\"mutating\"} 1\n"));
  const auto second = Make("POST", kPods);
  EXPECT_EQ(Begin(front, second), nullptr);
  EXPECT_EQ(second->code, 429);
  EXPECT_EQ(second->Header("Retry-After"), "1");
  EXPECT_EQ(second->text, "Too many requests, please try again later.\n");
  // Others are not meant: readers, watches, and those who must always get through.
  EXPECT_NE(Begin(front, Make("GET", kPods)), nullptr);
  EXPECT_NE(Begin(front, Make("GET", std::string(kPods) + "?watch=1")), nullptr);
  EXPECT_NE(Begin(front, Make("POST", kPods), auth::kMasters), nullptr);
  first->Respond(201, {}, std::string());
  EXPECT_NE(Begin(front, Make("POST", kPods)), nullptr);
  EXPECT_THAT(registry_.Text(),
              HasSubstr("apiserver_dropped_requests_total{request_kind=\"mutating\"} 1\n"));
  EXPECT_THAT(registry_.Text(),
              HasSubstr("apiserver_current_inflight_requests{request_kind=\"mutating\"} 0\n"));
}

TEST_F(FrontTest, AnswersThoseWhoseTimeIsOver) {
  Front front(registry_, clock_, {.sweep_every = std::chrono::milliseconds(0)});
  constexpr char kPods[] = "/api/v1/namespaces/d/pods";
  struct Case {
    std::string target;
    int seconds;  // until it is answered; 0: never
  };
  const Case cases[] = {{kPods, 60},
                        {std::string(kPods) + "?timeout=10s", 10},
                        {std::string(kPods) + "?timeout=2h", 60},
                        {std::string(kPods) + "?timeout=0s", 60},
                        {std::string(kPods) + "?watch=true", 0}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target);
    const auto exchange = Make("GET", c.target);
    const auto given = Begin(front, exchange);
    clock_.Advance(std::chrono::seconds(c.seconds == 0 ? 3600 : c.seconds) -
                   std::chrono::milliseconds(1));
    front.Sweep();
    EXPECT_EQ(exchange->code, 0);
    clock_.Advance(std::chrono::milliseconds(1));
    front.Sweep();
    EXPECT_EQ(exchange->code, c.seconds == 0 ? 0 : 504);
    const std::string text = exchange->text;
    given->Respond(200, {}, std::string("too late"));
    if (c.seconds == 0) continue;
    EXPECT_EQ(exchange->text, text);
    EXPECT_EQ(text,
              "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
              "\"Failure\",\"message\":\"Timeout: request did not complete within the allotted "
              "timeout\",\"reason\":\"Timeout\",\"details\":{},\"code\":504}\n");
  }
  // Those that were answered are not looked at again.
  front.Sweep();
  EXPECT_THAT(registry_.Text(), HasSubstr("apiserver_request_total{code=\"504\""));
}

TEST_F(FrontTest, KeepsItsBooksWhenAnswersAndTheEndOfTimeMeet) {
  const base::Result<os::TempDir> dir = os::TempDir::Create();
  ASSERT_TRUE(dir.ok());
  auto log = audit::Log::Open({.path = dir->path() + "/audit.log"});
  ASSERT_TRUE(log.ok());
  Front front(registry_, clock_,
              {.audit = log->get(),
               .timeout = std::chrono::nanoseconds(1),
               .sweep_every = std::chrono::milliseconds(0)});
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto exchange = Make(t % 2 == 0 ? "GET" : "POST", "/api/v1/namespaces/d/pods");
        clock_.Advance(std::chrono::nanoseconds(1));
        if (const auto given = Begin(front, exchange)) given->Respond(200, {}, std::string("x"));
      }
      --running;
    });
  }
  while (running > 0) front.Sweep();
  for (std::thread& thread : threads) thread.join();
  const std::string text = registry_.Text();
  EXPECT_THAT(text, HasSubstr("inflight_requests{request_kind=\"mutating\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("inflight_requests{request_kind=\"readOnly\"} 0\n"));
  int counted = 0;
  for (const std::string_view line : base::Split(std::string_view(text), '\n')) {
    if (line.starts_with("apiserver_request_total{"))
      counted += static_cast<int>(base::ParseUint64(line.substr(line.rfind(' ') + 1)).value_or(0));
  }
  EXPECT_EQ(counted, kThreads * kEach);
}

TEST_F(FrontTest, WritesDownWritesAndSessions) {
  const base::Result<os::TempDir> dir = os::TempDir::Create();
  ASSERT_TRUE(dir.ok());
  const std::string path = dir->path() + "/audit.log";
  auto log = audit::Log::Open({.path = path});
  ASSERT_TRUE(log.ok());
  {
    Front front(registry_, clock_, {.audit = log->get()});
    const auto made = Make("POST", "/api/v1/namespaces/d/pods");
    made->asked.headers.emplace_back("audit-id", "mine");
    Begin(front, made)->Respond(201, {}, std::string(R"({"kind":"Pod"})"));
    EXPECT_EQ(made->Header("Audit-Id"), "mine");
    Begin(front, Make("GET", "/api/v1/namespaces/d/pods"))->Respond(200, {}, std::string());
    auto session = Begin(front, Make("GET", "/api/v1/namespaces/d/pods/x/exec"));
    auto tunnel = session->Upgrade({});
    ASSERT_TRUE(tunnel.ok());
    session.reset();
    EXPECT_THAT(registry_.Text(), HasSubstr("verb=\"CONNECT\",version=\"v1\"} 1\n"));
  }
  log->reset();
  std::vector<std::string> seen;
  const base::Result<std::string> text = os::ReadFile(path);
  ASSERT_TRUE(text.ok());
  for (size_t at = 0; at < text->size();) {
    const size_t end = text->find('\n', at);
    const base::Result<json::Value> event = json::ParseJson(text->substr(at, end - at));
    ASSERT_TRUE(event.ok());
    seen.push_back(fmt::format("{} {} {} {}", event->At({"user", "username"}).AsString(),
                               event->At({"verb"}).AsString(), event->At({"stage"}).AsString(),
                               event->At({"responseStatus", "code"}).AsInt()));
    at = end + 1;
  }
  EXPECT_THAT(
      seen, testing::ElementsAre("jane create ResponseComplete 201", "jane get ResponseStarted 101",
                                 "jane get ResponseComplete 101"));
}

}  // namespace
}  // namespace keelson::front
