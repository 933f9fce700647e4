// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::node_api {
namespace {

using Kind = Route::Kind;
using testing::ElementsAre;

TEST(Paths, LeadToWhatTheyName) {
  struct Case {
    const char* method;
    const char* path;
    Kind kind;
  };
  const Case cases[] = {
      {"GET", "/healthz", Kind::kView},
      {"GET", "/healthz/ping", Kind::kView},
      {"GET", "/pods", Kind::kView},
      {"GET", "/pods/", Kind::kView},
      {"GET", "/pods/more", Kind::kNotFound},
      {"POST", "/pods", Kind::kNotAllowed},
      {"GET", "/runningpods/", Kind::kView},
      {"GET", "/configz", Kind::kView},
      {"GET", "/containerLogs/default/web/main", Kind::kView},
      {"DELETE", "/containerLogs/default/web/main", Kind::kNotAllowed},
      {"GET", "/explain/default/web", Kind::kNotFound},  // the owner's alone
      {"GET", "/metrics", Kind::kMetrics},
      {"HEAD", "/metrics", Kind::kMetrics},
      {"GET", "/metrics/resource", Kind::kResourceMetrics},
      {"GET", "/metrics/probes", Kind::kProbeMetrics},
      {"GET", "/metrics/more", Kind::kNotFound},
      {"GET", "/metrics/../exec/default/web/main", Kind::kNotFound},
      {"GET", "/stats/summary", Kind::kSummary},
      {"GET", "/stats", Kind::kNotFound},
      {"POST", "/exec/default/web/main", Kind::kExec},
      {"GET", "/exec/default/web/uid/main", Kind::kExec},
      {"PUT", "/exec/default/web/main", Kind::kNotAllowed},
      {"POST", "/exec/default/web", Kind::kNotFound},
      {"POST", "/attach/default/web/main", Kind::kAttach},
      {"POST", "/portForward/default/web", Kind::kPortForward},
      {"POST", "/portForward/default/web/uid", Kind::kPortForward},
      {"POST", "/portForward/default", Kind::kNotFound},
      {"POST", "//exec/default/web/main", Kind::kNotFound},
      {"GET", "/metrics/cadvisor", Kind::kCadvisorMetrics},
      {"POST", "/run/default/web/main", Kind::kRun},
      {"POST", "/run/default/web/uid/main", Kind::kRun},
      {"GET", "/run/default/web/main", Kind::kNotAllowed},
      {"POST", "/run/default/web", Kind::kNotFound},
      {"POST", "/checkpoint/default/web/main", Kind::kCheckpoint},
      {"POST", "/checkpoint/default/web/uid/main", Kind::kNotFound},
      {"GET", "/checkpoint/default/web/main", Kind::kNotAllowed},
      {"GET", "/logs", Kind::kNodeLogs},
      {"GET", "/logs/a/b.log", Kind::kNodeLogs},
      {"POST", "/logs/", Kind::kNotAllowed},
      {"GET", "/logsmore", Kind::kNotFound},
      {"GET", "/debug/pprof/heap", Kind::kProfile},
      {"PUT", "/debug/flags/v", Kind::kVerbosity},
      {"GET", "/debug/flags", Kind::kNotFound},
      {"GET", "/statusz", Kind::kNotFound},  // until the gate is opened
      {"GET", "/flagz", Kind::kNotFound},
      {"GET", "/", Kind::kNotFound},
      {"GET", "*", Kind::kNotFound},
      {"GET", "", Kind::kNotFound},
  };
  for (const Case& c : cases)
    EXPECT_EQ(RouteOf(c.method, c.path).kind, c.kind) << c.method << " " << c.path;
}

TEST(Paths, AreThoseThatTheSettingsLeave) {
  const Offer reading{.debugging = false};
  for (const char* path : {"/run/a/b/c", "/exec/a/b/c", "/attach/a/b/c", "/portForward/a/b",
                           "/containerLogs/a/b/c", "/runningpods/", "/logs/", "/debug/pprof/"}) {
    const Route route = RouteOf("POST", path, reading);
    EXPECT_EQ(route.kind, Kind::kDisabled) << path;
    EXPECT_EQ(route.rest, "Debug endpoints are disabled.");
  }
  for (const char* path : {"/configz", "/checkpoint/a/b/c", "/debug/flags/v", "/flagz"})
    EXPECT_EQ(RouteOf("GET", path, reading).kind, Kind::kNotFound) << path;
  for (const char* path : {"/healthz", "/pods", "/stats/summary", "/metrics", "/metrics/cadvisor"})
    EXPECT_NE(RouteOf("GET", path, reading).kind, Kind::kNotFound) << path;
  const auto said = [](const char* path, const Offer& offer) {
    return RouteOf("GET", path, offer).rest;
  };
  EXPECT_EQ(said("/logs/x", {.system_logs = false}), "logs endpoint is disabled.");
  EXPECT_EQ(said("/debug/pprof/heap", {.profiling = false}), "profiling endpoint is disabled.");
  EXPECT_EQ(said("/debug/flags/v", {.verbosity = false}), "flags endpoint is disabled.");
  EXPECT_EQ(RouteOf("POST", "/checkpoint/a/b/c", {.checkpoint = false}).kind, Kind::kNotFound);
  EXPECT_EQ(RouteOf("GET", "/statusz", {.statusz = true}).kind, Kind::kStatusz);
  EXPECT_EQ(RouteOf("GET", "/flagz", {.flagz = true}).kind, Kind::kFlagz);
  EXPECT_EQ(said("/logs/a/../b/", {}), "/a/../b/");
}

TEST(Paths, NamePodAndContainer) {
  const Route plain = RouteOf("POST", "/exec/ns/web/main");
  EXPECT_EQ(plain.pod.ns, "ns");
  EXPECT_EQ(plain.pod.name, "web");
  EXPECT_EQ(plain.pod.uid, "");
  EXPECT_EQ(plain.container, "main");
  const Route whole = RouteOf("POST", "/attach/ns/web/u-1/main");
  EXPECT_EQ(whole.pod.uid, "u-1");
  EXPECT_EQ(whole.container, "main");
  EXPECT_EQ(RouteOf("POST", "/portForward/ns/web/u-1").pod.uid, "u-1");
}

TEST(Paths, SayWhatASessionIsJoinedTo) {
  const Wanted all = WantedOf({{"input", "1"}, {"output", "1"}, {"error", "1"}}).value();
  EXPECT_TRUE(all.in && all.out && all.err && !all.tty);
  const Wanted tty = WantedOf({{"tty", "1"}, {"output", "1"}, {"error", "1"}}).value();
  EXPECT_TRUE(tty.out && tty.tty && !tty.err);
  for (const service::Fields& nothing :
       {service::Fields{}, {{"tty", "1"}}, {{"output", "true"}}, {{"tty", "1"}, {"error", "1"}}})
    EXPECT_FALSE(WantedOf(nothing).ok());
  EXPECT_THAT(CommandOf({{"command", "sh"}, {"input", "1"}, {"command", "-c"}, {"command", ""}}),
              ElementsAre("sh", "-c", ""));
}

TEST(Paths, SayWhichPortsAWebSocketForwards) {
  service::Request request;
  EXPECT_THAT(PortsOf(request).value(), testing::IsEmpty());  // SPDY: each stream names its own
  request.headers = {{"connection", "keep-alive, Upgrade"}, {"upgrade", "websocket"}};
  EXPECT_FALSE(PortsOf(request).ok());
  request.query = {{"port", "80,443"}, {"port", "8080"}};
  EXPECT_THAT(PortsOf(request).value(), ElementsAre(80, 443, 8080));
  for (const char* wrong : {"0", "65536", "http", "", "80,", "-1"}) {
    request.query = {{"port", wrong}};
    EXPECT_FALSE(PortsOf(request).ok()) << wrong;
  }
}

}  // namespace
}  // namespace keelson::node_api
