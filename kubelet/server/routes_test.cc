// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/server/fake_node_view.h"
#include "lib/base/fake_clock.h"
#include "lib/http/client/client.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::server {
namespace {

using http::Response;
using testing::HasSubstr;

class RoutesTest : public testing::Test {
 protected:
  Response Get(const std::string& path, std::map<std::string, std::string> query = {}) {
    return NodeRoutes(view_, clock_)({.method = "GET", .path = path, .query = std::move(query)});
  }
  FakeNodeView view_;
  base::ManualClock clock_;
};

TEST_F(RoutesTest, ShowTheNodeAsJson) {
  for (const auto& [path, word] : {std::pair("/pods", "PodList"),
                                   {"/pods/", "PodList"},
                                   {"/runningpods/", "running"},
                                   {"/configz", "kubeletconfig"}}) {
    const Response response = Get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_THAT(response.body, HasSubstr(word));
  }
}

TEST_F(RoutesTest, KnowNothingElseAndChangeNothing) {
  for (const char* path : {"/", "/x", "/pods/a", "/healthz/x", "/healthz/ping/x",
                           "/containerLogs/a/b/c/d", "//pods"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  const Response post = NodeRoutes(view_, clock_)({.method = "POST", .path = "/pods"});
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.headers.at(0).second, "GET, HEAD");
}

TEST_F(RoutesTest, TellHealthCheckByCheck) {
  EXPECT_EQ(Get("/healthz").body, "ok");
  EXPECT_EQ(Get("/healthz", {{"verbose", ""}}).body,
            "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n");
  view_.SetUnhealthy("syncloop: not entered for 400 s\n");
  EXPECT_EQ(Get("/healthz").status, 500);
  EXPECT_EQ(
      Get("/healthz").body,
      "[+]ping ok\n[+]log ok\n[-]syncloop failed: not entered for 400 s\nhealthz check failed\n");
  EXPECT_EQ(Get("/healthz/ping").status, 200);
  EXPECT_EQ(Get("/healthz/log").body, "ok");
  EXPECT_EQ(Get("/healthz/syncloop").status, 500);
  view_.SetUnhealthy("runtime: connect: no such file\n");
  EXPECT_EQ(Get("/healthz").body,
            "[+]ping ok\n[+]log ok\n[+]syncloop ok\n[-]runtime failed: connect: no such "
            "file\nhealthz check failed\n");
}

TEST_F(RoutesTest, TheHealthPortShowsHealthAlone) {
  const http::Handler handler = HealthRoutes(view_);
  EXPECT_EQ(handler({.method = "GET", .path = "/healthz"}).body, "ok");
  EXPECT_EQ(handler({.method = "GET", .path = "/healthz/ping"}).status, 200);
  EXPECT_EQ(handler({.method = "GET", .path = "/pods"}).status, 404);
  EXPECT_EQ(handler({.method = "DELETE", .path = "/healthz"}).status, 405);
}

TEST_F(RoutesTest, ExplainPods) {
  EXPECT_EQ(Get("/explain/default/web").body, "plan of default/web\n");
  EXPECT_EQ(Get("/explain/default/none").status, 404);
  EXPECT_EQ(Get("/explain/default").status, 404);
}

TEST_F(RoutesTest, RefuseLogRequestsInUpstreamsWords) {
  EXPECT_EQ(Get("/containerLogs").body, R"({"message":"Missing podID."})");
  EXPECT_EQ(Get("/containerLogs/default/web").body, R"({"message":"Missing container name."})");
  EXPECT_EQ(Get("/containerLogs/default/none/main").status, 404);
  EXPECT_EQ(Get("/containerLogs/default/none/main").body, "pod \"none\" does not exist\n");
  EXPECT_EQ(Get("/containerLogs/default/web/none").body,
            "container \"none\" not found in pod \"web\"\n");
  EXPECT_EQ(Get("/containerLogs/default/web/main", {{"previous", "true"}}).status, 400);
  const Response unreadable = Get("/containerLogs/default/web/main", {{"tailLines", "x"}});
  EXPECT_EQ(unreadable.status, 400);
  EXPECT_EQ(unreadable.body,
            R"({"message":"Unable to decode query: tailLines is not a number: x"})");
  EXPECT_EQ(Get("/containerLogs/default/web/main", {{"limitBytes", "0"}}).status, 422);
}

TEST_F(RoutesTest, SayWhichLogFileIsMissing) {
  view_.SetLog("main", {"/nonexistent/pod/main/0.log", false});
  const Response response = Get("/containerLogs/default/web/main", {{"follow", "true"}});
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("/nonexistent"));
}

TEST_F(RoutesTest, ServeLogsOverASocket) {
  const os::TempDir directory = os::TempDir::Create("routes").value();
  const std::string log = directory.path() + "/pod/main/1.log",
                    before = directory.path() + "/pod/main/0.log";
  ASSERT_TRUE(os::MakeDirs(directory.path() + "/pod/main", 0755).ok());
  ASSERT_TRUE(
      os::WriteFileAtomic(
          log, "2026-01-02T03:04:05Z stdout F now\n2026-01-02T03:04:06Z stderr F err\n", 0640)
          .ok());
  ASSERT_TRUE(os::WriteFileAtomic(before, "2026-01-02T03:04:04Z stdout F before\n", 0640).ok());
  view_.SetLog("main", {log, true});
  view_.SetLog("main!", {before, false});
  http::Server server;
  const std::string socket = directory.path() + "/kubelet.sock";
  ASSERT_TRUE(server.Listen(socket, NodeRoutes(view_, clock_)).ok());
  const auto get = [&socket](const std::string& query) {
    http::ClientRequest request;
    request.url = "http://localhost/containerLogs/default/web/main" + query;
    request.unix_socket = socket;
    return http::Client().PerformToString(request, 1000).value();
  };
  EXPECT_EQ(get("").second, "now\nerr\n");
  EXPECT_EQ(get("").first.Get("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(get("?stream=Stdout&timestamps=true").second, "2026-01-02T03:04:05Z now\n");
  EXPECT_EQ(get("?previous=true&follow=true").second, "before\n");
  EXPECT_EQ(get("?sinceTime=2026-01-02T03%3A04%3A06Z").second, "err\n");
}

}  // namespace
}  // namespace keelson::server
