// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimal-master/auth/authorizer.h"

namespace keelson::auth {
namespace {

json::Value Parse(std::string_view text) { return json::ParseJson(text).value(); }

class NodeAuthorizerTest : public testing::Test {
 protected:
  NodeAuthorizerTest() {
    graph_.SetPod(Parse(R"({"metadata":{"namespace":"n","name":"p"},"spec":{"nodeName":"n1",
      "serviceAccountName":"sa","imagePullSecrets":[{"name":"pull"}],
      "containers":[{"name":"c","envFrom":[{"configMapRef":{"name":"env"}}],
        "env":[{"name":"x","valueFrom":{"secretKeyRef":{"name":"key","key":"k"}}}]}],
      "volumes":[{"name":"a","secret":{"secretName":"vol"}},
        {"name":"b","persistentVolumeClaim":{"claimName":"claim"}},
        {"name":"d","projected":{"sources":[{"configMap":{"name":"root-ca"}}]}}]}})"));
    graph_.SetVolume(Parse(R"({"metadata":{"name":"pv"},"spec":{"claimRef":{"namespace":"n",
      "name":"claim"},"csi":{"nodeStageSecretRef":{"namespace":"m","name":"stage"}}}})"));
    graph_.SetAttachment(Parse(R"({"metadata":{"name":"va"},"spec":{"nodeName":"n1"}})"));
    authorizer_.SetRbac(
        std::make_shared<Rbac>(std::vector<Role>{{"",
                                                  "system:node",
                                                  {{.verbs = {"create"},
                                                    .api_groups = {"authentication.k8s.io"},
                                                    .resources = {"tokenreviews"}}}}},
                               std::vector<Binding>{}));
  }
  Decision May(std::string_view method, std::string_view path, const Query& query = {},
               const std::string& node = "n1") {
    Attributes attributes = ReadAttributes(method, path, query);
    attributes.user = {.name = "system:node:" + node, .groups = {"system:nodes"}};
    return authorizer_.Authorize(attributes);
  }
  NodeGraph graph_;
  Authorizer authorizer_{graph_};
};

TEST_F(NodeAuthorizerTest, NodesReadWhatTheirPodsUse) {
  for (const std::string path : {"secrets/pull", "secrets/key", "secrets/vol", "configmaps/env",
                                 "configmaps/root-ca", "persistentvolumeclaims/claim", "pods/p"}) {
    EXPECT_TRUE(May("GET", "/api/v1/namespaces/n/" + path).allowed) << path;
    EXPECT_FALSE(May("GET", "/api/v1/namespaces/n/" + path, {}, "n2").allowed) << path;
    EXPECT_FALSE(May("GET", "/api/v1/namespaces/other/" + path).allowed) << path;
  }
  EXPECT_TRUE(May("GET", "/api/v1/persistentvolumes/pv").allowed);
  EXPECT_TRUE(May("GET", "/api/v1/namespaces/m/secrets/stage").allowed);
  EXPECT_TRUE(May("GET", "/apis/storage.k8s.io/v1/volumeattachments/va").allowed);
  EXPECT_TRUE(May("POST", "/api/v1/namespaces/n/serviceaccounts/sa/token").allowed);
  EXPECT_FALSE(May("POST", "/api/v1/namespaces/n/serviceaccounts/default/token").allowed);
  EXPECT_TRUE(May("GET", "/api/v1/namespaces/n/secrets",
                  {{"watch", "1"}, {"fieldSelector", "metadata.name=key"}})
                  .allowed);
  EXPECT_FALSE(May("GET", "/api/v1/namespaces/n/secrets").allowed);
  EXPECT_EQ(May("GET", "/api/v1/namespaces/n/secrets/x").reason,
            "no relationship found between node 'n1' and this object");
  EXPECT_FALSE(May("PUT", "/api/v1/namespaces/n/secrets/key").allowed);
}

TEST_F(NodeAuthorizerTest, NodesWriteThemselvesAndTheirPodsAlone) {
  EXPECT_TRUE(May("POST", "/api/v1/nodes").allowed);
  EXPECT_TRUE(May("PATCH", "/api/v1/nodes/n1/status").allowed);
  EXPECT_FALSE(May("PATCH", "/api/v1/nodes/n2/status").allowed);
  EXPECT_FALSE(May("DELETE", "/api/v1/nodes/n1").allowed);
  EXPECT_TRUE(May("GET", "/api/v1/nodes/n1").allowed);
  EXPECT_EQ(May("GET", "/api/v1/nodes").reason,
            "node 'n1' cannot read all nodes, only its own Node object");
  EXPECT_EQ(May("GET", "/api/v1/nodes/n2").reason,
            "node 'n1' cannot read 'n2', only its own Node object");
  EXPECT_TRUE(May("GET", "/api/v1/pods", {{"fieldSelector", "spec.nodeName=n1"}}).allowed);
  EXPECT_FALSE(May("GET", "/api/v1/pods", {{"fieldSelector", "spec.nodeName=n2"}}).allowed);
  EXPECT_FALSE(May("GET", "/api/v1/pods").allowed);
  EXPECT_TRUE(May("PATCH", "/api/v1/namespaces/n/pods/p/status").allowed);
  const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  EXPECT_TRUE(May("POST", leases).allowed);
  EXPECT_TRUE(May("PUT", leases + "/n1").allowed);
  EXPECT_FALSE(May("PUT", leases + "/n2").allowed);
  EXPECT_FALSE(May("GET", leases).allowed);
  EXPECT_TRUE(May("POST", "/apis/authentication.k8s.io/v1/tokenreviews").allowed);
}

TEST_F(NodeAuthorizerTest, ForgetsWhatIsGone) {
  graph_.RemovePod("n", "p");
  EXPECT_FALSE(May("GET", "/api/v1/namespaces/n/secrets/vol").allowed);
  EXPECT_FALSE(May("GET", "/api/v1/persistentvolumes/pv").allowed);
  graph_.SetPod(Parse(R"({"metadata":{"namespace":"n","name":"mirror","annotations":
    {"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","volumes":[{"name":"a",
    "secret":{"secretName":"vol"}}]}})"));
  EXPECT_FALSE(May("GET", "/api/v1/namespaces/n/secrets/vol").allowed);
  graph_.RemoveAttachment("va");
  EXPECT_FALSE(May("GET", "/apis/storage.k8s.io/v1/volumeattachments/va").allowed);
}

TEST_F(NodeAuthorizerTest, IsForNodesAndMastersNeedNothing) {
  Attributes attributes = ReadAttributes("GET", "/api/v1/namespaces/n/secrets/vol", {});
  attributes.user = {.name = "system:node:n1", .groups = {}};
  EXPECT_FALSE(authorizer_.Authorize(attributes).allowed);
  attributes.user = {.name = "x", .groups = {"system:masters"}};
  EXPECT_TRUE(authorizer_.Authorize(attributes).allowed);
}

}  // namespace
}  // namespace keelson::auth
