// SPDX-License-Identifier: Apache-2.0
// Pods from manifests, the whole way: the kubelet and the runtime as processes, real images, what a
// user sees.
#include <gmock/gmock.h>
#include <signal.h>

#include "lib/http/client/client.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using testing::HasSubstr;

class KubeletTest : public NodeTest {
 protected:
  void Begin(const std::vector<std::string>& images = {"busybox"}) {
    for (const std::string& image : images) LoadImage(image);
    StartRuntime();
    StartKubelet();
  }
};

TEST_F(KubeletTest, WebServesThePageThatItsNeighbourWrites) {
  Begin({"busybox", "nginx"});
  // Shorter than a person's: the writer is a shell that takes no notice of SIGTERM.
  std::string manifest = Example("web.yaml");
  manifest.insert(manifest.find("  volumes:"), "  terminationGracePeriodSeconds: 1\n");
  PutManifest("web.yaml", manifest);
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); }))
      << Get("/pods") << Get("/explain/default/web-node");
  const std::string address = Status("web").At({"podIP"}).AsString();
  const auto page =
      http::Client().PerformToString({.url = "http://" + address + "/index.html"}, 1 << 20);
  ASSERT_TRUE(page.ok()) << page.error().message();
  EXPECT_THAT(page->second, HasSubstr("Hello from Keelson"));
  EXPECT_TRUE(Eventually([&] {
    for (const std::string& line : LogLines("web", "writer")) {
      if (line.find("Hello from Keelson") != std::string::npos) return true;
    }
    return false;
  }));
  RemoveManifest("web.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Get("/pods");
}

