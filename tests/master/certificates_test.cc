// SPDX-License-Identifier: Apache-2.0
// Requests for certificates against the server in this process: a node asks, gets, renews.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lib/base/strings.h"
#include "minimal-master/pki/certificate.h"
#include "tests/master/controlled_server.h"

namespace keelson::golden {
namespace {

using json::Value;

constexpr char kRequests[] = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

std::string BodyOf(const std::string& name, const pki::Names& names, const std::string& signer,
                   const std::string& usage) {
  return fmt::format(
      "{{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: {{name: "
      "{}}}, spec: {{request: {}, signerName: kubernetes.io/{}, usages: [{}, digital "
      "signature]}}}}",
      name, base::Base64Encode(*pki::MakeRequest(*pki::Key::Generate(), names)), signer, usage);
}

pki::Names NodeNames(const std::string& node) {
  return {.common_name = "system:node:" + node, .organizations = {"system:nodes"}};
}

class CertificatesTest : public testing::Test {
 protected:
  Answer As(const std::string& user, const std::string& group, const std::string& method,
            const std::string& path, const std::string& body) {
    Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.content_type = method == "PATCH" ? "application/merge-patch+json" : "application/yaml";
    request.headers = {{"Impersonate-User", user}, {"Impersonate-Group", group}};
    return server_.server().Ask(request);
  }
  void Bind(const std::string& group, const std::string& role) {
    server_.Do("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
               fmt::format("{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, "
                           "metadata: {{generateName: b-}}, roleRef: {{apiGroup: "
                           "rbac.authorization.k8s.io, kind: ClusterRole, name: '{}'}}, subjects: "
                           "[{{kind: Group, apiGroup: rbac.authorization.k8s.io, name: '{}'}}]}}",
                           role, group));
  }
  static std::string At(const std::string& name) { return fmt::format("{}/{}", kRequests, name); }
  pki::Certificate Issued(const std::string& name) {
    const Value csr = server_.WaitFor(At(name), [](const Value& now) {
      return !now.At({"status", "certificate"}).AsString().empty();
    });
    const auto certificate = pki::ParseCertificate(
        base::Base64Decode(csr.At({"status", "certificate"}).AsString()).value_or(""));
    EXPECT_TRUE(certificate.ok());
    return certificate.ok() ? *certificate : pki::Certificate{};
  }

  ControlledServer server_{{.enabled = {"certificatesigningrequest-approving-controller",
                                        "certificatesigningrequest-signing-controller",
                                        "certificatesigningrequest-cleaner-controller"}}};
};

TEST_F(CertificatesTest, ABootstrappingNodeGetsItsCertificateAndLaterANewOne) {
  Bind("system:bootstrappers", "system:node-bootstrapper");
  Bind("system:bootstrappers", "system:certificates.k8s.io:certificatesigningrequests:nodeclient");
  Bind("system:nodes", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient");
  const auto ask = [&](const std::string& user, const std::string& group, const std::string& name) {
    const Answer answer =
        As(user, group, "POST", kRequests,
           BodyOf(name, NodeNames("a"), "kube-apiserver-client-kubelet", "client auth"));
    ASSERT_EQ(answer.code, 201) << json::WriteJson(answer.body);
  };
  ask("system:bootstrap:abcdef", "system:bootstrappers", "first");
  const pki::Certificate certificate = Issued("first");
  EXPECT_EQ(certificate.names.common_name, "system:node:a");
  EXPECT_TRUE(certificate.client);
  EXPECT_FALSE(certificate.server);
  ask("system:node:a", "system:nodes", "second");
  Issued("second");
  const Value csr = server_.Get(At("second"));
  ASSERT_EQ(csr.At({"status", "conditions"}).items().size(), 1u);
  EXPECT_EQ(csr.At({"status", "conditions"}).items()[0].At({"message"}).AsString(),
            "Auto approving self kubelet client certificate after SubjectAccessReview.");
  // Settled ones go after an hour.
  server_.clock().Advance(std::chrono::minutes(61));
  server_.WaitUntilGone(At("first"));
  server_.WaitUntilGone(At("second"));
}

TEST_F(CertificatesTest, ANodeAsksForItselfAlone) {
  for (const auto& [signer, usage] : {std::pair{"kubelet-serving", "server auth"},
                                      std::pair{"kube-apiserver-client-kubelet", "client auth"}}) {
    const Answer refused = As("system:node:a", "system:nodes", "POST", kRequests,
                              BodyOf("other", NodeNames("b"), signer, usage));
    EXPECT_EQ(refused.code, 403);
    EXPECT_EQ(refused.body.At({"message"}).AsString(),
              "certificatesigningrequests.certificates.k8s.io \"other\" is forbidden: can only "
              "create a node CSR with CN=system:node:a");
  }
}

TEST_F(CertificatesTest, WhatNobodyMayHaveWaitsForSomebody) {
  Bind("g", "system:node-bootstrapper");
  EXPECT_EQ(As("joe", "g", "POST", kRequests,
               BodyOf("c", NodeNames("a"), "kube-apiserver-client-kubelet", "client auth"))
                .code,
            201);
  server_.WaitForQuiet();
  EXPECT_TRUE(server_.Get(At("c")).At({"status", "conditions"}).items().empty());
  const std::string approved =
      R"({"status":{"conditions":[{"type":"Approved","status":"True","reason":"R"}]}})";
  // Who may write the subresource may still not approve for this signer.
  server_.Do("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles",
             "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "
             "approver}, rules: [{apiGroups: [certificates.k8s.io], resources: "
             "[certificatesigningrequests/approval], verbs: [update, patch]}]}");
  Bind("g", "approver");
  const Answer refused = As("joe", "g", "PATCH", At("c") + "/approval", approved);
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.body.At({"message"}).AsString(),
            "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: user not permitted "
            "to approve requests with signerName \"kubernetes.io/kube-apiserver-client-kubelet\"");
  server_.Do("PATCH", At("c") + "/approval", approved);
  EXPECT_EQ(Issued("c").names.common_name, "system:node:a");
}

TEST_F(CertificatesTest, ASignerSaysWhatItDoesNotLike) {
  server_.Do("POST", kRequests, BodyOf("c", NodeNames("a"), "kubelet-serving", "server auth"));
  server_.Do("PATCH", At("c") + "/approval",
             R"({"status":{"conditions":[{"type":"Approved","status":"True","reason":"R"}]}})");
  const Value csr = server_.WaitFor(At("c"), [](const Value& now) {
    return now.At({"status", "conditions"}).items().size() == 2;
  });
  EXPECT_EQ(csr.At({"status", "conditions"}).items()[1].At({"type"}).AsString(), "Failed");
  EXPECT_EQ(csr.At({"status", "conditions"}).items()[1].At({"message"}).AsString(),
            "DNS or IP subjectAltName is required");
}

TEST_F(CertificatesTest, NobodyBecomesMasterByACertificate) {
  const Answer refused = As("admin", "system:masters", "POST", kRequests,
                            BodyOf("c", {.common_name = "x", .organizations = {"system:masters"}},
                                   "kube-apiserver-client", "client auth"));
  EXPECT_EQ(refused.code, 403);
  EXPECT_NE(
      refused.body.At({"message"})
          .AsString()
          .find("use of kubernetes.io/kube-apiserver-client signer with system:masters group is "
                "not allowed"),
      std::string::npos);
}

}  // namespace
}  // namespace keelson::golden
