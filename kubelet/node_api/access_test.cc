// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::node_api {
namespace {

using testing::ElementsAre;

TEST(Access, MapsPathsAndMethodsAsUpstream) {
  struct Case {
    const char* method;
    const char* path;
    const char* verb;
    std::vector<std::string> subresources;
  };
  const Case cases[] = {
      {"GET", "/pods", "get", {"pods", "proxy"}},
      {"GET", "/pods/", "get", {"pods", "proxy"}},
      {"GET", "/podsy", "get", {"proxy"}},
      {"GET", "/runningpods/", "get", {"pods", "proxy"}},
      {"GET", "/healthz", "get", {"healthz", "proxy"}},
      {"GET", "/healthz/syncloop", "get", {"healthz", "proxy"}},
      {"GET", "/configz", "get", {"configz", "proxy"}},
      {"GET", "/stats/summary", "get", {"stats"}},
      {"POST", "/stats/", "create", {"stats"}},
      {"GET", "/metrics", "get", {"metrics"}},
      {"GET", "/metrics/resource", "get", {"metrics"}},
      {"GET", "/metricsandmore", "get", {"proxy"}},
      {"GET", "/logs/messages", "get", {"log"}},
      {"POST", "/checkpoint/a/b/c", "create", {"checkpoint"}},
      {"GET", "/containerLogs/default/web/main", "get", {"proxy"}},
      {"POST", "/exec/default/web/main", "create", {"proxy"}},
      {"GET", "/", "get", {"proxy"}},
      {"PUT", "/anything", "update", {"proxy"}},
      {"PATCH", "/anything", "patch", {"proxy"}},
      {"DELETE", "/anything", "delete", {"proxy"}},
      {"HEAD", "/pods", "", {"pods", "proxy"}},
      // A WebSocket is a GET: reading of a node is not enough for a session.
      {"GET", "/exec/default/web/main", "create", {"proxy"}},
      {"GET", "/attach/default/web/main", "create", {"proxy"}},
      {"GET", "/portForward/default/web", "create", {"proxy"}},
      {"GET", "/metrics/../exec/default/web/main", "get", {"metrics"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.path);
    const Need need = NeedOf(c.method, c.path);
    EXPECT_EQ(need.verb, c.verb);
    EXPECT_EQ(need.subresources, c.subresources);
  }
}

TEST(Access, KnowsWhomACertificateNames) {
  service::PeerCertificates peer;
  peer.verified = true;
  peer.common_name = "alice";
  peer.organizations = {"ops"};
  User user;
  ASSERT_TRUE(UserOf(peer, user));
  EXPECT_EQ(user.name, "alice");
  EXPECT_THAT(user.groups, ElementsAre("ops", "system:authenticated"));
  peer.verified = false;
  EXPECT_FALSE(UserOf(peer, user));
  peer.verified = true;
  peer.common_name = "";
  EXPECT_FALSE(UserOf(peer, user));
}

TEST(Access, ReadsBearerTokens) {
  EXPECT_EQ(BearerToken({{"authorization", "Bearer abc"}}), "abc");
  EXPECT_EQ(BearerToken({{"authorization", "bearer abc more"}}), "abc");
  EXPECT_EQ(BearerToken({{"authorization", "Basic abc"}}), "");
  EXPECT_EQ(BearerToken({{"authorization", "Bearer"}}), "");
  EXPECT_EQ(BearerToken({}), "");
}

}  // namespace
}  // namespace keelson::node_api
