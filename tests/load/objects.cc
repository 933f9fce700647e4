// SPDX-License-Identifier: Apache-2.0
#include "tests/load/objects.h"

#include <fmt/format.h>

namespace keelson::load {
namespace {

std::string Container(const std::string& name) {
  return fmt::format(
      R"({{"name":"{}","image":"registry.example/team/{}:v1.28.3","args":["--config=/etc/config/{}.yaml","--log-level=info"],)"
      R"("env":[{{"name":"POD_NAME","valueFrom":{{"fieldRef":{{"fieldPath":"metadata.name"}}}}}},{{"name":"GREETING","value":"hello"}}],)"
      R"("ports":[{{"containerPort":8080,"name":"{}"}}],)"
      R"("resources":{{"requests":{{"cpu":"100m","memory":"64Mi"}},"limits":{{"cpu":"500m","memory":"256Mi"}}}},)"
      R"("readinessProbe":{{"httpGet":{{"path":"/ready","port":8080}},"periodSeconds":5}},)"
      R"("volumeMounts":[{{"name":"config","mountPath":"/etc/config"}}]}})",
      name, name, name, name);
}

}  // namespace

std::string Pod(const std::string& name) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}","labels":{{"app":"web","tier":"front","pod-template-hash":"6d4cf56db6"}},)"
      R"("annotations":{{"example.org/checksum":"3f786850e387550fdab836ed7e6dc881de23001b"}}}},)"
      R"("spec":{{"schedulerName":"nobody","containers":[{}],)"
      R"("volumes":[{{"name":"config","configMap":{{"name":"web-config"}}}}]}}}})",
      name, Container("web"));
}

std::string PodStatus(uint64_t number) {
  return fmt::format(
      R"({{"status":{{"phase":"Running","message":"{}","hostIP":"10.1.2.3","podIP":"10.42.{}.{}",)"
      R"("conditions":[{{"type":"Ready","status":"{}","lastTransitionTime":"2026-01-01T00:00:{:02}Z"}},)"
      R"({{"type":"ContainersReady","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}}]}}}})",
      number, number / 256 % 256, number % 256, number % 2 == 0 ? "True" : "False", number % 60);
}

std::string ConfigMap(const std::string& name) {
  return fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}"}},)"
                     R"("data":{{"text":"{}"}}}})",
                     name, std::string(700, 'x'));
}

std::string Lease(const std::string& ns, const std::string& name, const std::string& revision,
                  uint64_t number) {
  return fmt::format(
      R"({{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"{}","namespace":"{}"{}}},)"
      R"("spec":{{"holderIdentity":"{}","leaseDurationSeconds":40,"renewTime":"2026-01-01T00:00:00.{:06}Z"}}}})",
      name, ns, revision.empty() ? "" : fmt::format(R"(,"resourceVersion":"{}")", revision), name,
      number % 1'000'000);
}

std::string RevisionIn(const std::string& body) {
  constexpr std::string_view kKey = "\"resourceVersion\":\"";
  const size_t at = body.find(kKey);
  if (at == std::string::npos) return {};
  const size_t from = at + kKey.size();
  return body.substr(from, body.find('"', from) - from);
}

}  // namespace keelson::load
