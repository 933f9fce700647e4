// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/access/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "lib/base/fake_clock.h"
#include "lib/base/strings.h"
#include "minimal-master/access/grants.h"
#include "minimal-master/access/reviews.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::access {
namespace {

class JsonReader final : public watch::ObjectReader {
 public:
  base::Result<watch::Contents> Read(std::string_view, const watch::Bytes& value,
                                     watch::Revision) const override {
    ASSIGN_OR_RETURN(const json::Value object, json::ParseJson(value.view()));
    watch::Contents contents;
    contents.ns = object.At({"metadata", "namespace"}).AsString();
    contents.name = object.At({"metadata", "name"}).AsString();
    contents.uid = object.At({"metadata", "uid"}).AsString();
    contents.bytes = value;
    return contents;
  }
  watch::Bytes Departed(const watch::Object& last, watch::Revision) const override {
    return last.bytes();
  }
};

class AccessTest : public testing::Test {
 protected:
  void Put(const std::string& key, std::string_view value) {
    ASSERT_TRUE(static_cast<store::Store&>(store_)
                    .Commit({{"/registry/" + key, store::Bytes::Copy(value)}})
                    .ok());
  }
  void Delete(const std::string& key) {
    ASSERT_TRUE(
        static_cast<store::Store&>(store_).Commit({{"/registry/" + key, store::Bytes()}}).ok());
  }
  static service::Request Get(const std::string& name, std::vector<std::string> groups = {}) {
    service::Request request;
    if (name.empty()) return request;
    auto peer = std::make_shared<service::PeerCertificates>();
    peer->verified = true;
    peer->common_name = name;
    peer->organizations = std::move(groups);
    request.peer = std::move(peer);
    return request;
  }
  std::string May(const auth::User& user, const std::string& method, const std::string& path) {
    auth::Attributes attributes = auth::ReadAttributes(method, path, {});
    attributes.user = user;
    const auto may = access_.Authorize(attributes);
    return may.ok() ? "yes" : may.failure().message;
  }
  // Changes are heard of on another thread, a moment later.
  template <typename F>
  static bool Soon(F&& f) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!f()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  base::ManualClock clock_;
  store::MemoryStore store_;
  JsonReader reader_;
  std::unique_ptr<watch::Cache> cache_ = watch::Cache::Open(store_, reader_, clock_, {}).value();
  const pki::Key key_ = pki::Key::Generate().value();
  Access access_{*cache_, clock_, {.token_keys = {key_}}};
};

TEST_F(AccessTest, FollowsRolesAndBindings) {
  const auth::User joe = *access_.Authenticate(Get("joe"));
  const std::string path = "/api/v1/namespaces/n/pods";
  EXPECT_EQ(
      May(joe, "GET", path),
      "pods is forbidden: User \"joe\" cannot list resource \"pods\" in API group \"\" in the "
      "namespace \"n\"");
  Put("roles/n/r", R"({"metadata":{"namespace":"n","name":"r"},
    "rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}]})");
  Put("rolebindings/n/b", R"({"metadata":{"namespace":"n","name":"b"},
    "roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"joe"}]})");
  EXPECT_TRUE(Soon([&] { return May(joe, "GET", path) == "yes"; }));
  EXPECT_NE(May(joe, "POST", path), "yes");
  Delete("rolebindings/n/b");
  EXPECT_TRUE(Soon([&] { return May(joe, "GET", path) != "yes"; }));
  EXPECT_EQ(May(*access_.Authenticate(Get("root", {"system:masters"})), "GET", path), "yes");
}

TEST_F(AccessTest, AggregatedRolesHoldWhatTheirPartsDo) {
  const auth::User joe = *access_.Authenticate(Get("joe"));
  Put("clusterroles/admin", R"({"metadata":{"name":"admin"},"aggregationRule":
    {"clusterRoleSelectors":[{"matchLabels":{"to-admin":"true"}}]}})");
  Put("clusterroles/edit", R"({"metadata":{"name":"edit","labels":{"to-admin":"true"}},
    "aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"to-edit":"true"}}]}})");
  Put("clusterroles/part", R"({"metadata":{"name":"part","labels":{"to-edit":"true"}},
    "rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}]})");
  Put("clusterrolebindings/b", R"({"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole",
    "name":"admin"},"subjects":[{"kind":"User","name":"joe"}]})");
  EXPECT_TRUE(Soon([&] { return May(joe, "GET", "/api/v1/pods") == "yes"; }));
  Delete("clusterroles/part");
  EXPECT_TRUE(Soon([&] { return May(joe, "GET", "/api/v1/pods") != "yes"; }));
}