TEST_F(KubeletTest, DaemonsKilledUnderRunningPodsHarmNoPod) {
  Begin();
  PutManifest("a.yaml",
              BusyboxPod("a", "n=0; while true; do n=$((n+1)); echo line $n; sleep 0.05; done"));
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const std::string id = Container("a", "main").At({"containerID"}).AsString();
  ASSERT_FALSE(id.empty());
  StopKubelet(SIGKILL);
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  StopRuntime(SIGKILL);
  StartRuntime();
  ASSERT_TRUE(Eventually([&] { return Get("/healthz") == "ok" && IsReady("a"); })) << Get("/pods");
  StopRuntime(SIGKILL);
  StopKubelet(SIGKILL);
  StartRuntime();
  StartKubelet();
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const json::Value container = Container("a", "main");
  EXPECT_EQ(container.At({"containerID"}).AsString(), id);
  EXPECT_EQ(container.At({"restartCount"}).AsInt(), 0);
  // No line of the log is missing over all of that.
  const size_t before = LogLines("a", "main").size();
  ASSERT_TRUE(Eventually([&] { return LogLines("a", "main").size() > before + 20; }));
  int expected = 0;
  for (const std::string& line : LogLines("a", "main"))
    EXPECT_THAT(line, testing::EndsWith("F line " + std::to_string(++expected)));
  RemoveManifest("a.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Get("/pods");
}

TEST_F(KubeletTest, ItsOwnEndWaitsForNoPod) {
  Begin();
  const std::string shared = dir_.path() + "/shared";
  ASSERT_TRUE(os::MakeDir(shared, 0755).ok());
  struct Release {  // also when the test fails
    const std::string file;
    void operator()() const { EXPECT_TRUE(os::WriteFileAtomic(file, "", 0644).ok()); }
    ~Release() { (*this)(); }
  } const release{shared + "/go"};
  // Takes no notice of SIGTERM until it may; writes down each that it gets.
  std::string slow = BusyboxPod(
      "slow", "trap \"echo x >>/shared/asked\" TERM; while [ ! -e /shared/go ]; do sleep 0.1; done",
      "  volumes: [{name: shared, hostPath: {path: " + shared + "}}]\n",
      "      volumeMounts: [{name: shared, mountPath: /shared}]\n");
  slow.replace(slow.find("Seconds: 1\n"), 11, "Seconds: 600\n");
  PutManifest("slow.yaml", slow);
  PutManifest("hook.yaml", BusyboxPod("hook", "sleep 1000"));
  ASSERT_TRUE(Eventually([&] { return IsReady("slow") && IsReady("hook"); })) << Get("/pods");
  std::string hook = BusyboxPod("hook", "sleep 1001", "",
                                "      lifecycle: {postStart: {sleep: {seconds: 500}}}\n");
  hook.replace(hook.find("Seconds: 1\n"), 11, "Seconds: 600\n");
  PutManifest("hook.yaml", hook);
  RemoveManifest("slow.yaml");
  const auto asked = [&] { return os::ReadFile(shared + "/asked").ValueOr(""); };
  ASSERT_TRUE(Eventually([&] { return !asked().empty(); })) << DaemonLogs();
  ASSERT_TRUE(Eventually([&] {
    return Container("hook", "main").At({"state", "waiting", "reason"}).AsString() ==
               "ContainerCreating" &&
           !Container("hook", "main").At({"containerID"}).AsString().empty();
  })) << Get("/pods");
  const std::string id = Container("slow", "main").At({"containerID"}).AsString();
  const auto begun = std::chrono::steady_clock::now();
  StopKubelet(SIGTERM);
  // Far below the 500 s that the hook takes and the 600 s that the pods are given.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
  EXPECT_THAT(DaemonLogs(), HasSubstr("what is still under way is left to the runtime"));
  // Nothing was killed for that, and the next life knows what was being done.
  StartKubelet();
  ASSERT_TRUE(Eventually([&] {
    return !Pod("slow").At({"metadata", "deletionTimestamp"}).IsNull() && IsReady("hook");
  })) << Get("/pods");
  EXPECT_EQ(Container("slow", "main").At({"containerID"}).AsString(), id);
  EXPECT_TRUE(Eventually([&] {
    return Get("/explain/default/slow-node").find("end container main within") != std::string::npos;
  })) << Get("/explain/default/slow-node");
  EXPECT_EQ(Container("slow", "main").At({"restartCount"}).AsInt(), 0);
  release();
  EXPECT_TRUE(Eventually([&] { return Pod("slow").IsNull(); })) << Get("/pods");
  EXPECT_TRUE(IsReady("hook"));
}

TEST_F(KubeletTest, ManifestsThatAreWrongHarmNobodyElse) {
  Begin();
  PutManifest("good.yaml", BusyboxPod("good", "sleep 1000"));
  PutManifest("typo.yaml",
              "apiVersion: v1\nkind: Pod\nmetadata: {name: typo}\nspec:\n  containers:\n    - "
              "name: x\n      imagee: y\n");
  PutManifest("not-yaml.yaml", "{{{{");
  ASSERT_TRUE(Eventually([&] { return IsReady("good"); })) << Get("/pods");
  const std::string id = Container("good", "main").At({"containerID"}).AsString();
  EXPECT_TRUE(Eventually([&] { return DaemonLogs().find("typo.yaml") != std::string::npos; }));
  EXPECT_THAT(DaemonLogs(), HasSubstr("line 7"));
  EXPECT_THAT(DaemonLogs(), HasSubstr("imagee"));
  // The good one spoiled: the pod goes on as it was.
  PutManifest("good.yaml",
              "apiVersion: v1\nkind: Pod\nmetadata: {name: good}\nspec: {containers: []}\n");
  EXPECT_TRUE(Eventually([&] { return DaemonLogs().find("spec.containers") != std::string::npos; }))
      << DaemonLogs();
  EXPECT_TRUE(IsReady("good"));
  EXPECT_EQ(Container("good", "main").At({"containerID"}).AsString(), id);
}

TEST_F(KubeletTest, APodChangedIsMadeAnewAndOneTakenAwayEnds) {
  Begin();
  PutManifest("a.yaml", BusyboxPod("a", "echo first; sleep 1000"));
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const std::string id = Container("a", "main").At({"containerID"}).AsString();
  PutManifest("a.yaml", BusyboxPod("a", "echo second; sleep 1000"));
  ASSERT_TRUE(Eventually([&] {
    return IsReady("a") && Container("a", "main").At({"containerID"}).AsString() != id;
  })) << Get("/pods");
  ASSERT_TRUE(Eventually([&] { return Runtime().ListPodSandboxes().value().size() == 1; }));
  RemoveManifest("a.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Get("/pods");
  EXPECT_TRUE(Eventually([&] {
    return !os::Exists(kubelet_root() + "/pods") ||
           os::ListDir(kubelet_root() + "/pods").value().empty();
  }));
}

TEST_F(KubeletTest, WhatCrashesIsRestartedWithBackOff) {
  Begin({"busybox", "nginx"});
  PutManifest("port-clash.yaml", Example("port-clash.yaml"));
  ASSERT_TRUE(Eventually([&] {
    return Container("port-clash", "second").At({"state", "waiting", "reason"}).AsString() ==
           "CrashLoopBackOff";
  })) << Get("/pods");
  EXPECT_TRUE(Eventually([&] {
    return Get("/explain/default/port-clash-node")
               .find("back-off before container second is restarted") != std::string::npos;
  }));
  ASSERT_TRUE(Eventually([&] {
    return Container("port-clash", "second").At({"restartCount"}).AsInt() >= 2;
  })) << Get("/pods");
  EXPECT_EQ(Container("port-clash", "first").At({"restartCount"}).AsInt(), 0);
  EXPECT_TRUE(Eventually([&] {
    return Container("port-clash", "second")
               .At({"lastState", "terminated", "message"})
               .AsString()
               .find("Address already in use") != std::string::npos;
  })) << Get("/pods");
  EXPECT_THAT(Get("/explain/default/port-clash-node"),
              HasSubstr("container second ended by itself: exit code 1"));
}

TEST_F(KubeletTest, InitContainersInOrderSidecarsFirstThenTheRest) {
  Begin();
  PutManifest(
      "a.yaml",
      BusyboxPod("a",
                 "cat /shared/one /shared/two; wget -q -O - http://localhost:8080/side; sleep 1000",
                 "  volumes: [{name: shared, emptyDir: {}}]\n"
                 "  initContainers:\n"
                 "    - name: one\n      image: docker.io/library/busybox:demo\n      command: "
                 "[/bin/sh, -c, 'echo 1 >/shared/one']\n"
                 "      volumeMounts: [{name: shared, mountPath: /shared}]\n"
                 "    - name: side\n      image: docker.io/library/busybox:demo\n      "
                 "restartPolicy: Always\n"
                 "      command: [/bin/sh, -c, 'mkdir /www; echo sidecar >/www/side; httpd -f -p "
                 "8080 -h /www']\n"
                 "      startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}\n"
                 "    - name: two\n      image: docker.io/library/busybox:demo\n      command: "
                 "[/bin/sh, -c, 'cat /shared/one >/shared/two']\n"
                 "      volumeMounts: [{name: shared, mountPath: /shared}]\n",
                 "      volumeMounts: [{name: shared, mountPath: /shared}]\n"));
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); }))
      << Get("/pods") << Get("/explain/default/a-node");
  ASSERT_TRUE(Eventually([&] { return LogLines("a", "main").size() >= 3; }));
  const std::vector<std::string> lines = LogLines("a", "main");
  EXPECT_THAT(lines, testing::ElementsAre(testing::EndsWith("F 1"), testing::EndsWith("F 1"),
                                          testing::EndsWith("F sidecar")));
}

