// SPDX-License-Identifier: Apache-2.0
// What the kubelet does for the node as a whole: its health port, its configuration, the tiers of
// its cgroups.
#include <gmock/gmock.h>
#include <signal.h>

#include "lib/base/testing/places.h"
#include "lib/http/client/client.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using testing::HasSubstr;

class KubeletNodeTest : public NodeTest {
 protected:
  void Begin(const std::string& settings = "") {
    LoadImage("busybox");
    StartRuntime();
    Configure(settings);
  }
  void Configure(const std::string& settings) {
    const std::string file = dir_.path() + "/kubelet.yaml";
    ASSERT_TRUE(
        os::WriteFileAtomic(
            file,
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + settings,
            0644)
            .ok());
    StartKubelet({"--config", file});
  }
  // The machine's loopback is the test's own.
  static std::string Health(const std::string& path) {
    const auto answer =
        http::Client().PerformToString({.url = "http://127.0.0.1:10248" + path}, 1 << 20);
    return answer.ok() ? std::to_string(answer->first.status) + " " + answer->second : "";
  }
  std::string CgroupFile(const std::string& path, const std::string& controller,
                         const std::string& v1_file, const std::string& v2_file) {
    const cgroup::Layout layout = cgroup::DetectLayout().value();
    if (!layout.v2 && !layout.hierarchies.contains(controller)) return "none";
    return os::ReadFile((layout.v2 ? layout.unified : layout.hierarchies.at(controller)) +
                        cgroup_root_ + "/kubepods" + path + "/" + (layout.v2 ? v2_file : v1_file))
        .ValueOr("");
  }
};

TEST_F(KubeletNodeTest, HealthIsOnAPortOfTheLoopbackAndNothingElse) {
  Begin();
  EXPECT_TRUE(Eventually([&] { return Health("/healthz") == "200 ok"; }));
  EXPECT_THAT(Health("/healthz?verbose"), HasSubstr("[+]syncloop ok"));
  EXPECT_EQ(Health("/healthz/ping"), "200 ok");
  EXPECT_THAT(Health("/pods"), testing::StartsWith("404"));
  StopRuntime(SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    return Health("/healthz").find("[-]runtime failed: ") != std::string::npos;
  })) << Health("/healthz");
  StartRuntime();
  EXPECT_TRUE(Eventually([&] { return Health("/healthz") == "200 ok"; }));
  // Another kubelet on the machine says what is in its way, and that it can do without.
  const os::CommandResult other =
      Command({base::BinDir() + "/keelson-kubelet", "--pod-manifest-path", manifests(),
               "--root-dir", dir_.path() + "/other", "--socket", dir_.path() + "/other.sock",
               "--objects", dir_.path() + "/objects", "--cgroup-root", cgroup_root_ + "/other",
               "--pod-logs-dir", dir_.path() + "/other-logs", "--log-links-dir", "",
               "--container-runtime-endpoint", run() + "/cri.sock"},
              std::chrono::seconds(60));
  EXPECT_NE(other.status.code(), 0);
  EXPECT_THAT(other.err,
              testing::AllOf(HasSubstr("healthz (healthzPort 0 or --healthz-port 0 turns it off)"),
                             HasSubstr("127.0.0.1:10248")));
  StopKubelet(SIGTERM);
  StartKubelet({"--healthz-port", "0"});
  EXPECT_EQ(Health("/healthz"), "");
}

TEST_F(KubeletNodeTest, LimitsAreKeptAsTheConfigurationSays) {
  Begin(
      "featureGates: {CustomCPUCFSQuotaPeriod: true}\ncpuCFSQuotaPeriod: 20ms\n"
      "singleProcessOOMKill: true\n");
  const auto file = [&](const std::string& controller, const std::string& v1,
                        const std::string& v2) {
    const std::string id = Container("a", "main").At({"containerID"}).AsString();
    return CgroupFile(
        "/pod" + Pod("a").At({"metadata", "uid"}).AsString() + "/" + id.substr(id.rfind('/') + 1),
        controller, v1, v2);
  };
  PutManifest("a.yaml", BusyboxPod("a", "sleep 1000", "",
                                   "      resources: {limits: {cpu: 500m, memory: 32Mi}}\n"));
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const bool v2 = cgroup::DetectLayout().value().v2;
  EXPECT_EQ(file("cpu", "cpu.cfs_quota_us", "cpu.max"), v2 ? "10000 20000\n" : "10000\n");
  if (v2) {
    EXPECT_EQ(file("memory", "", "memory.oom.group"), "0\n");
  }
  RemoveManifest("a.yaml");
  ASSERT_TRUE(Eventually([&] { return IsGone() && Pod("a").IsNull(); })) << Get("/pods");
  StopKubelet(SIGTERM);
  Configure("cpuCFSQuota: false\n");
  PutManifest("a.yaml", BusyboxPod("a", "sleep 1000", "",
                                   "      resources: {limits: {cpu: 500m, memory: 32Mi}}\n"));
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  EXPECT_EQ(file("cpu", "cpu.cfs_quota_us", "cpu.max"), v2 ? "max 100000\n" : "-1\n");
  if (v2) {
    EXPECT_EQ(file("memory", "", "memory.oom.group"), "1\n");
  }
}

