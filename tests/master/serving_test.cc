// SPDX-License-Identifier: Apache-2.0
// What keelson-master offers beside resources, asked of the program itself: health checks, version,
// metrics, the audit log, impersonation, bounds; and the subresources that write parts of a pod.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "tests/load/master_process.h"

namespace keelson::load {
namespace {

using json::Value;
using testing::HasSubstr;

constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";
constexpr auto kPatience = std::chrono::minutes(2);

class Serving : public testing::Test {
 protected:
  void Start(std::vector<std::string> extra = {}) {
    auto master = MasterProcess::Start({.dir = dir_.path(), .extra = std::move(extra)});
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(std::move(*master));
    const auto identity = ReadKubeconfig(master_->kubeconfig());
    ASSERT_TRUE(identity.ok());
    auto anybody = Client::Make({.authority = identity->authority, .certificate = "", .key = ""},
                                master_->client()->port());
    ASSERT_TRUE(anybody.ok());
    anybody_.emplace(std::move(*anybody));
  }
  static Answer Ask(const Client& client, std::string_view method, std::string_view path,
                    std::string_view body = {}, std::string_view type = "application/json",
                    std::string_view headers = {}) {
    auto connection = Connection::Open(client);
    EXPECT_TRUE(connection.ok());
    if (!connection.ok()) return {};
    auto answer = connection->Ask(method, path, body, type, headers);
    EXPECT_TRUE(answer.ok()) << method << " " << path << ": " << answer.error().message();
    return std::move(answer).ValueOr({});
  }
  // As the administrator.
  Answer Do(std::string_view method, std::string_view path, std::string_view body = {},
            std::string_view type = "application/json", std::string_view headers = {}) {
    return Ask(*master_->client(), method, path, body, type, headers);
  }
  static Value Json(const Answer& answer) {
    auto value = json::ParseJson(answer.body);
    EXPECT_TRUE(value.ok()) << answer.body;
    return std::move(value).ValueOr({});
  }
  static std::string MapOf(std::string_view name) {
    return fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name);
  }
  // The events of the audit log, once there are as many.
  std::vector<Value> Events(const std::string& path, size_t count) {
    std::vector<Value> events;
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      events.clear();
      const std::string text = os::ReadFile(path).ValueOr("");
      for (const std::string_view line : base::Split(std::string_view(text), '\n')) {
        auto event = json::ParseJson(line);
        if (event.ok()) events.push_back(*std::move(event));
      }
      if (events.size() >= count) break;
      ::poll(nullptr, 0, 5);
    }
    return events;
  }

  os::TempDir dir_ = *os::TempDir::Create("keelson-master-serving");
  std::optional<MasterProcess> master_;
  std::optional<Client> anybody_;
};

