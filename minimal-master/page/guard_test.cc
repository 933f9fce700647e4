// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/guard.h"

#include <gtest/gtest.h>

#include "minimal-master/page/local_log.h"

namespace keelson::page {
namespace {

service::Request Asked(std::string method, std::string target, service::Fields headers) {
  service::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers = std::move(headers);
  EXPECT_TRUE(service::ParseTarget(request));
  return request;
}

TEST(Guard, AnswersThisMachineAndThisPageAlone) {
  struct Case {
    std::string_view name;
    service::Fields headers;
    int code;  // 0: it is answered
    std::string method = "GET", target = "/ui/state.json";
    int at_api = 0;
  };
  const service::Field host{"host", "localhost:6480"};
  const Case cases[] = {
      {"a program", {host}, 0},
      {"by number", {{"host", "127.0.0.1:6480"}}, 0},
      {"of IPv6", {{"host", "[::1]:6480"}}, 0},
      {"through a tunnel's port", {{"host", "LOCALHOST:9000"}}, 0},
      {"without a port", {{"host", "localhost"}}, 0},
      {"a name that resolves here", {{"host", "evil.example:6480"}}, 421},
      {"a name that begins so", {{"host", "localhost.evil.example"}}, 421},
      {"a number as part", {{"host", "127.0.0.1.evil.example"}}, 421},
      {"no name", {}, 421},
      {"a name of nothing", {{"host", ""}}, 421},
      {"its own script", {host, {"sec-fetch-site", "same-origin"}}, 0},
      {"typed", {host, {"sec-fetch-site", "none"}}, 0},
      {"another page of this machine",
       {host, {"sec-fetch-site", "same-site"}},
       403,
       "GET",
       "/ui/state.json",
       403},
      {"another site", {host, {"sec-fetch-site", "cross-site"}}, 403, "GET", "/ui/state.json", 403},
      {"another origin",
       {host, {"origin", "http://localhost:3000"}},
       403,
       "GET",
       "/ui/state.json",
       403},
      {"no origin that it says", {host, {"origin", "null"}}, 403, "GET", "/ui/state.json", 403},
      {"its own origin", {host, {"origin", "http://localhost:6480"}}, 0},
      {"its own script through a proxy",
       {host, {"origin", "http://127.0.0.1:8001"}, {"sec-fetch-site", "same-origin"}},
       0},
      {"a link to the page",
       {host,
        {"sec-fetch-site", "cross-site"},
        {"sec-fetch-mode", "navigate"},
        {"sec-fetch-dest", "document"}},
       0,
       "GET",
       "/ui/"},
      {"the page in a frame",
       {host,
        {"sec-fetch-site", "cross-site"},
        {"sec-fetch-mode", "navigate"},
        {"sec-fetch-dest", "iframe"}},
       403,
       "GET",
       "/ui/",
       403},
      {"a link to its state",
       {host,
        {"sec-fetch-site", "cross-site"},
        {"sec-fetch-mode", "navigate"},
        {"sec-fetch-dest", "document"}},
       403,
       "GET",
       "/ui/state.json",
       403},
      {"what changes things", {host}, 405, "POST", "/ui/state.json", 405},
      {"a question before", {host}, 405, "OPTIONS", "/ui/state.json", 405},
      {"the head", {host}, 0, "HEAD"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const service::Request request = Asked(c.method, c.target, c.headers);
    const auto refused = Check(request, Door::kLocal);
    EXPECT_EQ(refused ? refused->code : 0, c.code);
    const auto at_api = Check(request, Door::kApi);
    EXPECT_EQ(at_api ? at_api->code : 0, c.at_api);
  }
}

TEST(Guard, OfTheApiAPodsLogAloneIsThereWithoutALogIn) {
  struct Case {
    std::string_view target;
    int code;
  };
  const Case cases[] = {
      {"/api/v1/namespaces/a/pods/b/log?container=c&follow=true&tailLines=500", 0},
      {"/api/v1/namespaces/a/pods/b/log?previous=true&tailLines=5000&timestamps=true", 0},
      {"/api/v1/namespaces/a/pods/b/log?tailLines=5001", 400},
      {"/api/v1/namespaces/a/pods/b/log?tailLines=-1", 400},
      {"/api/v1/namespaces/a/pods/b/log?tailLines=5&tailLines=50000", 400},
      {"/api/v1/namespaces/a/pods/b/log", 400},
      {"/api/v1/namespaces/a/pods/b/log?tailLines=5&insecureSkipTLSVerifyBackend=true", 400},
      {"/api/v1/namespaces/a/pods/b", 404},
      {"/api/v1/namespaces/a/pods/b/exec?tailLines=5", 404},
      {"/api/v1/namespaces/a/pods/b/attach?tailLines=5", 404},
      {"/api/v1/namespaces/a/pods/b/proxy/log?tailLines=5", 404},
      {"/api/v1/namespaces/a/secrets/b?tailLines=5", 404},
      {"/api/v1/nodes/a/proxy/logs?tailLines=5", 404},
      {"/api/v1/secrets?tailLines=5", 404},
      {"/metrics?tailLines=5", 404},
  };
  for (const Case& c : cases) {
    const service::Request request = Asked("GET", std::string(c.target), {});
    const auto refused = CheckLog(request, api::RouteOf(request));
    EXPECT_EQ(refused ? refused->code : 0, c.code) << c.target;
  }
}

}  // namespace
}  // namespace keelson::page
