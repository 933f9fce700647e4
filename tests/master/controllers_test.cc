// SPDX-License-Identifier: Apache-2.0
// Controllers against the server in this process: what every namespace gets, and how it ends.
#include <gtest/gtest.h>

#include "lib/base/strings.h"
#include "minimal-master/control/times.h"
#include "tests/master/controlled_server.h"

namespace keelson::golden {
namespace {

using json::Value;

bool IsThere(const Value& object) { return !object.IsNull(); }

TEST(NamespaceContents, ANewNamespaceHasItsAccountAndCertificate) {
  ControlledServer server;
  server.WaitFor("/api/v1/namespaces/default/serviceaccounts/default", IsThere);
  server.Do("POST", "/api/v1/namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: a}}");
  const Value account = server.WaitFor("/api/v1/namespaces/a/serviceaccounts/default", IsThere);
  const Value map = server.WaitFor("/api/v1/namespaces/a/configmaps/kube-root-ca.crt", IsThere);
  EXPECT_TRUE(map.At({"data", "ca.crt"}).AsString().starts_with("-----BEGIN CERTIFICATE"));
  server.Do("DELETE", "/api/v1/namespaces/a/serviceaccounts/default");
  server.WaitFor("/api/v1/namespaces/a/serviceaccounts/default", [&](const Value& now) {
    return IsThere(now) && !(now.At({"metadata", "uid"}) == account.At({"metadata", "uid"}));
  });
  server.Do("PATCH", "/api/v1/namespaces/a/configmaps/kube-root-ca.crt",
            R"({"data":{"ca.crt":"wrong"}})");
  server.WaitFor("/api/v1/namespaces/a/configmaps/kube-root-ca.crt",
                 [&](const Value& now) { return now.At({"data"}) == map.At({"data"}); });
}

TEST(NamespaceContents, ANamespaceEndsWithAllThatIsInIt) {
  ControlledServer server;
  server.Do("POST", "/api/v1/namespaces", "{kind: Namespace, apiVersion: v1, metadata: {name: a}}");
  const std::string space = "/api/v1/namespaces/a";
  server.WaitFor(space + "/serviceaccounts/default", IsThere);
  server.Do("POST", space + "/configmaps",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [test/hold]}}");
  server.Do("POST", space + "/secrets", "{apiVersion: v1, kind: Secret, metadata: {name: s}}");
  server.Do("POST", space + "/pods",
            "{apiVersion: v1, kind: Pod, metadata: {name: p, finalizers: [test/hold]}, spec: "
            "{containers: [{name: c, image: i}]}}");
  server.Do("DELETE", space);
  // Pods keep the rest.
  const auto says = [&](const std::string& what) {
    return [what](const Value& now) {
      for (const Value& one : now.At({"status", "conditions"}).items()) {
        if (one.At({"type"}).AsString() == "NamespaceContentRemaining" &&
            one.At({"message"}).AsString().find(what) != std::string::npos)
          return true;
      }
      return false;
    };
  };
  server.WaitFor(space, says("pods. has 1 resource instances"));
  EXPECT_TRUE(IsThere(server.Get(space + "/secrets/s")));
  server.Do("PATCH", space + "/pods/p", R"({"metadata":{"finalizers":null}})");
  server.WaitUntilGone(space + "/secrets/s");
  server.WaitFor(space, says("configmaps. has "));
  EXPECT_EQ(server.Get(space).At({"status", "phase"}).AsString(), "Terminating");
  server.Do("PATCH", space + "/configmaps/held", R"({"metadata":{"finalizers":null}})");
  server.WaitUntilGone(space);
  EXPECT_FALSE(IsThere(server.Get(space + "/configmaps/held")));
}

TEST(ClusterRoles, HoldWhatTheyArePutTogetherOf) {
  ControlledServer server({.enabled = {"clusterrole-aggregation-controller"}});
  const std::string roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  const auto holds = [](const std::string& verb) {
    return [verb](const Value& role) {
      for (const Value& rule : role.At({"rules"}).items()) {
        if (rule.At({"verbs"}).items().front().AsString() == verb) return true;
      }
      return false;
    };
  };
  server.WaitFor(roles + "/admin", holds("get"));
  server.Do("POST", roles,
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: mine, "
            "labels: {rbac.authorization.k8s.io/aggregate-to-edit: 'true'}}, rules: [{apiGroups: "
            "[example.org], resources: [things], verbs: [juggle]}]}");
  server.WaitFor(roles + "/edit", holds("juggle"));
  server.WaitFor(roles + "/admin", holds("juggle"));
  server.Do("DELETE", roles + "/mine");
  server.WaitFor(roles + "/admin", [&](const Value& role) { return !holds("juggle")(role); });
}

TEST(OwnService, IsThereAndStays) {
  controllers::Settings settings{.enabled = {"*"}};
  settings.own_address = {"10.96.0.1", "192.0.2.10", 6443};
  settings.networks.services = {"10.96.0.0/14"};
  ControlledServer server(settings);
  const std::string service = "/api/v1/namespaces/default/services/kubernetes";
  const std::string slice =
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
  const Value first = server.WaitFor(service, IsThere);
  EXPECT_EQ(first.At({"spec", "clusterIPs"}), Value::Array({Value("10.96.0.1")}));
  server.WaitFor(slice, IsThere);
  server.WaitFor("/apis/networking.k8s.io/v1/servicecidrs/kubernetes", [](const Value& cidr) {
    return !cidr.At({"status", "conditions"}).items().empty();
  });
  server.WaitFor("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
                 IsThere);
  server.Do("DELETE", slice);
  server.WaitFor(slice, IsThere);
  server.Do("DELETE", service);
  server.WaitFor(service, [&](const Value& now) {
    return IsThere(now) && !(now.At({"metadata", "uid"}) == first.At({"metadata", "uid"}));
  });
  server.WaitForQuiet();
  const Value endpoints = server.Get("/api/v1/namespaces/default/endpoints/kubernetes");
  EXPECT_EQ(endpoints.At({"subsets"}).items().size(), 1u);
  EXPECT_EQ(server.Get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices")
                .At({"items"})
                .items()
                .size(),
            1u);
}

TEST(AccountTokens, ASecretsTokenIsGoodWhileItIsThere) {
  ControlledServer server;
  const std::string space = "/api/v1/namespaces/default";
  server.WaitFor(space + "/serviceaccounts/default", IsThere);
  server.Do("POST", space + "/serviceaccounts",
            "{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}");
  server.Do("POST", space + "/secrets",
            "{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: "
            "{name: robot, annotations: {kubernetes.io/service-account.name: robot}}}");
  const Value secret = server.WaitFor(space + "/secrets/robot", [](const Value& now) {
    return now.At({"data", "token"}).IsString();
  });
  Request whoami;
  whoami.method = "POST";
  whoami.path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  whoami.body = R"({"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"})";
  whoami.client_certificate = false;
  whoami.headers = {
      {"Authorization",
       "Bearer " + base::Base64Decode(secret.At({"data", "token"}).AsString()).value_or("")}};
  const Answer answer = server.server().Ask(whoami);
  EXPECT_EQ(answer.body.At({"status", "userInfo", "username"}).AsString(),
            "system:serviceaccount:default:robot");
  server.Do("DELETE", space + "/serviceaccounts/robot");
  server.WaitUntilGone(space + "/secrets/robot");
  // What is known of tokens is known for some seconds.
  server.clock().Advance(std::chrono::minutes(5));
  EXPECT_EQ(server.server().Ask(whoami).code, 401);
}

TEST(BootstrapTokens, SignTheInfoUntilTheirTimeIsOver) {
  ControlledServer server({.enabled = {"token-cleaner-controller", "bootstrap-signer-controller"}});
  server.Do("POST", "/api/v1/namespaces/kube-public/configmaps",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: cluster-info}, data: {kubeconfig: "
            "content}}");
  const std::string secrets = "/api/v1/namespaces/kube-system/secrets";
  const int64_t end = server.clock().WallNanos() + int64_t{3600} * 1'000'000'000;
  server.Do("POST", secrets,
            "{apiVersion: v1, kind: Secret, type: bootstrap.kubernetes.io/token, metadata: {name: "
            "bootstrap-token-abcdef}, stringData: {token-id: abcdef, token-secret: "
            "0123456789abcdef, usage-bootstrap-signing: 'true', expiration: '" +
                control::TimeText(end) + "'}}");
  const std::string info = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
  const auto is_signed = [](const Value& map) {
    return map.At({"data", "jws-kubeconfig-abcdef"}).IsString();
  };
  server.WaitFor(info, is_signed);
  server.WaitForQuiet();
  server.clock().Advance(std::chrono::minutes(61));
  server.WaitUntilGone(secrets + "/bootstrap-token-abcdef");
  server.WaitFor(info, [&](const Value& map) { return !is_signed(map); });
}

}  // namespace
}  // namespace keelson::golden