TEST_F(AccessTest, NodesReadWhatTheirPodsUseAsPodsComeAndGo) {
  const auth::User node = *access_.Authenticate(Get("system:node:n1", {"system:nodes"}));
  const std::string path = "/api/v1/namespaces/n/secrets/s";
  EXPECT_NE(May(node, "GET", path), "yes");
  Put("pods/n/p", R"({"metadata":{"namespace":"n","name":"p"},"spec":{"nodeName":"n1",
    "volumes":[{"name":"v","secret":{"secretName":"s"}}]}})");
  EXPECT_TRUE(Soon([&] { return May(node, "GET", path) == "yes"; }));
  Delete("pods/n/p");
  EXPECT_TRUE(Soon([&] { return May(node, "GET", path) != "yes"; }));
}

TEST_F(AccessTest, KnowsTokensWhileTheirAccountIsThere) {
  Put("serviceaccounts/n/sa", R"({"metadata":{"namespace":"n","name":"sa","uid":"u1"}})");
  const int64_t now = clock_.WallNanos() / 1'000'000'000;
  const std::string issuer = "https://kubernetes.default.svc.cluster.local";
  service::Request request;
  const std::string token = auth::SignToken(key_, {.issuer = issuer,
                                                   .subject = "system:serviceaccount:n:sa",
                                                   .audiences = {issuer},
                                                   .expires = now + 3600,
                                                   .issued = now,
                                                   .not_before = now,
                                                   .ns = "n",
                                                   .service_account = {"sa", "u1"}})
                                .value();
  request.headers = {{"authorization", "Bearer " + token}};
  const auto user = access_.Authenticate(request);
  ASSERT_TRUE(user.ok());
  EXPECT_EQ((*user).name, "system:serviceaccount:n:sa");
  EXPECT_TRUE(access_.CheckToken(token, {}).ok());
  EXPECT_FALSE(access_.CheckToken(token, {"vault"}).ok());
  Delete("serviceaccounts/n/sa");
  clock_.Advance(std::chrono::seconds(11));
  EXPECT_TRUE(Soon([&] { return !access_.Authenticate(request).ok(); }));
  EXPECT_EQ(access_.Authenticate(request).failure().code, 401);
  request.headers = {{"authorization", "Bearer nope"}};
  EXPECT_EQ(access_.Authenticate(request).failure().message, "Unauthorized");
  EXPECT_EQ((*access_.Authenticate(Get(""))).name, "system:anonymous");
}

