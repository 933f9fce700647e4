// SPDX-License-Identifier: Apache-2.0
// The page of the real keelson-master, asked by hand: headers, names, other sites, other users of
// the machine, and what is never in it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "lib/os/process.h"
#include "tests/browser/page_cluster.h"

namespace keelson::browser {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(PageHttp, ItsFilesComeWithHeadersThatLetNothingElseIn) {
  PageCluster cluster;
  ASSERT_FALSE(cluster.host().empty());
  struct Case {
    std::string_view path, type, has;
  };
  const Case cases[] = {
      {"/ui/", "text/html; charset=utf-8", "<script type=\"module\" src=\"page.js\">"},
      {"/ui/page.js", "text/javascript; charset=utf-8", "state.json"},
      {"/ui/page.css", "text/css; charset=utf-8", "prefers-color-scheme"},
      {"/ui/icon.svg", "image/svg+xml", "<svg"},
      {"/ui/state.json", "application/json", "\"findings\":[]"},
      {"/ui/findings.json", "application/json", "\"broken\":0"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const std::string answer = cluster.Get(std::string(c.path));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer, HasSubstr(fmt::format("Content-Type: {}\r\n", c.type)));
    EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self'; "
                                  "style-src 'self'; connect-src 'self'; img-src 'self'; "));
    EXPECT_THAT(answer, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cross-Origin-Resource-Policy: same-origin\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Access-Control-Allow-Origin")));
    EXPECT_THAT(answer, HasSubstr(c.has));
  }
  EXPECT_THAT(cluster.Get("/"), HasSubstr("Location: /ui/\r\n"));
  for (const char* path :
       {"/ui/other", "/ui/../etc/passwd", "/ui/%2e%2e/x", "/metrics", "/api/v1/secrets", "/healthz",
        "/api/v1/namespaces/default/pods/x/exec?command=id", "/apis/apps/v1/deployments"})
    EXPECT_THAT(cluster.Get(path), StartsWith("HTTP/1.1 404 ")) << path;
}