TEST_F(KubeletNodeTest, OneProcessAtATimeIsAllThatCgroupV1Can) {
  if (cgroup::DetectLayout().value().v2) GTEST_SKIP() << "this machine has cgroup v2";
  const std::string config = dir_.path() + "/kubelet.yaml";
  ASSERT_TRUE(os::WriteFileAtomic(config,
                                  "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: "
                                  "KubeletConfiguration\nsingleProcessOOMKill: false\n",
                                  0644)
                  .ok());
  SpawnKubelet({"--config", config});
  EXPECT_NE(kubelet_->Wait().value().code(), 0);
  kubelet_.reset();
  EXPECT_THAT(DaemonLogs(), HasSubstr("singleProcessOOMKill must not be explicitly set to false "
                                      "when using cgroup v1"));
}

TEST_F(KubeletNodeTest, ShowsTheSettingsItHasAndUpstreamsDefaults) {
  Begin("syncFrequency: 30s\nmaxPods: 42\n");
  const json::Value shown = json::ParseJson(Get("/configz")).value().At({"kubeletconfig"});
  EXPECT_EQ(shown.At({"syncFrequency"}).AsString(), "30s");
  EXPECT_EQ(shown.At({"maxPods"}).AsInt(), 42);
  EXPECT_EQ(shown.At({"imageGCHighThresholdPercent"}).AsInt(), 85);
  EXPECT_EQ(shown.At({"nodeStatusUpdateFrequency"}).AsString(), "10s");
  EXPECT_EQ(shown.At({"registryPullQPS"}).AsInt(), 5);
  EXPECT_EQ(shown.At({"crashLoopBackOff", "maxContainerRestartPeriod"}).AsString(), "5m0s");
}

TEST_F(KubeletNodeTest, TheBurstableTierWeighsAsMuchAsItsPodsAndPodsAreLimitedInPids) {
  Begin("podPidsLimit: 64\n");
  PutManifest("a.yaml",
              BusyboxPod("a", "sleep 1000", "", "      resources: {requests: {cpu: 500m}}\n"));
  ASSERT_TRUE(Eventually([&] { return IsReady("a"); })) << Get("/pods");
  const std::string pod = "/burstable/pod" + Uid("a");
  EXPECT_TRUE(Eventually([&] {
    return CgroupFile("/burstable", "cpu", "cpu.shares", "cpu.weight") ==
           CgroupFile(pod, "cpu", "cpu.shares", "cpu.weight");
  })) << CgroupFile("/burstable", "cpu", "cpu.shares", "cpu.weight");
  EXPECT_THAT(CgroupFile(pod, "pids", "pids.max", "pids.max"), testing::AnyOf("64\n", "none"));
  RemoveManifest("a.yaml");
  const std::string least = cgroup::DetectLayout().value().v2 ? "1\n" : "2\n";
  EXPECT_TRUE(Eventually(
      [&] { return CgroupFile("/burstable", "cpu", "cpu.shares", "cpu.weight") == least; }));
}

// Else the fourth comes after 10, 20 and 40 seconds.
TEST_F(KubeletNodeTest, RestartsComeNoLaterThanTheConfigurationSays) {
  Begin("crashLoopBackOff: {maxContainerRestartPeriod: 1s}\n");
  PutManifest("a.yaml", BusyboxPod("a", "exit 1"));
  EXPECT_TRUE(
      Eventually([&] { return Container("a", "main").At({"restartCount"}).AsInt() >= 4; }, 60))
      << Get("/pods");
}

}  // namespace
}  // namespace keelson::node_test
