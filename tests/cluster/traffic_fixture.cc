// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/traffic_fixture.h"

#include <fcntl.h>
#include <poll.h>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"

namespace keelson::cluster_test {
namespace {

constexpr char kServer[] = "keelson-traffic-server";
constexpr char kDeployments[] = "/apis/apps/v1/namespaces/default/deployments";

}  // namespace

void TrafficFixture::OnCluster(const std::function<void()>& work) {
  OnMachine([&] {
    ASSERT_TRUE(os::MakeDirs(notes(), 0755).ok());
    ASSERT_NO_FATAL_FAILURE(LoadImage());
    const Said up = Up();
    ASSERT_EQ(up.code, 0) << up.text << Logs();
    const auto identity = load::ReadKubeconfig(dir_.path() + "/etc/admin.kubeconfig");
    ASSERT_TRUE(identity.ok()) << identity.error().message() << up.text;
    auto client = load::Client::Make(*identity, 6443, "192.0.2.50");
    ASSERT_TRUE(client.ok()) << client.error().message();
    client_ = std::make_shared<const load::Client>(*std::move(client));
    ASSERT_NO_FATAL_FAILURE(work());
    Down();
  });
}

base::Result<load::Answer> TrafficFixture::TryAsk(const std::string& method,
                                                  const std::string& path, const std::string& body,
                                                  const std::string& type) {
  ASSIGN_OR_RETURN(load::Connection connection, load::Connection::Open(*client_));
  return connection.Ask(method, path, body, type);
}

json::Value TrafficFixture::Ask(const std::string& method, const std::string& path,
                                const std::string& body, const std::string& type) {
  json::Value out;
  std::string last;
  const bool done = Eventually([&] {
    const auto answer = TryAsk(method, path, body, type);
    last =
        answer.ok() ? std::to_string(answer->code) + " " + answer->body : answer.error().message();
    if (!answer.ok() || answer->code >= 300) return false;
    out = json::ParseJson(answer->body).ValueOr({});
    return true;
  });
  EXPECT_TRUE(done) << method << " " << path << ": " << last;
  return out;
}

void TrafficFixture::MakeApp(const std::string& name, int replicas, Ends how, int seconds) {
  const bool sleeps = how == Ends::kAfterSleep;
  const std::string words = fmt::format(
      R"({{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"{0}"}},"spec":{{
      "replicas":{1},"selector":{{"matchLabels":{{"app":"{0}"}}}},"strategy":{{"rollingUpdate":
      {{"maxUnavailable":0,"maxSurge":"25%"}}}},"template":{{"metadata":{{"labels":{{"app":"{0}"}}}},
      "spec":{{"terminationGracePeriodSeconds":60,"containers":[{{"name":"server",
      "image":"docker.io/library/busybox:demo","command":["/server"],
      "ports":[{{"name":"http","containerPort":8080}}],
      "readinessProbe":{{"httpGet":{{"path":"/","port":"http"}},"periodSeconds":1,"timeoutSeconds":5}},
      {2}"env":[{{"name":"VERSION","value":"1"}},{{"name":"DRAIN_SECONDS","value":"{3}"}},
      {{"name":"UID","valueFrom":{{"fieldRef":{{"fieldPath":"metadata.uid"}}}}}},
      {{"name":"ADDRESS","valueFrom":{{"fieldRef":{{"fieldPath":"status.podIP"}}}}}}],
      "volumeMounts":[{{"name":"server","mountPath":"/server"}},{{"name":"notes","mountPath":"/notes"}}]}}],
      "volumes":[{{"name":"server","hostPath":{{"path":"{4}/{5}"}}}},
      {{"name":"notes","hostPath":{{"path":"{6}"}}}}]}}}}}}}})",
      name, replicas,
      sleeps ? fmt::format(R"("lifecycle":{{"preStop":{{"sleep":{{"seconds":{}}}}}}},)", seconds)
             : "",
      sleeps ? 0 : seconds, base::BinDir(), kServer, notes());
  (void)Ask("POST", kDeployments, words);
  (void)Ask("POST", "/api/v1/namespaces/default/services",
            fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{0}"}},"spec":
            {{"selector":{{"app":"{0}"}},"ports":[{{"port":80,"targetPort":"http"}}]}}}})",
                        name));
}

