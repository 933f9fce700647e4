// SPDX-License-Identifier: Apache-2.0
// What a write costs inside keelson-master, without network and disk: pods made, their status
// patched as a kubelet does, leases renewed. Prints writes a second of one client, for people; no
// test.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "lib/json/text.h"
#include "tests/master/local_server.h"

namespace {

using keelson::golden::LocalServer;
using keelson::golden::Request;
using Clock = std::chrono::steady_clock;

constexpr char kPods[] = "/api/v1/namespaces/default/pods";
constexpr char kLeases[] = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

Request Sending(const char* method, std::string path, const char* type, std::string body) {
  Request request;
  request.method = method;
  request.path = std::move(path);
  request.content_type = type;
  request.has_body = true;
  request.body = std::move(body);
  return request;
}

std::string Pod(int i) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p{}","labels":{{"app":"web","tier":"front","pod-template-hash":"5d8f9"}},"annotations":{{"a/b":"c"}}}},
"spec":{{"serviceAccountName":"default","automountServiceAccountToken":false,"nodeName":"n1","tolerations":[{{"key":"a","operator":"Exists"}}],
"containers":[{{"name":"web","image":"web:1","args":["--port=80","--v=2"],"env":[{{"name":"A","value":"1"}},{{"name":"B","valueFrom":{{"fieldRef":{{"fieldPath":"status.podIP"}}}}}}],
"ports":[{{"containerPort":80}},{{"containerPort":9090,"name":"metrics"}}],"resources":{{"requests":{{"cpu":"100m","memory":"64Mi"}},"limits":{{"memory":"128Mi"}}}},
"readinessProbe":{{"httpGet":{{"path":"/ready","port":80}}}},"volumeMounts":[{{"name":"data","mountPath":"/data"}}]}},{{"name":"side","image":"side:1"}}],
"volumes":[{{"name":"data","emptyDir":{{}}}}]}}}})",
      i);
}

std::string Status(int round) {
  const std::string time = fmt::format("2026-01-01T00:{:02}:00Z", round % 60);
  std::string conditions;
  for (const char* type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"})
    conditions +=
        fmt::format(R"({}{{"type":"{}","status":"{}","lastTransitionTime":"{}"}})",
                    conditions.empty() ? "" : ",", type, round % 2 ? "True" : "False", time);
  return fmt::format(
      R"({{"status":{{"phase":"Running","hostIP":"10.0.0.1","podIP":"10.1.0.{}","podIPs":[{{"ip":"10.1.0.{}"}}],"startTime":"2026-01-01T00:00:00Z","conditions":[{}],
"containerStatuses":[{{"name":"web","image":"web:1","imageID":"sha256:1","containerID":"x://{}","ready":{},"started":true,"restartCount":{},"state":{{"running":{{"startedAt":"{}"}}}}}}]}}}})",
      round % 250 + 1, round % 250 + 1, conditions, round, round % 2 ? "true" : "false", round,
      time);
}

std::string Lease(int i, int round) {
  return fmt::format(
      R"({{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"l{}"}},"spec":{{"holderIdentity":"n{}","leaseDurationSeconds":40,"renewTime":"2026-01-01T00:00:{:02}.{:06}Z"}}}})",
      i, i, round % 60, round);
}

template <typename Each>
void Time(LocalServer& server, const char* what, int count, const Each& each) {
  const auto begun = Clock::now();
  const std::clock_t work = std::clock();
  for (int i = 0; i < count; ++i) {
    int code = 0;
    const std::string answer = server.AskText(each(i), code);
    if (code >= 300) {
      std::fprintf(stderr, "%s: %d %s\n", what, code, answer.c_str());
      std::exit(1);
    }
  }
  const std::chrono::duration<double> took = Clock::now() - begun;
  const double busy = static_cast<double>(std::clock() - work) / CLOCKS_PER_SEC;
  std::printf("%-16s %8.0f/s %8.1f us of processor time each\n", what, count / took.count(),
              busy * 1e6 / count);
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 2000;
  constexpr char kJson[] = "application/json";
  constexpr char kMerge[] = "application/merge-patch+json";
  constexpr char kStrategic[] = "application/strategic-merge-patch+json";
  LocalServer server;
  int code = 0;
  (void)server.AskText(
      Sending("POST", "/api/v1/namespaces/default/serviceaccounts", kJson,
              R"({"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default"}})"),
      code);
  Time(server, "create pods", count, [&](int i) { return Sending("POST", kPods, kJson, Pod(i)); });
  Time(server, "patch status", count * 2, [&](int i) {
    return Sending("PATCH", fmt::format("{}/p{}/status", kPods, i % 50), kStrategic, Status(i));
  });
  Time(server, "create leases", 50,
       [&](int i) { return Sending("POST", kLeases, kJson, Lease(i, 0)); });
  Time(server, "renew leases", count * 2, [&](int i) {
    return Sending("PATCH", fmt::format("{}/l{}", kLeases, i % 50), kMerge, Lease(i % 50, i));
  });
  Time(server, "apply pods", count, [&](int i) {
    return Sending("PATCH", fmt::format("{}/p{}?fieldManager=m&force=true", kPods, i % 50),
                   "application/apply-patch+yaml", Pod(i % 50));
  });
  return 0;
}