TEST_F(KubeletTest, RestartPoliciesAndExitCodes) {
  Begin();
  PutManifest("done.yaml", BusyboxPod("done", "echo bye >/dev/termination-log; exit 0",
                                      "  restartPolicy: Never\n"));
  PutManifest("fail.yaml", BusyboxPod("fail", "echo why >/dev/termination-log; exit 7",
                                      "  restartPolicy: Never\n"));
  ASSERT_TRUE(Eventually([&] { return Status("done").At({"phase"}).AsString() == "Succeeded"; }))
      << Get("/pods");
  ASSERT_TRUE(Eventually([&] { return Status("fail").At({"phase"}).AsString() == "Failed"; }))
      << Get("/pods");
  EXPECT_EQ(Container("fail", "main").At({"state", "terminated", "exitCode"}).AsInt(), 7);
  EXPECT_EQ(Container("fail", "main").At({"state", "terminated", "reason"}).AsString(), "Error");
  EXPECT_EQ(Container("fail", "main").At({"state", "terminated", "message"}).AsString(), "why\n");
  EXPECT_EQ(Container("done", "main").At({"state", "terminated", "reason"}).AsString(),
            "Completed");
  EXPECT_EQ(Container("done", "main").At({"restartCount"}).AsInt(), 0);
}