void TrafficFixture::SetVersion(const std::string& name, const std::string& version) {
  (void)Ask("PATCH", Deployment(name),
            R"({"spec":{"template":{"spec":{"containers":[{"name":"server","env":[)"
            R"({"name":"VERSION","value":")" +
                version + R"("}]}]}}}})",
            "application/strategic-merge-patch+json");
}

void TrafficFixture::Scale(const std::string& name, int replicas) {
  (void)Patch(Deployment(name), R"({"spec":{"replicas":)" + std::to_string(replicas) + "}}");
}

bool TrafficFixture::IsRolledOut(const std::string& name) {
  const auto answer = TryAsk("GET", Deployment(name));
  if (!answer.ok()) return false;
  const json::Value object = json::ParseJson(answer->body).ValueOr({});
  const int64_t wanted = object.At({"spec", "replicas"}).AsInt();
  const json::Value& status = object.At({"status"});
  const auto count = [&](const char* of) {
    const json::Value* value = status.Find(of);
    return value == nullptr ? 0 : value->AsInt();
  };
  return count("observedGeneration") == object.At({"metadata", "generation"}).AsInt() &&
         count("replicas") == wanted && count("updatedReplicas") == wanted &&
         count("availableReplicas") == wanted;
}

std::string TrafficFixture::Describe(const std::string& name) {
  std::string out;
  for (const std::string& path :
       {Deployment(name), std::string(kPods),
        std::string("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices")}) {
    const auto answer = TryAsk("GET", path);
    out += path + ": " + (answer.ok() ? answer->body : answer.error().message()) + "\n";
  }
  return out;
}

std::string TrafficFixture::ClusterIp(const std::string& name) {
  return Ask("GET", "/api/v1/namespaces/default/services/" + name)
      .At({"spec", "clusterIP"})
      .AsString();
}

std::vector<json::Value> TrafficFixture::PodsOf(const std::string& name) {
  std::vector<json::Value> out;
  const json::Value all = Ask("GET", std::string(kPods) + "?labelSelector=app%3D" + name);
  for (const json::Value& pod : all.At({"items"}).items())
    if (pod.At({"metadata"}).Find("deletionTimestamp") == nullptr) out.push_back(pod);
  return out;
}

os::UniqueFd TrafficFixture::ClientPod() {
  // Its word is this test's, and in its command line for all the machine to see.
  const std::string word = dir_.path() + "/client";
  (void)Ask("POST", kPods,
            fmt::format(R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"client"}},"spec":{{
            "terminationGracePeriodSeconds":10,"containers":[{{"name":"client",
            "image":"docker.io/library/busybox:demo","command":["/server","sleep","{0}"],
            "volumeMounts":[{{"name":"server","mountPath":"/server"}}]}}],
            "volumes":[{{"name":"server","hostPath":{{"path":"{1}/{2}"}}}}]}}}})",
                        word, base::BinDir(), kServer));
  os::UniqueFd out;
  EXPECT_TRUE(Eventually([&] {
    const Said found = Output({"pgrep", "-f", "^/server sleep " + word});
    if (found.code != 0) return false;
    const std::string pid(base::Trim(found.text));
    const auto opened = os::Open("/proc/" + pid + "/ns/net", O_RDONLY);
    if (!opened.ok()) return false;
    client_process_ = static_cast<pid_t>(base::ParseUint64(pid).value_or(0));
    out.reset(::dup(opened->get()));
    return true;
  })) << Logs();
  return out;
}

pid_t TrafficFixture::ClientsMonitor() const {
  const std::string status =
      os::ReadFile("/proc/" + std::to_string(client_process_) + "/status").ValueOr("");
  constexpr std::string_view kParent = "\nPPid:\t";
  const size_t at = status.find(kParent);
  if (at == std::string::npos) return 0;
  const std::string_view rest = std::string_view(status).substr(at + kParent.size());
  return static_cast<pid_t>(base::ParseUint64(rest.substr(0, rest.find('\n'))).value_or(0));
}

}  // namespace keelson::cluster_test
