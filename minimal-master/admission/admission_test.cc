// SPDX-License-Identifier: Apache-2.0
// Conditions that recorded answers (tests/master) do not reach, with facts made up.
#include "minimal-master/admission/admission.h"

#include <gtest/gtest.h>

#include <map>

namespace keelson::admission {
namespace {

json::Value Yaml(const std::string& text) {
  base::Result<json::Value> value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << value.error().message();
  return value.ok() ? *value : json::Value();
}

class MadeUp final : public Facts {
 public:
  void Put(const std::string& resource, const std::string& ns, const std::string& yaml) {
    all_[resource + "|" + ns].push_back(Yaml(yaml));
  }
  std::optional<json::Value> Find(std::string_view, std::string_view resource, std::string_view ns,
                                  std::string_view name) const override {
    std::optional<json::Value> found;
    ForEach("", resource, ns, [&](const json::Value& object) {
      if (object.At({"metadata", "name"}).AsString() == name) found = object;
    });
    return found;
  }
  void ForEach(std::string_view, std::string_view resource, std::string_view ns,
               const std::function<void(const json::Value&)>& each) const override {
    const auto found = all_.find(std::string(resource) + "|" + std::string(ns));
    if (found == all_.end()) return;
    for (const json::Value& object : found->second) each(object);
  }

 private:
  std::map<std::string, std::vector<json::Value>> all_;
};

class AdmissionTest : public testing::Test {
 protected:
  AdmissionTest() {
    facts_.Put("namespaces", "", "{metadata: {name: a}, status: {phase: Active}}");
    facts_.Put("serviceaccounts", "a", "{metadata: {name: default}}");
  }
  status::Or<bool> Admit(json::Value& pod) {
    const Request request{Operation::kCreate, "", "pods", "Pod", "", "a", "", user_, "xxxxx"};
    if (Verdict mutated = Mutate(request, pod, facts_); !mutated.ok()) return mutated.failure();
    return Check(request, pod, facts_);
  }
  std::string Refusal(const std::string& yaml) {
    json::Value pod = Yaml(yaml);
    const status::Or<bool> verdict = Admit(pod);
    return verdict.ok() ? "" : verdict.failure().message;
  }

