// SPDX-License-Identifier: Apache-2.0
// An autoscaled Deployment under real load of the CPU: requests through its Service make its pods
// burn what they may, so it grows; when nobody asks any more it shrinks. Every process is real.
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "tests/cluster/kubectl_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;

class AutoscalingTest : public KubectlTest {
 protected:
  int64_t Number(const std::string& text) { return base::ParseInt64(text).value_or(-1); }
  int64_t Autoscaler(const std::string& path) {
    return Number(Sh("kubectl get hpa burner -o jsonpath={" + path + "}").out);
  }
  // What the kernel has counted for the only container of a pod, in nanoseconds.
  int64_t Burned(const std::string& pod);
};

// Each request keeps one process of a pod busy for a while.
constexpr char kBurner[] =
    R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"burner"},"spec":{"replicas":1,
    "selector":{"matchLabels":{"app":"burner"}},"template":{"metadata":{"labels":{"app":"burner"}},
    "spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"c",
    "image":"docker.io/library/busybox:demo","command":["sh","-c",
    "mkdir -p /tmp/cgi-bin; (echo '#!/bin/sh'; echo 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'; echo 'printf \"Content-Type: text/plain\\r\\n\\r\\nburned\\n\"') >/tmp/cgi-bin/burn; chmod 755 /tmp/cgi-bin/burn; exec httpd -f -p 8080 -h /tmp"],
    "readinessProbe":{"tcpSocket":{"port":8080},"periodSeconds":1},
    "resources":{"requests":{"cpu":"20m","memory":"8Mi"},"limits":{"cpu":"200m"}}}]}}}})";

int64_t AutoscalingTest::Burned(const std::string& pod) {
  std::string id =
      Out("kubectl get pod " + pod + " -o jsonpath={.status.containerStatuses[0].containerID}");
  id = id.substr(id.rfind('/') + 1);
  const os::CommandResult found =
      Command({"sh", "-c",
               "cd $(find /sys/fs/cgroup -path '*" + cgroup_root_ + "/*/" + id +
                   "' \\( -path '*cpuacct*' -o -path '/sys/fs/cgroup" + cgroup_root_ +
                   "*' \\) 2>/dev/null | head -n 1) && if [ -e cpuacct.usage ]; then cat "
                   "cpuacct.usage; else sed -n 's/^usage_usec \\(.*\\)/\\1000/p' cpu.stat; fi"},
              std::chrono::seconds(60));
  return Number(std::string(base::Trim(found.out)));
}

TEST_F(AutoscalingTest, UnderLoadADeploymentGrowsAndShrinksAfterwards) {
  ASSERT_NO_FATAL_FAILURE(StartCluster({"--horizontal-pod-autoscaler-sync-period", "2"}));
  (void)Out("kubectl create -f -", kBurner);
  (void)Out("kubectl rollout status deployment/burner --timeout=200s");
  EXPECT_EQ(Out("kubectl expose deployment burner --port=80 --target-port=8080"),
            "service/burner exposed\n");
  EXPECT_EQ(Out("kubectl autoscale deployment burner --min=1 --max=3 --cpu=50%"),
            "horizontalpodautoscaler.autoscaling/burner autoscaled\n");
  EXPECT_EQ(Out("kubectl patch hpa burner --type=merge -p '{\"spec\":{\"behavior\":{\"scaleDown\":{"
                "\"stabilizationWindowSeconds\":5}}}}'"),
            "horizontalpodautoscaler.autoscaling/burner patched\n");
  // Nobody asks: next to nothing is used, and that is known.
  Becomes("kubectl get hpa burner",
          Like("NAME     REFERENCE           TARGETS       MINPODS   MAXPODS   REPLICAS   AGE\n"
               "burner   Deployment/burner   cpu: [0-9]%/50%   1         3         1          "
               "[0-9ms]+\n"));

  const std::string address = Out("kubectl get service burner -o jsonpath={.spec.clusterIP}");
  const std::string ask = "timeout 60 wget -q -O - http://" + address + "/cgi-bin/burn";
  ASSERT_NO_FATAL_FAILURE(RunScript("load", "for i in 1 2 3 4 5 6; do (while true; do " + ask +
                                                " >/dev/null || sleep 1; done) & done; wait"));
  EXPECT_EQ(Out("kubectl exec load -- " + ask), "burned\n");
  EXPECT_TRUE(Eventually([&] { return Autoscaler(".status.currentReplicas") == 3; }, 240))
      << Out("kubectl describe hpa burner") << Sh("kubectl top pods").out;
  (void)Out("kubectl rollout status deployment/burner --timeout=200s");
  EXPECT_THAT(Out("kubectl describe hpa burner"),
              AllOf(HasSubstr("SuccessfulRescale"),
                    HasSubstr("New size: 3; reason: cpu resource utilization (percentage of "
                              "request) above target")));
  Becomes("kubectl get hpa burner --no-headers",
          Like("burner +Deployment/burner +cpu: [0-9]+%/50% +1 +3 +3 +[0-9ms]+\n"));

  EXPECT_EQ(Out("kubectl delete pod load"), "pod \"load\" deleted from default namespace\n");
  EXPECT_TRUE(Eventually([&] { return Autoscaler(".status.currentReplicas") == 1; }, 240))
      << Out("kubectl describe hpa burner") << Sh("kubectl top pods").out;
  EXPECT_THAT(Out("kubectl describe hpa burner"),
              HasSubstr("New size: 1; reason: All metrics below target"));
  Becomes("kubectl get deployment burner --no-headers", Like("burner +1/1 +1 +1 +[0-9ms]+\n"));
}