TEST_F(AccessTest, AnswersReviewsInUpstreamsWords) {
  const auto ask = [&](const auth::User& user, std::string_view text, const std::string& ns = "") {
    const auto answer = Answer(access_, user, ns, json::ParseJson(text).value());
    return answer.ok() ? json::WriteJson((*answer).At({"status"})) : answer.failure().message;
  };
  const auth::User joe = *access_.Authenticate(Get("joe"));
  const auth::User root = *access_.Authenticate(Get("root", {"system:masters"}));
  const auto review = [](std::string_view text) { return IsReview(json::ParseJson(text).value()); };
  EXPECT_TRUE(
      review(R"({"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview"})"));
  EXPECT_FALSE(review(R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"})"));
  EXPECT_EQ(ask(joe, R"({"kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":
    {"resource":"nodes","verb":"get"}}})"),
            R"({"allowed":false})");
  EXPECT_EQ(ask(root, R"({"kind":"SelfSubjectAccessReview","spec":{"nonResourceAttributes":
    {"path":"/x","verb":"get"}}})"),
            R"({"allowed":true})");
  EXPECT_EQ(ask(root, R"({"kind":"SubjectAccessReview","spec":{"user":"joe","groups":
    ["system:masters"],"resourceAttributes":{"resource":"nodes","verb":"get"}}})"),
            R"({"allowed":true})");
  EXPECT_EQ(ask(root, R"({"kind":"SubjectAccessReview","spec":{}})"),
            ".authorization.k8s.io \"\" is invalid: [spec.resourceAttributes: Invalid value: null: "
            "exactly one of nonResourceAttributes or resourceAttributes must be specified, "
            "spec.user: Invalid value: \"\": at least one of user or group must be specified]");
  EXPECT_EQ(ask(root, R"({"kind":"SubjectAccessReview","spec":{"nonResourceAttributes":{},
    "resourceAttributes":{},"user":"x"}})"),
            ".authorization.k8s.io \"\" is invalid: spec.nonResourceAttributes: Invalid value: "
            "{\"Path\":\"\",\"Verb\":\"\"}: cannot be specified in combination with "
            "resourceAttributes");
  EXPECT_EQ(ask(root, R"({"kind":"LocalSubjectAccessReview","spec":{"resourceAttributes":{},
    "user":"x"}})",
                "e"),
            ".authorization.k8s.io \"\" is invalid: spec.resourceAttributes.namespace: Invalid "
            "value: \"\": must match metadata.namespace");
  EXPECT_EQ(ask(root, R"({"kind":"SelfSubjectRulesReview","spec":{}})"), "no namespace on request");
  EXPECT_EQ(ask(joe, R"({"kind":"SelfSubjectRulesReview","spec":{"namespace":"n"}})"),
            R"({"resourceRules":[],"nonResourceRules":[],"incomplete":false})");
  EXPECT_EQ(ask(joe, R"({"kind":"SelfSubjectReview"})"),
            R"({"userInfo":{"username":"joe","groups":["system:authenticated"]}})");
  EXPECT_EQ(ask(root, R"({"kind":"TokenReview"})"),
            "token is required for TokenReview in authentication");
  EXPECT_THAT(ask(root, R"({"kind":"TokenReview","spec":{"token":"x"}})"),
              testing::HasSubstr(R"("error":"invalid bearer token)"));
}

TEST_F(AccessTest, MakesTokensThatItKnowsAgain) {
  Put("serviceaccounts/e/default", R"({"metadata":{"namespace":"e","name":"default","uid":"u1"}})");
  Put("pods/e/sp", R"({"metadata":{"namespace":"e","name":"sp","uid":"u2"},
    "spec":{"serviceAccountName":"default","nodeName":"n1"}})");
  Put("minions/n1", R"({"metadata":{"name":"n1","uid":"u3"}})");
  const auto make = [&](const std::string& spec, const std::string& account = "default") {
    return access_.RequestToken("e", account, json::ParseJson("{\"spec\":" + spec + "}").value());
  };
  const auto refused = [&](const std::string& spec) { return make(spec).failure().message; };
  ASSERT_TRUE(Soon([&] { return make("{}").ok() && access_.Find("nodes", "", "n1"); }));
  const auto made = make(R"({"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"sp"}})");
  ASSERT_TRUE(made.ok());
  const auto user = access_.CheckToken((*made).At({"status", "token"}).AsString(), {});
  ASSERT_TRUE(user.ok()) << user.error().message();
  EXPECT_EQ(user->name, "system:serviceaccount:e:default");
  EXPECT_EQ(user->extra.at("authentication.kubernetes.io/node-uid")[0], "u3");
  EXPECT_EQ(refused(R"({"expirationSeconds":5})"),
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid "
            "value: 5: may not specify a duration less than 10 minutes");
  EXPECT_EQ(refused(R"({"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"zz"}})"),
            "pods \"zz\" not found");
  EXPECT_EQ(refused(R"({"boundObjectRef":{"apiVersion":"v1","kind":"ConfigMap","name":"zz"}})"),
            "cannot bind token to object of type /v1, Kind=ConfigMap");
  EXPECT_EQ(
      refused(R"({"boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":"sp","uid":"zz"}})"),
      "Operation cannot be fulfilled on Pod \"sp\": the UID in the bound object reference (zz) "
      "does "
      "not match the UID in record. The object might have been deleted and then recreated");
  EXPECT_EQ(make("{}", "zz").failure().message, "serviceaccounts \"zz\" not found");
}