  auth::User user_;
  MadeUp facts_;
};

TEST_F(AdmissionTest, ATokenIsMountedWhereAContainerHasNothingInItsPlace) {
  json::Value pod = Yaml(R"(
metadata: {name: p}
spec:
  containers:
  - {name: a}
  - {name: b, volumeMounts: [{name: own, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}
)");
  ASSERT_TRUE(Admit(pod).ok());
  const auto& containers = pod.At({"spec", "containers"}).items();
  EXPECT_EQ(containers[0].At({"volumeMounts"}).items()[0].At({"name"}).AsString(),
            "kube-api-access-xxxxx");
  EXPECT_EQ(containers[1].At({"volumeMounts"}).items().size(), 1u);
  EXPECT_EQ(pod.At({"spec", "volumes"}).items().size(), 1u);
}

TEST_F(AdmissionTest, AnAccountThatWantsNoTokenIsHeardUnlessThePodSaysOtherwise) {
  facts_.Put("serviceaccounts", "a",
             "{metadata: {name: quiet}, automountServiceAccountToken: false,"
             " imagePullSecrets: [{name: s}]}");
  json::Value pod =
      Yaml("{metadata: {name: p}, spec: {serviceAccountName: quiet, containers: [{name: a}]}}");
  ASSERT_TRUE(Admit(pod).ok());
  EXPECT_TRUE(pod.At({"spec", "volumes"}).IsNull());
  EXPECT_EQ(pod.At({"spec", "imagePullSecrets"}).items().size(), 1u);
  json::Value loud = Yaml(
      "{metadata: {name: p}, spec: {serviceAccountName: quiet, automountServiceAccountToken: true,"
      " containers: [{name: a}]}}");
  ASSERT_TRUE(Admit(loud).ok());
  EXPECT_EQ(loud.At({"spec", "volumes"}).items().size(), 1u);
}

TEST_F(AdmissionTest, PriorityIsThatOfTheClassAndOfTheLowestDefault) {
  facts_.Put("priorityclasses", "", "{metadata: {name: high}, value: 9, preemptionPolicy: Never}");
  facts_.Put("priorityclasses", "", "{metadata: {name: d2}, value: 7, globalDefault: true}");
  facts_.Put("priorityclasses", "", "{metadata: {name: d1}, value: 5, globalDefault: true}");
  json::Value named =
      Yaml("{metadata: {name: p}, spec: {priorityClassName: high, containers: []}}");
  ASSERT_TRUE(Admit(named).ok());
  EXPECT_EQ(named.At({"spec", "priority"}).AsInt(), 9);
  EXPECT_EQ(named.At({"spec", "preemptionPolicy"}).AsString(), "Never");
  json::Value plain = Yaml("{metadata: {name: p}, spec: {containers: []}}");
  ASSERT_TRUE(Admit(plain).ok());
  EXPECT_EQ(plain.At({"spec", "priorityClassName"}).AsString(), "d1");
}

TEST_F(AdmissionTest, LimitsFillWhatIsLeftOutAndBoundTheRest) {
  facts_.Put("limitranges", "a", R"(
spec:
  limits:
  - {type: Container, default: {cpu: 500m}, defaultRequest: {cpu: 100m}, max: {cpu: 1}}
  - {type: Pod, max: {cpu: 1200m}}
)");
  json::Value pod = Yaml("{metadata: {name: p}, spec: {containers: [{name: c}]}}");
  ASSERT_TRUE(Admit(pod).ok());
  EXPECT_EQ(pod.At({"metadata", "annotations", "kubernetes.io/limit-ranger"}).AsString(),
            "LimitRanger plugin set: cpu request for container c; cpu limit for container c");
  EXPECT_EQ(
      Refusal(
          "{metadata: {name: p}, spec: {containers: [{name: c, resources: {limits: {cpu: 2}}}]}}"),
      "pods \"p\" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, "
      "maximum cpu usage per Pod is 1200m, but limit is 2]");
}

TEST_F(AdmissionTest, ARuntimeClassBringsItsOverheadAndNodes) {
  facts_.Put("runtimeclasses", "", R"(
metadata: {name: box}
overhead: {podFixed: {cpu: 10m}}
scheduling: {nodeSelector: {a: b}, tolerations: [{key: k, operator: Exists}]}
)");
  json::Value pod = Yaml("{metadata: {name: p}, spec: {runtimeClassName: box, containers: []}}");
  ASSERT_TRUE(Admit(pod).ok());
  EXPECT_EQ(pod.At({"spec", "overhead", "cpu"}).AsString(), "10m");
  EXPECT_EQ(pod.At({"spec", "nodeSelector", "a"}).AsString(), "b");
  EXPECT_EQ(pod.At({"spec", "tolerations"}).items().size(), 3u);
  EXPECT_NE(Refusal("{metadata: {name: p}, spec: {runtimeClassName: box, nodeSelector: {a: c}, "
                    "containers: []}}"),
            "");
}

TEST_F(AdmissionTest, MirrorPodsHaveNoAccount) {
  json::Value pod = Yaml(
      "{metadata: {name: p, annotations: {kubernetes.io/config.mirror: x}}, spec: {containers: "
      "[]}}");
  ASSERT_TRUE(Admit(pod).ok());
  EXPECT_TRUE(pod.At({"spec", "serviceAccountName"}).IsNull());
}

TEST_F(AdmissionTest, WhoeverAsksForACertificateIsWhoItSaysItIs) {
  user_.name = "node";
  user_.groups = {"g"};
  json::Value object =
      Yaml("{metadata: {name: c}, spec: {username: admin, groups: [system:masters]}}");
  const Request request{Operation::kCreate,
                        "certificates.k8s.io",
                        "certificatesigningrequests",
                        "CertificateSigningRequest",
                        "",
                        "",
                        "c",
                        user_,
                        "x"};
  ASSERT_TRUE(Mutate(request, object, facts_).ok());
  EXPECT_EQ(object.At({"spec", "username"}).AsString(), "node");
  EXPECT_EQ(json::WriteJson(object.At({"spec", "groups"})), "[\"g\"]");
}

}  // namespace
}  // namespace keelson::admission
