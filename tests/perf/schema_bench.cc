// SPDX-License-Identifier: Apache-2.0
// keelson-schema-bench [FILE]: what reading an object and writing it canonically costs, for a pod
// of about 3 KB or the JSON of FILE. Prints microseconds of processor time; no part of any test.
#include <fmt/core.h>

#include <time.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/schema/protobuf.h"

namespace {

using keelson::schema::Decode;
using keelson::schema::Media;

std::string Pod() {
  std::string containers;
  for (int i = 0; i < 3; ++i) {
    if (i > 0) containers += ',';
    containers += fmt::format(
        R"({{"name":"c{}","image":"registry.example/team/app:v1.2.{}","args":["--port=80","--v=2"],)"
        R"("ports":[{{"name":"http","containerPort":80,"protocol":"TCP"}}],)"
        R"("env":[{{"name":"A","value":"1"}},{{"name":"POD","valueFrom":{{"fieldRef":{{"apiVersion":"v1","fieldPath":"metadata.name"}}}}}}],)"
        R"("resources":{{"limits":{{"cpu":"1500m","memory":"256Mi"}},"requests":{{"cpu":"100m","memory":"128Mi"}}}},)"
        R"("livenessProbe":{{"httpGet":{{"path":"/healthz","port":"http","scheme":"HTTP"}},"periodSeconds":10,"failureThreshold":3}},)"
        R"("volumeMounts":[{{"name":"data","mountPath":"/data"}},{{"name":"token","mountPath":"/var/run/secrets","readOnly":true}}],)"
        R"("terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}})",
        i, i);
  }
  return R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-7c5ddbdf54-x8k2p","generateName":"web-7c5ddbdf54-",)"
         R"("namespace":"default","uid":"0d1c8e4e-6c43-4b9e-9d1c-0123456789ab","resourceVersion":"12345","generation":1,)"
         R"("creationTimestamp":"2026-01-02T03:04:05Z","labels":{"app":"web","pod-template-hash":"7c5ddbdf54"},)"
         R"("annotations":{"example.com/checksum":"4fa1b2c3d4e5f60718293a4b5c6d7e8f"},)"
         R"("ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-7c5ddbdf54","uid":"1","controller":true,"blockOwnerDeletion":true}]},)"
         R"("spec":{"volumes":[{"name":"data","emptyDir":{}},{"name":"token","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}],"defaultMode":420}}],)"
         R"("containers":[)" +
         containers +
         R"(],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"default",)"
         R"("serviceAccount":"default","nodeName":"node-1","securityContext":{},"schedulerName":"default-scheduler",)"
         R"("tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],)"
         R"("priority":0,"enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"},"status":{"phase":"Running","podIP":"10.42.0.7",)"
         R"("conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":"2026-01-02T03:04:07Z"}],"qosClass":"Burstable"}})";
}

// Of this thread: other work on the machine does not count.
double CpuMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void Time(const char* what, const std::function<void()>& work) {
  double best = 1e9;
  for (int round = 0; round < 40; ++round) {
    const double start = CpuMicroseconds();
    constexpr int kTimes = 100;
    for (int i = 0; i < kTimes; ++i) work();
    best = std::min(best, (CpuMicroseconds() - start) / kTimes);
  }
  fmt::print("{:32} {:8.1f} us\n", what, best);
}

}  // namespace

int main(int argc, char** argv) {
  std::string text = Pod();
  if (argc > 1) {
    std::ifstream in(argv[1]);
    std::stringstream all;
    all << in.rdbuf();
    text = all.str();
  }
  const auto kind = keelson::schema::ReadKind(text, Media::kJson);
  if (!kind.ok()) {
    fmt::print(stderr, "{}\n", kind.error().message());
    return 1;
  }
  const auto* type = keelson::schema::Find(kind->group, kind->version, kind->kind);
  if (type == nullptr) return 1;
  const auto decoded = Decode(text, *type, Media::kJson);
  if (!decoded.ok()) {
    fmt::print(stderr, "{}\n", decoded.error().message());
    return 1;
  }
  const std::string protobuf = keelson::schema::EncodeProtobuf(decoded->value, *type);
  fmt::print("{} bytes of JSON, {} of protobuf\n", text.size(), protobuf.size());
  Time("check JSON", [&] { (void)keelson::schema::CheckJson(text); });
  Time("kind, decode JSON",
       [&] { (void)DecodeRequest(text, Media::kJson, kind->group, kind->version, kind->kind); });
  Time("decode JSON", [&] { (void)Decode(text, *type, Media::kJson); });
  Time("decode protobuf", [&] { (void)Decode(protobuf, *type, Media::kProtobuf); });
  Time("write canonically", [&] { (void)WriteCanonical(decoded->value, *type); });
  Time("encode protobuf", [&] { (void)EncodeProtobuf(decoded->value, *type); });
  Time("decode JSON, write canonically",
       [&] { (void)WriteCanonical(Decode(text, *type, Media::kJson)->value, *type); });
  return 0;
}