TEST_F(AccessTest, LetsNobodyGiveAwayWhatTheyDoNotHold) {
  const auth::User joe = *access_.Authenticate(Get("joe"));
  const auto may = [&](std::string_view text, const json::Value* old = nullptr) {
    const auto answer = MayGrant(access_, joe, json::ParseJson(text).value(), old);
    return answer.ok() ? "yes" : answer.failure().message;
  };
  Put("clusterroles/all", R"({"metadata":{"name":"all"},
    "rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]})");
  ASSERT_TRUE(Soon([&] { return access_.rbac()->FindRules({true, "all"}, "") != nullptr; }));
  const std::string start = R"({"apiVersion":"rbac.authorization.k8s.io/v1","kind":)";
  const std::string role = start + R"("Role","metadata":{"name":"esc","namespace":"e"},
    "rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}]})";
  EXPECT_EQ(may(role),
            "roles.rbac.authorization.k8s.io \"esc\" is forbidden: user \"joe\" "
            "(groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not "
            "currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}");
  const json::Value same = json::ParseJson(role).value();
  EXPECT_EQ(may(role, &same), "yes");
  const auto bind = [&](const std::string& kind, const std::string& name) {
    return may(start +
               R"("RoleBinding","metadata":{"name":"b","namespace":"e"},"roleRef":{"kind":")" +
               kind + R"(","name":")" + name + R"("},"subjects":[{"kind":"User","name":"joe"}]})");
  };
  EXPECT_THAT(bind("ClusterRole", "all"), testing::HasSubstr("attempting to grant"));
  EXPECT_EQ(bind("Role", "absent"), "rolebindings.rbac.authorization.k8s.io \"absent\" not found");
  EXPECT_EQ(may(start + R"("ClusterRole","metadata":{"name":"esc"},"aggregationRule":
    {"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]}})"),
            "clusterroles.rbac.authorization.k8s.io \"esc\" is forbidden: must have cluster-admin "
            "privileges to use the aggregationRule");
  Put("clusterroles/lend", R"({"metadata":{"name":"lend"},"rules":[{"apiGroups":
    ["rbac.authorization.k8s.io"],"resources":["*"],"verbs":["bind","escalate"]}]})");
  Put("clusterrolebindings/lend", R"({"metadata":{"name":"lend"},"roleRef":{"kind":"ClusterRole",
    "name":"lend"},"subjects":[{"kind":"User","name":"joe"}]})");
  EXPECT_TRUE(Soon([&] { return may(role) == "yes"; }));
  EXPECT_EQ(bind("ClusterRole", "all"), "yes");
  EXPECT_EQ(may(R"({"apiVersion":"v1","kind":"ConfigMap"})"), "yes");
}

TEST_F(AccessTest, LetsThoseActForOthersWhoMay) {
  service::Request request = Get("root", {"system:masters"});
  request.headers = {{"impersonate-user", "joe"}};
  EXPECT_EQ((*access_.Authenticate(request)).name, "joe");
  request.peer = nullptr;
  EXPECT_EQ(access_.Authenticate(request).failure().message,
            "users \"joe\" is forbidden: User \"system:anonymous\" cannot impersonate resource "
            "\"users\" in API group \"\" at the cluster scope");
  request.headers = {{"impersonate-group", "dev"}};
  EXPECT_EQ(access_.Authenticate(request).failure().code, 400);
}

}  // namespace
}  // namespace keelson::access