TEST_F(KubeletTest, LivenessProbesRestartAndHooksRun) {
  Begin();
  std::string manifest = BusyboxPod(
      "a",
      "trap \"exit 9\" TERM; touch /tmp/ok; sleep 2; rm /tmp/ok; while true; do sleep 0.1; done",
      "",
      "      livenessProbe: {exec: {command: [cat, /tmp/ok]}, periodSeconds: 1, "
      "failureThreshold: 2}\n"
      "      lifecycle:\n"
      "        postStart: {exec: {command: [/bin/sh, -c, 'echo started >/proc/1/fd/1']}}\n"
      "        preStop: {exec: {command: [/bin/sh, -c, 'echo stopping >/proc/1/fd/1']}}\n");
  // The time of the hook, too.
  manifest.replace(manifest.find("Seconds: 1\n"), 11, "Seconds: 60\n");
  PutManifest("a.yaml", manifest);
  ASSERT_TRUE(Eventually([&] { return Container("a", "main").At({"restartCount"}).AsInt() >= 1; }))
      << Get("/pods") << Get("/explain/default/a-node");
  for (const std::string word : {"started", "stopping"}) {
    EXPECT_TRUE(Eventually([&] {
      return testing::Value(LogLines("a", "main"), testing::Contains(testing::EndsWith(word)));
    })) << word;
  }
  EXPECT_EQ(Container("a", "main").At({"lastState", "terminated", "exitCode"}).AsInt(), 9);
}

TEST_F(KubeletTest, ConfigMapsAndSecretsReachVolumesAndVariables) {
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/objects/o.yaml",
                                  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, "
                                  "namespace: default}\ndata: {greeting: hello}\n---\n"
                                  "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: "
                                  "default}\nstringData: {token: t0ps3cret}\n",
                                  0644)
                  .ok());
  Begin();
  PutManifest(
      "a.yaml",
      BusyboxPod(
          "a",
          "echo $GREETING $(TOKEN) $POD $CPU; cat /cm/greeting; echo; cat /one; echo; cat "
          "/info/name; echo; sleep 1000",
          "  volumes:\n    - {name: cm, configMap: {name: cm}}\n"
          "    - {name: info, downwardAPI: {items: [{path: name, fieldRef: {fieldPath: "
          "metadata.name}}]}}\n",
          "      resources: {limits: {cpu: 500m}}\n"
          "      env:\n"
          "        - {name: GREETING, valueFrom: {configMapKeyRef: {name: cm, key: greeting}}}\n"
          "        - {name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: token}}}\n"
          "        - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
          "        - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: "
          "1m}}}\n"
          "      volumeMounts:\n        - {name: cm, mountPath: /cm}\n        - {name: cm, "
          "mountPath: /one, subPath: greeting}\n"
          "        - {name: info, mountPath: /info}\n"));
  ASSERT_TRUE(Eventually([&] { return LogLines("a", "main").size() >= 4; }))
      << Get("/pods") << Get("/explain/default/a-node") << DaemonLogs();
  EXPECT_THAT(LogLines("a", "main"),
              testing::ElementsAre(testing::EndsWith("F hello t0ps3cret a-node 500"),
                                   testing::EndsWith("F hello"), testing::EndsWith("F hello"),
                                   testing::EndsWith("F a-node")));
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/objects/o.yaml",
                                  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, "
                                  "namespace: default}\ndata: {greeting: changed}\n",
                                  0644)
                  .ok());
  const std::string file =
      kubelet_root() + "/pods/" + Uid("a") + "/volumes/kubernetes.io~configmap/cm/greeting";
  EXPECT_TRUE(Eventually([&] { return os::ReadFile(file).ValueOr("") == "changed"; }))
      << DaemonLogs();
}

}  // namespace
}  // namespace keelson::node_test
