// SPDX-License-Identifier: Apache-2.0
#include "kubelet/source/api_source.h"

#include <gtest/gtest.h>

#include "lib/kube/decode.h"

namespace keelson::source {
namespace {

// As a server tells of one, with what defaults and admission add.
constexpr char kPod[] = R"({"apiVersion":"v1","kind":"Pod",
 "metadata":{"name":"web","namespace":"shop","uid":"u1","resourceVersion":"42","generation":2,
  "creationTimestamp":"2026-01-02T03:04:05Z","labels":{"app":"web"},
  "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-1","uid":"r",
   "controller":true,"blockOwnerDeletion":true}],
  "managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1"}],
  "deletionTimestamp":"2026-01-02T03:05:05Z","deletionGracePeriodSeconds":7},
 "spec":{"containers":[{"name":"a","image":"app:1","imagePullPolicy":"IfNotPresent","resources":{},
   "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File",
   "volumeMounts":[{"name":"kube-api-access-x","readOnly":true,
    "mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}]}],
  "volumes":[{"name":"kube-api-access-x","projected":{"defaultMode":420,"sources":[
   {"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},
   {"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},
   {"downwardAPI":{"items":[{"path":"namespace",
    "fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}]}}],
  "nodeName":"n","serviceAccountName":"default","serviceAccount":"default","dnsPolicy":"ClusterFirst",
  "restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},
  "terminationGracePeriodSeconds":30,"enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority",
  "priority":0,"tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists",
   "effect":"NoExecute","tolerationSeconds":300}]},
 "status":{"phase":"Pending","qosClass":"BestEffort"}})";

TEST(PodFromApi, KeepsWhatConcernsTheNodeAndItsIdentity) {
  const auto pod = PodFromApi(json::ParseJson(kPod).value(), 0);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_EQ(pod->pod.metadata.uid, "u1");
  EXPECT_EQ(pod->pod.metadata.namespace_name, "shop");
  EXPECT_EQ(pod->pod.metadata.name, "web");
  EXPECT_EQ(pod->pod.metadata.deletion_grace_period_seconds, 7);
  EXPECT_FALSE(pod->pod.metadata.deletion_timestamp.empty());
  EXPECT_EQ(pod->pod.spec.node_name, "n");
  EXPECT_EQ(pod->pod.metadata.annotations.at("kubernetes.io/config.source"), "api");
  EXPECT_EQ(pod->revision, "42");
  EXPECT_EQ(pod->status.At({"phase"}).AsString(), "Pending");
  EXPECT_EQ(pod->mirror_of, "");
}

TEST(PodFromApi, AChangeOfItsStatusIsNoChangeOfThePod) {
  json::Value other = json::ParseJson(kPod).value();
  other.Find("status")->Set("phase", json::Value("Running"));
  other.Find("metadata")->Set("resourceVersion", json::Value("43"));
  const auto one = PodFromApi(json::ParseJson(kPod).value(), 0), two = PodFromApi(other, 0);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->pod.object, two->pod.object);
}

TEST(PodFromApi, TakesWhoCameToLookAtItWhileItRan) {
  json::Value debugged = json::ParseJson(kPod).value();
  debugged.Find("spec")->Set(
      "ephemeralContainers",
      json::ParseJson(R"([{"name":"d","image":"tools:1","targetContainerName":"a","stdin":true,
                           "tty":true,"command":["sh"]}])")
          .value());
  const auto pod = PodFromApi(debugged, 0);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  ASSERT_EQ(pod->pod.spec.ephemeral_containers.size(), 1u);
  const kube::Container& container = pod->pod.spec.ephemeral_containers[0];
  EXPECT_EQ(container.name, "d");
  EXPECT_EQ(container.target_container_name, "a");
  EXPECT_TRUE(container.stdin && container.tty);
  EXPECT_EQ(kube::FindContainer(pod->pod.spec, "d"), &container);
  // A manifest is of a pod that does not run yet.
  const auto manifest = kube::DecodePod(debugged);
  ASSERT_FALSE(manifest.ok());
  EXPECT_NE(manifest.error().message().find("spec.ephemeralContainers: Forbidden"),
            std::string::npos)
      << manifest.error().message();
}

TEST(PodFromApi, KnowsThePictureOfAStaticPod) {
  json::Value mirror = json::ParseJson(kPod).value();
  mirror.Find("metadata")
      ->Set("annotations",
            json::Value::Object({{"kubernetes.io/config.mirror", json::Value("hash")}}));
  const auto pod = PodFromApi(mirror, 0);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_EQ(pod->mirror_of, "hash");
}

TEST(PodFromApi, RefusesWhatItCannotRun) {
  json::Value claims = json::ParseJson(kPod).value();
  claims.Find("spec")->Set(
      "resourceClaims",
      json::Value::Array({json::Value::Object(
          {{"name", json::Value("gpu")}, {"resourceClaimName", json::Value("gpu")}})}));
  const auto pod = PodFromApi(claims, 0);
  ASSERT_FALSE(pod.ok());
  EXPECT_NE(pod.error().message().find("resourceClaims"), std::string::npos)
      << pod.error().message();
}

}  // namespace
}  // namespace keelson::source