TEST_F(Serving, HealthIsForEverybodyAndItsPartsForWhomItConcerns) {
  Start();
  struct Case {
    bool admin;
    std::string_view path;
    int code;
    std::string_view says;
  };
  const Case cases[] = {
      {false, "/healthz", 200, "ok"},
      {false, "/livez", 200, "ok"},
      {false, "/readyz", 200, "ok"},
      {false, "/readyz?verbose", 200, "[+]etcd-readiness ok\n"},
      {false, "/livez?verbose&exclude=etcd", 200, "[+]etcd excluded: ok\n"},
      {false, "/version", 200, "\"gitVersion\": \"v1."},
      {false, "/livez/ping", 403,
       R"(forbidden: User \"system:anonymous\" cannot get path \"/livez/ping\")"},
      {false, "/metrics", 403,
       R"(forbidden: User \"system:anonymous\" cannot get path \"/metrics\")"},
      {true, "/readyz/shutdown", 200, "ok"},
      {true, "/livez/shutdown", 404, "404 page not found"},
      {true, "/livez/", 404, "404 page not found"},
      {true, "/readyz/informer-sync", 200, "ok"},
      {true, "/livez/poststarthook/rbac/bootstrap-roles", 200, "ok"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const Answer answer = Ask(c.admin ? *master_->client() : *anybody_, "GET", c.path);
    EXPECT_EQ(answer.code, c.code);
    EXPECT_THAT(answer.body, HasSubstr(c.says));
  }
  // What was shown and is not good is refused, whatever it asks for.
  EXPECT_EQ(Ask(*anybody_, "GET", "/livez", {}, {}, "Authorization: Bearer nonsense\r\n").code,
            401);
}

TEST_F(Serving, RequestsAreCounted) {
  constexpr char kSecrets[] = "/api/v1/namespaces/default/secrets";
  Start();
  EXPECT_EQ(Do("POST", kSecrets, MapOf("a")).code, 201);
  EXPECT_EQ(Do("POST", kSecrets, MapOf("a")).code, 409);
  auto watching = Connection::Open(*master_->client());
  ASSERT_TRUE(watching.ok());
  const auto begun = watching->Begin(std::string(kSecrets) + "?watch=true");
  ASSERT_TRUE(begun.ok());
  ASSERT_TRUE(watching->ReadLine().ok());
  const Answer page = Do("GET", "/metrics");
  EXPECT_EQ(page.code, 200);
  EXPECT_THAT(base::ToLower(page.head), HasSubstr("content-type: text/plain; version=0.0.4"));
  const char* const rest =
      "component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"secrets\",scope=\"resource\","
      "subresource=\"\",verb=\"POST\",version=\"v1\"";
  for (const std::string& line : {
           fmt::format("apiserver_request_total{{code=\"201\",{}}} 1\n", rest),
           fmt::format("apiserver_request_total{{code=\"409\",{}}} 1\n", rest),
           fmt::format("apiserver_request_duration_seconds_count{{{}}} 2\n", rest),
           std::string("apiserver_longrunning_requests{component=\"apiserver\",group=\"\","
                       "resource=\"secrets\",scope=\"namespace\",subresource=\"\","
                       "verb=\"WATCH\",version=\"v1\"} 1\n"),
           std::string("apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1\n"),
           std::string("apiserver_storage_objects{resource=\"namespaces\"} 4\n"),
           std::string("apiserver_resource_objects{group=\"\",resource=\"namespaces\"} 4\n"),
           std::string("\nprocess_resident_memory_bytes "),
           std::string("\nworkqueue_depth{name="),
       })
    EXPECT_NE(page.body.find(line), std::string::npos) << line;
  // The event is counted when the server has handed it on, a moment after the client may have it.
  std::string seen;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const std::string event =
      "apiserver_watch_events_total{group=\"\",resource=\"secrets\",version=\"v1\"} 1\n";
  while (std::chrono::steady_clock::now() < deadline && seen.find(event) == std::string::npos)
    seen = Do("GET", "/metrics").body;
  EXPECT_NE(seen.find(event), std::string::npos) << event;
}

TEST_F(Serving, WritesAreWrittenDown) {
  const std::string path = dir_.path() + "/audit.log";
  Start({"--audit-log", path});
  EXPECT_THAT(Do("POST", kMaps, MapOf("a"), "application/json", "Audit-ID: first\r\n").head,
              HasSubstr("first"));
  EXPECT_EQ(Do("GET", kMaps).code, 200);
  EXPECT_EQ(Do("DELETE", std::string(kMaps) + "/a", {}, {}, "Impersonate-User: jane\r\n").code,
            403);
  std::vector<Value> events = Events(path, 2);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].At({"auditID"}).AsString(), "first");
  EXPECT_EQ(events[0].At({"verb"}).AsString(), "create");
  EXPECT_EQ(events[0].At({"objectRef", "name"}).AsString(), "a");
  EXPECT_EQ(events[0].At({"responseStatus", "code"}).AsInt(), 201);
  EXPECT_EQ(events[1].At({"user", "username"}).AsString(), "kubernetes-admin");
  EXPECT_EQ(events[1].At({"impersonatedUser", "username"}).AsString(), "jane");
  EXPECT_EQ(events[1].At({"responseStatus", "reason"}).AsString(), "Forbidden");
  EXPECT_EQ(events[1].At({"annotations", "authorization.k8s.io/decision"}).AsString(), "forbid");

  // Moved away by somebody who then says so.
  ASSERT_EQ(rename(path.c_str(), (path + ".old").c_str()), 0);
  ASSERT_EQ(::kill(master_->pid(), SIGHUP), 0);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (int i = 0; !os::Exists(path) && std::chrono::steady_clock::now() < deadline; ++i)
    EXPECT_EQ(Do("POST", kMaps, MapOf(fmt::format("b-{}", i))).code, 201);
  EXPECT_TRUE(os::Exists(path));
  EXPECT_EQ(master_->Stop().ValueOr(-1), 0);
  EXPECT_GE(Events(path, 1).size(), 1u);
}

TEST_F(Serving, EndsInOrderWhileOthersWatch) {
  Start();
  std::vector<Connection> watching;
  for (int i = 0; i < 8; ++i) {
    auto connection = Connection::Open(*master_->client());
    ASSERT_TRUE(connection.ok());
    ASSERT_TRUE(connection->Begin(std::string(kMaps) + "?watch=true").ok());
    watching.push_back(std::move(*connection));
  }
  EXPECT_EQ(master_->Stop().ValueOr(-1), 0) << master_->Log();
}