TEST(PageHttp, NoOtherNameSiteOrMethodIsAnswered) {
  PageCluster cluster;
  ASSERT_FALSE(cluster.host().empty());
  const std::string state = "/ui/state.json";
  EXPECT_THAT(cluster.Raw("GET /ui/state.json HTTP/1.1\r\nHost: evil.test\r\nConnection: "
                          "close\r\n\r\n"),
              StartsWith("HTTP/1.1 421 "));
  EXPECT_THAT(cluster.Get(state, "Sec-Fetch-Site: cross-site\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(cluster.Get(state, "Origin: http://evil.test\r\n"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(cluster.Get(state, "Sec-Fetch-Site: same-origin\r\n"), StartsWith("HTTP/1.1 200 "));
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
    EXPECT_THAT(cluster.Raw(fmt::format("{} /ui/state.json HTTP/1.1\r\nHost: {}\r\nConnection: "
                                        "close\r\nContent-Length: 0\r\n\r\n",
                                        method, cluster.host())),
                StartsWith("HTTP/1.1 405 "))
        << method;
}

TEST(PageHttp, WhatHasNotChangedIsNotSentAgain) {
  PageCluster cluster;
  ASSERT_FALSE(cluster.host().empty());
  cluster.AddNode("gone", false);
  // The figures of a moment ago may be still shown: until twice the same is told.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  std::string again;
  do {
    const std::string first = cluster.Get("/ui/state.json");
    const size_t at = first.find("ETag: ");
    ASSERT_NE(at, std::string::npos) << first;
    const std::string tag = first.substr(at + 6, first.find('\r', at) - at - 6);
    again = cluster.Get("/ui/state.json", "If-None-Match: " + tag + "\r\n");
  } while (again.starts_with("HTTP/1.1 200 ") && std::chrono::steady_clock::now() < deadline);
  EXPECT_THAT(again, StartsWith("HTTP/1.1 304 "));
  EXPECT_THAT(again, HasSubstr("Content-Security-Policy: "));
}

TEST(PageHttp, SecretsAndVariablesAreNowhereInIt) {
  PageCluster cluster;
  ASSERT_FALSE(cluster.host().empty());
  cluster.Do("POST", "/api/v1/namespaces/default/secrets",
             R"({"metadata":{"name":"keys"},"stringData":{"key":"hush-hush"}})");
  cluster.Do("POST", "/api/v1/namespaces/default/configmaps",
             R"({"metadata":{"name":"set"},"data":{"key":"hush-hush"}})");
  cluster.Do("POST", "/api/v1/namespaces/default/pods",
             R"({"metadata":{"name":"one","annotations":{"a":"hush-hush"}},"spec":{"containers":[)"
             R"({"name":"c","image":"i","command":["hush-hush"],)"
             R"("env":[{"name":"KEY","value":"hush-hush"}]}]}})");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  std::string state;
  while (state.find("\"name\":\"one\"") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    state = cluster.Get("/ui/state.json");
    ::poll(nullptr, 0, 20);
  }
  EXPECT_THAT(state, HasSubstr("\"name\":\"one\""));
  for (const std::string& text : {state, cluster.Get("/ui/findings.json")}) {
    EXPECT_THAT(text, Not(HasSubstr("hush")));
    EXPECT_THAT(text, Not(HasSubstr("aHVzaC1odXNo")));
  }
  EXPECT_THAT(cluster.Get("/api/v1/namespaces/default/secrets/keys"), StartsWith("HTTP/1.1 404 "));
}

TEST(PageHttp, OtherUsersOfTheMachineSeeNothingUntilTheyAreNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  const auto as_nobody = [](const PageCluster& cluster) {
    const auto done =
        os::RunCommand({.argv = {"setpriv", "--reuid", "65534", "--clear-groups", "curl",
                                 "--silent", "--noproxy", "*", "--write-out", "%{http_code}",
                                 "http://" + cluster.host() + "/ui/findings.json"},
                        .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                        .fds = {}},
                       "", std::chrono::minutes(2));
    EXPECT_TRUE(done.ok());
    return done.ok() ? done->out + done->err : "";
  };
  {
    PageCluster cluster;
    ASSERT_FALSE(cluster.host().empty());
    const std::string told = as_nobody(cluster);
    EXPECT_THAT(told, HasSubstr("403"));
    EXPECT_THAT(told, HasSubstr("--page-users"));
    EXPECT_THAT(told, Not(HasSubstr("findings")));
  }
  PageCluster cluster({"--page-users", "65534"});
  ASSERT_FALSE(cluster.host().empty());
  EXPECT_THAT(as_nobody(cluster), HasSubstr("\"findings\":[]"));
}

TEST(PageHttp, ALogIsGivenInBounds) {
  PageCluster cluster;
  ASSERT_FALSE(cluster.host().empty());
  cluster.AddNode("near", true);
  cluster.AddPod("one", "near", PageCluster::Running());
  const std::string log = "/api/v1/namespaces/default/pods/one/log?container=app";
  const std::string answer = cluster.Get(log + "&tailLines=3");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("of /containerLogs/default/one/app?tailLines=3"));
  EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: "));
  EXPECT_THAT(cluster.Get(log), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(cluster.Get(log + "&tailLines=5001"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(cluster.Get("/api/v1/namespaces/default/pods/none/log?tailLines=1"),
              StartsWith("HTTP/1.1 404 "));
}

TEST(PageHttp, OnTheApisPortItIsForWhomTheApiLetsIn) {
  PageCluster cluster;
  ASSERT_FALSE(cluster.host().empty());
  const auto ask = [&](const load::Client& client, std::string_view headers = "") {
    auto connection = load::Connection::Open(client);
    EXPECT_TRUE(connection.ok());
    auto answer = connection->Ask("GET", "/ui/findings.json", {}, {}, headers);
    EXPECT_TRUE(answer.ok());
    return std::move(answer).ValueOr({});
  };
  EXPECT_EQ(ask(*cluster.master().client()).code, 200);
  EXPECT_EQ(ask(*cluster.master().client(), "Sec-Fetch-Site: cross-site\r\n").code, 403);
  const auto identity = load::ReadKubeconfig(cluster.master().kubeconfig());
  ASSERT_TRUE(identity.ok());
  const auto anybody =
      load::Client::Make({.authority = identity->authority, .certificate = "", .key = ""},
                         cluster.master().client()->port());
  ASSERT_TRUE(anybody.ok());
  const load::Answer refused = ask(*anybody);
  EXPECT_EQ(refused.code, 403);
  EXPECT_THAT(refused.body, Not(HasSubstr("findings\":[")));
}

TEST(PageHttp, APortThatIsTakenIsSaidWhereItWasAskedFor) {
  PageCluster cluster;
  ASSERT_FALSE(cluster.host().empty());
  const os::TempDir dir = *os::TempDir::Create("keelson-page-second");
  const auto second =
      load::MasterProcess::Start({.dir = dir.path(), .extra = {"--page-address", cluster.host()}});
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.error().message()), HasSubstr("serve the page"));
}

}  // namespace
}  // namespace keelson::browser
