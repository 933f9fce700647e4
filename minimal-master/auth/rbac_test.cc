// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/rbac.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::auth {
namespace {

TEST(Attributes, AreReadOffMethodAndUrl) {
  struct Case {
    std::string method, path, want;
    Query query = {};
  };
  const Case cases[] = {
      {"GET", "/healthz", "get path /healthz"},
      {"POST", "/apis", "post path /apis"},
      {"GET", "/api/v1", "get path /api/v1"},
      {"GET", "/apis/apps/v1", "get path /apis/apps/v1"},
      {"GET", "/api/v1/namespaces", "list namespaces"},
      {"GET", "/api/v1/namespaces/n", "get namespaces n in n"},
      {"PUT", "/api/v1/namespaces/n/finalize", "update namespaces/finalize n in n"},
      {"GET", "/api/v1/namespaces/n/pods", "list pods in n"},
      {"GET", "/api/v1/namespaces/n/pods", "watch pods in n", {{"watch", "true"}}},
      {"GET", "/api/v1/namespaces/n/pods", "list pods in n", {{"watch", "0"}}},
      {"GET", "/api/v1/watch/namespaces/n/pods", "watch pods in n"},
      {"HEAD", "/api/v1/nodes/x", "get nodes x"},
      {"DELETE", "/api/v1/namespaces/n/pods", "deletecollection pods in n"},
      {"DELETE", "/api/v1/namespaces/n/pods/p", "delete pods p in n"},
      {"POST", "/api/v1/namespaces/n/pods/p/exec", "create pods/exec p in n"},
      {"PATCH", "/apis/apps/v1/namespaces/n/deployments/d/scale",
       "patch apps deployments/scale d in n"},
      {"GET", "/api/v1/namespaces/n/services/s:80/proxy/a/b", "get services/proxy s:80 in n"},
      {"GET", "/api/v1/namespaces/n/pods/a%2Fb", "get pods a/b in n"},
      {"GET",
       "/apis/x.io/v1/things",
       "list x.io things one",
       {{"fieldSelector", "metadata.name=one"}}},
  };
  for (const Case& c : cases) {
    const Attributes a = ReadAttributes(c.method, c.path, c.query);
    std::string got = a.verb + (a.is_resource ? "" : " path " + a.path);
    if (a.is_resource) {
      got += (a.group.empty() ? "" : " " + a.group) + " " + a.FullResource();
      got += (a.name.empty() ? "" : " " + a.name) + (a.ns.empty() ? "" : " in " + a.ns);
    }
    EXPECT_EQ(got, c.want) << c.method << " " << c.path;
  }
}

Attributes Ask(std::string verb, std::string resource, std::string sub = "", std::string name = "",
               std::string group = "") {
  Attributes a;
  a.is_resource = true;
  a.verb = std::move(verb);
  a.resource = std::move(resource);
  a.subresource = std::move(sub);
  a.name = std::move(name);
  a.group = std::move(group);
  return a;
}

TEST(PolicyRule, MatchesVerbsGroupsResourcesAndNames) {
  const PolicyRule pods{.verbs = {"get"}, .api_groups = {""}, .resources = {"pods", "*/scale"}};
  EXPECT_TRUE(Allows(pods, Ask("get", "pods")));
  EXPECT_FALSE(Allows(pods, Ask("list", "pods")));
  EXPECT_FALSE(Allows(pods, Ask("get", "pods", "log")));
  EXPECT_TRUE(Allows(pods, Ask("get", "deployments", "scale")));
  EXPECT_FALSE(Allows(pods, Ask("get", "scale")));
  EXPECT_FALSE(Allows(pods, Ask("get", "pods", "", "", "apps")));
  const PolicyRule all{.verbs = {"*"}, .api_groups = {"*"}, .resources = {"*"}};
  EXPECT_TRUE(Allows(all, Ask("frobnicate", "pods", "log", "x", "apps")));
  const PolicyRule named{
      .verbs = {"*"}, .api_groups = {""}, .resources = {"pods/log"}, .resource_names = {"x"}};
  EXPECT_TRUE(Allows(named, Ask("get", "pods", "log", "x")));
  EXPECT_FALSE(Allows(named, Ask("get", "pods", "log", "y")));
  EXPECT_FALSE(Allows(named, Ask("list", "pods", "log")));
  const PolicyRule paths{.verbs = {"get"}, .non_resource_urls = {"/healthz", "/livez/*"}};
  Attributes path;
  path.verb = "get";
  path.path = "/livez/ping";
  EXPECT_TRUE(Allows(paths, path));
  path.path = "/livez";
  EXPECT_FALSE(Allows(paths, path));
  path.path = "/healthz/ping";
  EXPECT_FALSE(Allows(paths, path));
}

TEST(PolicyRule, KnowsWhatIsMissing) {
  const PolicyRule held{.verbs = {"get", "list"}, .api_groups = {""}, .resources = {"*"}};
  const auto missing = [&](const PolicyRule& wanted) {
    std::string text;
    for (const PolicyRule& rule : Compact(Missing({&held}, {wanted}))) text += CompactText(rule);
    return text;
  };
  EXPECT_EQ(missing({.verbs = {"get"}, .api_groups = {""}, .resources = {"pods/log", "x"}}), "");
  EXPECT_EQ(missing({.verbs = {"get", "watch"}, .api_groups = {"", "apps"}, .resources = {"pods"}}),
            "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\"]}"
            "{APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\" \"watch\"]}");
  EXPECT_EQ(missing({.verbs = {"*"}, .api_groups = {""}, .resources = {"pods"}}),
            "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"*\"]}");
}

TEST(Rbac, BindsUsersGroupsAndServiceAccountsInTheirScope) {
  const PolicyRule rule{.verbs = {"get"}, .api_groups = {""}, .resources = {"pods"}};
  const Rbac rbac({{"", "c", {rule}}, {"n", "r", {rule}}},
                  {{"n", "b1", {true, "c"}, {{"User", "ann", ""}}},
                   {"", "b2", {true, "c"}, {{"Group", "ops", ""}}},
                   {"n", "b3", {false, "r"}, {{"ServiceAccount", "sa", ""}}},
                   {"m", "b4", {false, "absent"}, {{"User", "ann", ""}}}});
  const auto may = [&](User user, std::string ns) {
    Attributes a = Ask("get", "pods");
    a.user = std::move(user);
    a.ns = std::move(ns);
    return rbac.Authorize(a);
  };
  EXPECT_TRUE(may({.name = "ann"}, "n").allowed);
  EXPECT_FALSE(may({.name = "ann"}, "").allowed);
  EXPECT_EQ(may({.name = "ann"}, "m").reason,
            "RBAC: roles.rbac.authorization.k8s.io \"absent\" not found");
  EXPECT_TRUE(may({.name = "bob", .groups = {"ops"}}, "anywhere").allowed);
  EXPECT_FALSE(may({.name = "ops"}, "anywhere").allowed);
  EXPECT_EQ(may(ServiceAccountUser("n", "sa", ""), "n").reason,
            "RBAC: allowed by RoleBinding \"b3/n\" of Role \"r\" to ServiceAccount \"sa/n\"");
  EXPECT_FALSE(may(ServiceAccountUser("m", "sa", ""), "n").allowed);
}

TEST(Rbac, JoinsTheRulesOfAggregatedRolesOnceEach) {
  const auto parse = [](std::string_view text) { return json::ParseJson(text).value(); };
  const json::Value view = parse(
      R"({"metadata":{"name":"view"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"v":"true"}},
          {"matchExpressions":[{"key":"w","operator":"Exists"}]}]}})");
  const auto role = [&](const std::string& name, const std::string& labels,
                        const std::string& resource) {
    return parse("{\"metadata\":{\"name\":\"" + name + "\",\"labels\":" + labels +
                 "},\"rules\":[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"" +
                 resource + "\"]}]}");
  };
  const auto rules = AggregateRules(
      view, {role("b", R"({"v":"true"})", "pods"), role("a", R"({"v":"true"})", "nodes"),
             role("c", R"({"w":"x"})", "pods"), role("d", R"({"v":"false"})", "secrets"), view});
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].resources[0], "nodes");
  EXPECT_EQ(rules[1].resources[0], "pods");
}

}  // namespace
}  // namespace keelson::auth