TEST_F(Serving, WhatIsTooMuchIsRefusedAsUpstreamDoes) {
  Start();
  const std::string large = fmt::format(R"({{"metadata":{{"name":"l"}},"data":{{"k":"{}"}}}})",
                                        std::string(4 << 20, 'x'));
  const Answer too_large = Do("POST", kMaps, large);
  EXPECT_EQ(too_large.code, 413);
  EXPECT_EQ(Json(too_large).At({"reason"}).AsString(), "RequestEntityTooLarge");
  EXPECT_THAT(too_large.body, HasSubstr("limit is 3145728"));
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += "{\"a\":";
  deep += "1" + std::string(20'000, '}');
  EXPECT_EQ(Do("POST", kMaps, deep).code, 400);
  EXPECT_EQ(Do("GET", "/version", {}, {}, "X-Long: " + std::string(100'000, 'h') + "\r\n").code,
            431);
  const Answer timeout = Do("GET", std::string(kMaps) + "?timeout=soon");
  EXPECT_EQ(timeout.code, 400);
  EXPECT_THAT(timeout.body, HasSubstr("invalid timeout specified in the request URL"));
  const Answer future = Do("GET", std::string(kMaps) + "?resourceVersion=999999999");
  EXPECT_EQ(future.code, 504);
  EXPECT_THAT(base::ToLower(future.head), HasSubstr("retry-after: 1"));
  EXPECT_THAT(future.body, HasSubstr("Too large resource version"));
}

TEST_F(Serving, TooManyAtATimeAreToldToComeAgain) {
  Start({"--max-requests-inflight", "1"});
  const std::string binding = R"({"metadata":{"name":"jane"},"roleRef":{"apiGroup":)"
                              R"("rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},)"
                              R"("subjects":[{"kind":"User","name":"jane"}]})";
  ASSERT_EQ(Do("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding).code,
            201);
  constexpr char kJane[] = "Impersonate-User: jane\r\n";
  // One waits for a revision that does not come; meanwhile there is no room for a second.
  Answer refused;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (refused.code != 429 && std::chrono::steady_clock::now() < deadline) {
    std::atomic<bool> over{false};
    std::thread waiting([&] {
      (void)Do("GET", std::string(kMaps) + "?resourceVersion=999999999", {}, {}, kJane);
      over = true;
    });
    while (!over && refused.code != 429) refused = Do("GET", kMaps, {}, {}, kJane);
    // Administrators get through.
    if (refused.code == 429) {
      EXPECT_EQ(Do("GET", kMaps).code, 200);
    }
    waiting.join();
  }
  EXPECT_EQ(refused.code, 429);
  EXPECT_THAT(base::ToLower(refused.head), HasSubstr("retry-after: 1"));
  EXPECT_EQ(refused.body, "Too many requests, please try again later.\n");
  EXPECT_EQ(Do("GET", kMaps, {}, {}, kJane).code, 200);
}

TEST_F(Serving, PodsAreJoinedAndResized) {
  Start();
  constexpr char kPods[] = "/api/v1/namespaces/default/pods";
  constexpr char kPod[] =
      R"({"metadata":{"name":"p"},"spec":{"automountServiceAccountToken":false,"containers":[)"
      R"({"name":"c","image":"i","resources":{"requests":{"cpu":"1"}}}]}})";
  Answer made;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  // Until the namespace has its account.
  while (made.code != 201 && std::chrono::steady_clock::now() < deadline)
    made = Do("POST", kPods, kPod);
  ASSERT_EQ(made.code, 201) << made.body;
  constexpr char kMerge[] = "application/strategic-merge-patch+json";
  const std::string pod = std::string(kPods) + "/p";
  const Answer joined =
      Do("PATCH", pod + "/ephemeralcontainers",
         R"({"spec":{"ephemeralContainers":[{"name":"d","image":"b","targetContainerName":"c"}]}})",
         kMerge);
  EXPECT_EQ(joined.code, 200) << joined.body;
  const Value debugged = Json(joined);
  EXPECT_EQ(
      debugged.At({"spec", "ephemeralContainers"}).items().at(0).At({"imagePullPolicy"}).AsString(),
      "Always");
  EXPECT_EQ(debugged.At({"metadata", "generation"}).AsInt(), 2);
  EXPECT_EQ(Do("PATCH", pod + "/ephemeralcontainers",
               R"({"spec":{"ephemeralContainers":[{"name":"d","image":"other"}]}})", kMerge)
                .code,
            422);
  const Answer resized = Do(
      "PATCH", pod + "/resize",
      R"({"spec":{"containers":[{"name":"c","image":"x","resources":{"requests":{"cpu":"2"}}}]}})",
      kMerge);
  EXPECT_EQ(resized.code, 200) << resized.body;
  const Value larger = Json(resized).At({"spec", "containers"}).items().at(0);
  EXPECT_EQ(larger.At({"resources", "requests", "cpu"}).AsString(), "2");
  EXPECT_EQ(larger.At({"image"}).AsString(), "i");
  const Answer removed =
      Do("PATCH", pod + "/resize",
         R"({"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":null}}}]}})", kMerge);
  EXPECT_EQ(removed.code, 422);
  EXPECT_THAT(removed.body, HasSubstr("Pod QOS Class may not change as a result of resizing"));
  EXPECT_EQ(Do("GET", pod + "/resize").code, 200);
}

}  // namespace
}  // namespace keelson::load