TEST_F(AutoscalingTest, TheFiguresAreWhatTheKernelCounted) {
  ASSERT_NO_FATAL_FAILURE(StartCluster({"--horizontal-pod-autoscaler-sync-period", "1"}));
  // One that burns what its limit lets through, for as long as it lives.
  (void)Out("kubectl create -f -",
            R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"steady"},"spec":{
    "replicas":1,"selector":{"matchLabels":{"app":"steady"}},"template":{"metadata":{"labels":{
    "app":"steady"}},"spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"c",
    "image":"docker.io/library/busybox:demo","command":["sh","-c","while :; do :; done"],
    "resources":{"requests":{"cpu":"100m"},"limits":{"cpu":"200m"}}}]}}}})");
  (void)Out("kubectl rollout status deployment/steady --timeout=200s");
  EXPECT_EQ(Out("kubectl autoscale deployment steady --min=1 --max=1 --cpu=50%"),
            "horizontalpodautoscaler.autoscaling/steady autoscaled\n");
  const std::string pod = Pods("app=steady").at(0);
  // A figure is of the seconds before it was taken: it lies between what the kernel counted in
  // spans that begin and end outside of these. On a machine that is busy with others it varies, so
  // there is one try after the other.
  int64_t told = 0, counted = 0, percent = 0;
  EXPECT_TRUE(Eventually([&] {
    const auto begun = std::chrono::steady_clock::now();
    const int64_t before = Burned(pod);
    if (!Eventually([&] { return Burned(pod) - before > 400'000'000; })) return false;
    const std::string line = Sh("kubectl top pod " + pod + " --no-headers").out;
    const int64_t after = Burned(pod);
    const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::steady_clock::now() - begun)
                            .count();
    counted = (after - before) * 1000 / passed;
    const size_t at = line.find_first_of("0123456789", pod.size()), end = line.find("m ");
    if (at == std::string::npos || end == std::string::npos) return false;
    told = Number(line.substr(at, end - at));
    percent = Number(Sh("kubectl get hpa steady -o "
                        "jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}")
                         .out);
    return std::abs(told - counted) <= counted / 5 && std::abs(percent - counted) <= counted / 5;
  })) << "kubectl top: "
      << told << "m, the autoscaler: " << percent << "% of 100m, the kernel: " << counted << "m";
  EXPECT_GT(counted, 0);
  Becomes("kubectl get hpa steady --no-headers",
          Like("steady +Deployment/steady +cpu: [0-9]+%/50% +1 +1 +1 +[0-9ms]+\n"));
}

}  // namespace
}  // namespace keelson::cluster_test
