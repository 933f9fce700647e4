// SPDX-License-Identifier: Apache-2.0
#include "kubelet/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/config/duration.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::config {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kHead[] = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

base::Result<KubeletConfig> Parse(const std::string& text) {
  return ParseConfig(json::ParseYaml(kHead + text).value());
}
KubeletConfig Good(const std::string& text) {
  const base::Result<KubeletConfig> config = Parse(text);
  EXPECT_TRUE(config.ok()) << config.error().message();
  return config.ok() ? *config : KubeletConfig();
}

TEST(Config, HasUpstreamsDefaults) {
  const KubeletConfig config = Good("");
  EXPECT_EQ(config.file_check_frequency, seconds(20));
  EXPECT_EQ(config.max_pods, 110);
  EXPECT_EQ(config.pods_per_core, 0);
  EXPECT_EQ(config.container_log_max_size.Value(), 10 << 20);
  EXPECT_EQ(config.container_log_max_files, 5);
  EXPECT_EQ(config.pod_logs_dir, "/var/log/pods");
  EXPECT_EQ(config.image_gc_high_threshold_percent, 85);
  EXPECT_EQ(config.image_gc_low_threshold_percent, 80);
  EXPECT_EQ(config.image_minimum_gc_age, seconds(120));
  EXPECT_FALSE(config.seccomp_default);
  EXPECT_THAT(config.without_effect, IsEmpty());
}

TEST(Config, ReadsEveryFieldThatItActsOn) {
  const KubeletConfig config = Good(R"(staticPodPath: /m
fileCheckFrequency: 1m30s
containerRuntimeEndpoint: unix:///run/x.sock
cgroupRoot: /k
clusterDNS: [10.96.0.10, 10.96.0.11]
clusterDomain: example
resolvConf: /run/resolv.conf
maxPods: 20
podsPerCore: 10
systemReserved: {cpu: 200m, memory: 1Gi}
kubeReserved: {cpu: 1}
containerLogMaxSize: 1Mi
containerLogMaxFiles: 3
podLogsDir: /logs
seccompDefault: true
allowedUnsafeSysctls: [net.core.*]
imageGCHighThresholdPercent: 50
imageGCLowThresholdPercent: 40
imageMinimumGCAge: 1h
imageMaximumGCAge: 48h
syncFrequency: 30s
containerLogMonitorInterval: 3s
healthzBindAddress: 127.0.0.2
healthzPort: 0
podPidsLimit: 4096
crashLoopBackOff: {maxContainerRestartPeriod: 15s}
serializeImagePulls: false
maxParallelImagePulls: 4
registryPullQPS: 7
registryBurst: 8
imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages
preloadedImagesVerificationAllowlist: [r.example/base/*]
oomScoreAdj: -500
evictionHard: {memory.available: 5%}
)");
  EXPECT_EQ(config.image_maximum_gc_age, seconds(172800));
  EXPECT_EQ(config.sync_frequency, seconds(30));
  EXPECT_EQ(config.container_log_monitor_interval, seconds(3));
  EXPECT_EQ(config.healthz_bind_address, "127.0.0.2");
  EXPECT_EQ(config.healthz_port, 0);
  EXPECT_EQ(config.pod_pids_limit, 4096);
  EXPECT_EQ(config.max_container_restart_period, seconds(15));
  EXPECT_FALSE(config.serialize_image_pulls);
  EXPECT_EQ(config.max_parallel_image_pulls, 4);
  EXPECT_EQ(config.registry_pull_qps, 7);
  EXPECT_EQ(config.registry_burst, 8);
  EXPECT_EQ(config.image_pull_verification, "NeverVerifyAllowlistedImages");
  EXPECT_THAT(config.preloaded_images_allowlist, ElementsAre("r.example/base/*"));
  EXPECT_EQ(config.oom_score_adj, -500);
  EXPECT_EQ(KeptFree(config, "memory.available", 1000), 50);
  EXPECT_EQ(KeptFree(KubeletConfig(), "memory.available", int64_t{1} << 40), 100 << 20);
  EXPECT_EQ(KeptFree(KubeletConfig(), "nodefs.available", 1000), 100);
  EXPECT_EQ(KeptFree(KubeletConfig(), "pid.available", 1000), 0);
  EXPECT_EQ(config.static_pod_path, "/m");
  EXPECT_EQ(config.file_check_frequency, seconds(90));
  EXPECT_EQ(config.container_runtime_endpoint, "unix:///run/x.sock");
  EXPECT_EQ(config.cgroup_root, "/k");
  EXPECT_THAT(config.cluster_dns, ElementsAre("10.96.0.10", "10.96.0.11"));
  EXPECT_EQ(config.cluster_domain, "example");
  EXPECT_EQ(config.resolv_conf, "/run/resolv.conf");
  EXPECT_EQ(config.max_pods, 20);
  EXPECT_EQ(config.pods_per_core, 10);
  EXPECT_EQ(config.system_reserved.at("cpu").MilliValue(), 200);
  EXPECT_EQ(config.system_reserved.at("memory").Value(), 1 << 30);
  EXPECT_EQ(config.kube_reserved.at("cpu").MilliValue(), 1000);
  EXPECT_EQ(config.container_log_max_size.Value(), 1 << 20);
  EXPECT_EQ(config.container_log_max_files, 3);
  EXPECT_EQ(config.pod_logs_dir, "/logs");
  EXPECT_TRUE(config.seccomp_default);
  EXPECT_THAT(config.allowed_unsafe_sysctls, ElementsAre("net.core.*"));
  EXPECT_EQ(config.image_gc_high_threshold_percent, 50);
  EXPECT_EQ(config.image_gc_low_threshold_percent, 40);
  EXPECT_EQ(config.image_minimum_gc_age, seconds(3600));
  // What is shown can be read back.
  const json::Value shown = ShowConfig(config).At({"kubeletconfig"});
  EXPECT_EQ(shown.At({"fileCheckFrequency"}).AsString(), "1m30s");
  EXPECT_EQ(shown.At({"imageMinimumGCAge"}).AsString(), "1h0m0s");
  const KubeletConfig again = Good(json::WriteYaml(shown));
  EXPECT_EQ(ShowConfig(again), ShowConfig(config));
}

TEST(Config, TakesNothingForTheDefaultWhereUpstreamDoes) {
  const KubeletConfig config = Good(
      "fileCheckFrequency: 0s\nimageMinimumGCAge: '0'\ncontainerRuntimeEndpoint: ''\ncgroupRoot: "
      "''\npodLogsDir: ''\nmaxPods: 0\nclusterDNS: null\n");
  const KubeletConfig defaults;
  EXPECT_EQ(ShowConfig(config), ShowConfig(defaults));
  EXPECT_EQ(Good("staticPodPath: ''\n").static_pod_path, "");
  EXPECT_EQ(Good("resolvConf: ''\n").resolv_conf, "");
}

TEST(Config, ShowsUpstreamsDefaultsOfWhatItDoesNotActOnToo) {
  const json::Value shown = ShowConfig(Good("nodeStatusMaxImages: 7\n")).At({"kubeletconfig"});
  EXPECT_EQ(shown.At({"nodeStatusMaxImages"}).AsInt(), 7);
  EXPECT_EQ(shown.At({"nodeLeaseDurationSeconds"}).AsInt(), 40);
  EXPECT_EQ(Good("nodeLeaseDurationSeconds: 12\n").node_lease_duration_seconds, 12);
  EXPECT_THAT(Good("nodeLeaseDurationSeconds: 12\n").without_effect, testing::IsEmpty());
  EXPECT_EQ(shown.At({"runtimeRequestTimeout"}).AsString(), "2m0s");
  EXPECT_EQ(shown.At({"healthzPort"}).AsInt(), 10248);
  EXPECT_EQ(shown.At({"syncFrequency"}).AsString(), "1m0s");
  EXPECT_EQ(shown.At({"evictionHard", "memory.available"}).AsString(), "100Mi");
  EXPECT_EQ(shown.At({"crashLoopBackOff", "maxContainerRestartPeriod"}).AsString(), "5m0s");
  EXPECT_EQ(shown.At({"authentication", "webhook", "cacheTTL"}).AsString(), "2m0s");
}

TEST(Config, TheCgroupDriverIsOneOfTwo) {
  EXPECT_EQ(Good("").cgroup_driver, "cgroupfs");
  EXPECT_EQ(Good("cgroupDriver: systemd\n").cgroup_driver, "systemd");
  EXPECT_EQ(
      ShowConfig(Good("cgroupDriver: systemd\n")).At({"kubeletconfig", "cgroupDriver"}).AsString(),
      "systemd");
}

TEST(Config, ParallelPullsEndTheSerialOnes) {
  EXPECT_TRUE(Good("").serialize_image_pulls);
  EXPECT_FALSE(Good("maxParallelImagePulls: 2\n").serialize_image_pulls);
}

TEST(Config, NamesWhatIsWithoutEffect) {
  EXPECT_THAT(Good("cpuManagerPolicy: static\nmaxPods: 5\nfailSwapOn: false\nevictionHard: null\n")
                  .without_effect,
              ElementsAre("cpuManagerPolicy", "failSwapOn"));
}

TEST(Config, ThresholdsThatAreSetInPartAreAllThatThereAre) {
  const auto shown = [](const std::string& fields) {
    std::string text;
    for (const eviction::Threshold& one : EvictionThresholds(Good(fields))) {
      text += (text.empty() ? "" : " ") + NameOf(one.signal) + "<" + one.least.Text(1000) +
              (one.reclaim ? "+" + one.reclaim->Text(1000) : "") +
              (one.IsHard() ? "" : "/" + std::to_string(one.grace / std::chrono::seconds(1)));
    }
    return text;
  };
  EXPECT_EQ(shown(""),
            "memory.available<100Mi allocatableMemory.available<100Mi nodefs.available<100 "
            "nodefs.inodesFree<50 imagefs.available<150 imagefs.inodesFree<50");
  EXPECT_EQ(shown("evictionHard: {}\n"), "");
  EXPECT_EQ(shown("evictionHard: {pid.available: 10%}\n"), "pid.available<100");
  EXPECT_EQ(shown("mergeDefaultEvictionSettings: true\n"
                  "evictionHard: {memory.available: 1Gi, nodefs.available: 0%}\n"),
            "memory.available<1Gi allocatableMemory.available<1Gi nodefs.inodesFree<50 "
            "imagefs.available<150 imagefs.inodesFree<50");
  EXPECT_EQ(shown("evictionHard: {}\nevictionSoft: {nodefs.available: 20%}\n"
                  "evictionSoftGracePeriod: {nodefs.available: 1m30s}\n"
                  "evictionMinimumReclaim: {nodefs.available: 5Mi}\n"),
            "nodefs.available<200+5Mi/90");
  const KubeletConfig config =
      Good("evictionPressureTransitionPeriod: 30s\nevictionMaxPodGracePeriod: -1\n");
  EXPECT_EQ(config.eviction_pressure_transition_period, seconds(30));
  EXPECT_EQ(config.eviction_max_pod_grace_period, -1);
  EXPECT_EQ(
      ShowConfig(Good("")).At({"kubeletconfig", "evictionPressureTransitionPeriod"}).AsString(),
      "5m0s");
}

TEST(Config, CpuLimitsAreKeptAsItSays) {
  EXPECT_TRUE(Good("").cpu_cfs_quota);
  EXPECT_EQ(Good("").cpu_cfs_quota_period, std::chrono::milliseconds(100));
  EXPECT_FALSE(Good("cpuCFSQuota: false\n").cpu_cfs_quota);
  EXPECT_THAT(Good("cpuCFSQuotaPeriod: 0.1s\n").without_effect, IsEmpty());
  const KubeletConfig config =
      Good("featureGates: {CustomCPUCFSQuotaPeriod: true}\ncpuCFSQuotaPeriod: 1500us\n");
  EXPECT_EQ(config.cpu_cfs_quota_period, std::chrono::microseconds(1500));
  EXPECT_THAT(config.without_effect, IsEmpty());
  EXPECT_THAT(Good("featureGates: {CustomCPUCFSQuotaPeriod: true, X: true}\n").without_effect,
              ElementsAre("featureGates"));
  const json::Value shown = ShowConfig(config).At({"kubeletconfig"});
  EXPECT_EQ(shown.At({"cpuCFSQuotaPeriod"}).AsString(), "1500µs");
  EXPECT_EQ(ShowConfig(Good(json::WriteYaml(shown))), ShowConfig(config));
  EXPECT_EQ(ShowConfig(Good("")).At({"kubeletconfig", "cpuCFSQuotaPeriod"}).AsString(), "100ms");
}

TEST(Config, WholeContainersAreEndedWhereTheMachineCan) {
  struct Case {
    std::string text;
    bool v1, v2;  // taken
  };
  for (const Case& c : {Case{"", true, true}, Case{"singleProcessOOMKill: null\n", true, true},
                        Case{"singleProcessOOMKill: true\n", true, true},
                        Case{"singleProcessOOMKill: false\n", false, true}}) {
    EXPECT_EQ(CheckMachine(Good(c.text), false).ok(), c.v1) << c.text;
    EXPECT_EQ(CheckMachine(Good(c.text), true).ok(), c.v2) << c.text;
  }
  EXPECT_EQ(CheckMachine(Good("singleProcessOOMKill: false\n"), false).error().message(),
            "invalid configuration: singleProcessOOMKill must not be explicitly set to false when "
            "using cgroup v1");
  EXPECT_EQ(ShowConfig(Good("")).At({"kubeletconfig"}).Find("singleProcessOOMKill"), nullptr);
  EXPECT_TRUE(ShowConfig(Good("singleProcessOOMKill: true\n"))
                  .At({"kubeletconfig", "singleProcessOOMKill"})
                  .AsBool());
}

TEST(Config, NamesTheLineOfWhatIsWrong) {
  struct Case {
    std::string_view name;
    std::string text, message;
  };
  const Case cases[] = {
      {"an unknown field", "maxPods: 5\nmaxPod: 6\n", "line 4: unknown field \"maxPod\""},
      {"also without a value", "maxPod:\n", "line 3: unknown field \"maxPod\""},
      {"text for a number", "maxPods: many\n", "line 3: maxPods: expected a whole number"},
      {"a number out of range", "maxPods: -1\n", "line 3: maxPods: must be between 0 and 100000"},
      {"a number for text", "clusterDomain: 5\n", "line 3: clusterDomain: expected a string"},
      {"text for a flag", "seccompDefault: 'true'\n",
       "line 3: seccompDefault: expected true or false"},
      {"text for a list", "clusterDNS: 10.96.0.10\n", "line 3: clusterDNS: expected a list"},
      {"a number in a list", "clusterDNS:\n- 10.96.0.10\n- 7\n",
       "line 5: clusterDNS: expected strings"},
      {"no duration", "fileCheckFrequency: soon\n",
       "line 3: fileCheckFrequency: \"soon\" is not a duration such as 20s or 1m30s"},
      {"a duration without a unit", "fileCheckFrequency: 20\n",
       "line 3: fileCheckFrequency: \"\" is not a duration"},
      {"no amount", "systemReserved:\n  cpu: 1\n  memory: lots\n",
       "line 5: systemReserved.memory: "},
      {"amounts of nothing", "systemReserved: 5\n",
       "line 3: systemReserved: expected amounts by resource"},
      {"a negative amount", "kubeReserved: {cpu: -1}\n",
       "line 3: kubeReserved.cpu: must not be negative"},
      {"a restart period that is too long", "crashLoopBackOff: {maxContainerRestartPeriod: 301s}\n",
       "line 3: crashLoopBackOff.maxContainerRestartPeriod: must be between 1s and 300s"},
      {"parallel and serial pulls", "serializeImagePulls: true\nmaxParallelImagePulls: 2\n",
       "line 4: maxParallelImagePulls: must not be more than 1"},
      {"a way of verifying that is none", "imagePullCredentialsVerificationPolicy: Sometimes\n",
       "line 3: imagePullCredentialsVerificationPolicy: unknown image pull credential"},
      {"a list that is for another way", "preloadedImagesVerificationAllowlist: [a]\n",
       "line 3: preloadedImagesVerificationAllowlist: can't set"},
      {"a threshold of nothing", "evictionHard: {memory.available: much}\n",
       "line 3: evictionHard.memory.available: \"much\" is neither"},
      {"a shortage of something else", "evictionSoft: {disk.available: 5%}\n",
       "line 3: evictionSoft.disk.available: unsupported eviction signal disk.available"},
      {"a soft threshold without a grace", "maxPods: 5\nevictionSoft: {memory.available: 5%}\n",
       "line 4: evictionSoft.memory.available: needs a grace period in evictionSoftGracePeriod"},
      {"a grace that is none", "evictionSoftGracePeriod: {memory.available: soon}\n",
       "line 3: evictionSoftGracePeriod.memory.available: \"soon\" is not a duration"},
      {"less than nothing to be reclaimed", "evictionMinimumReclaim: {nodefs.available: -1}\n",
       "line 3: evictionMinimumReclaim.nodefs.available: "},
      {"another quota period without its gate", "maxPods: 5\ncpuCFSQuotaPeriod: 50ms\n",
       "line 4: cpuCFSQuotaPeriod: 50ms requires feature gate CustomCPUCFSQuotaPeriod"},
      {"the gate is off",
       "cpuCFSQuotaPeriod: 50ms\nfeatureGates: {CustomCPUCFSQuotaPeriod: false}\n",
       "line 3: cpuCFSQuotaPeriod: 50ms requires feature gate"},
      {"a quota period that is too long",
       "featureGates: {CustomCPUCFSQuotaPeriod: true}\ncpuCFSQuotaPeriod: 2s\n",
       "line 4: cpuCFSQuotaPeriod: 2s must be between 1ms and 1sec, inclusive"},
      {"and one that is too short",
       "featureGates: {CustomCPUCFSQuotaPeriod: true}\ncpuCFSQuotaPeriod: 999us\n",
       "line 4: cpuCFSQuotaPeriod: 999us must be between 1ms and 1sec, inclusive"},
      {"neither driver", "cgroupDriver: crio\n",
       "line 3: cgroupDriver: expected cgroupfs or systemd"},
      {"neither one nor all", "singleProcessOOMKill: some\n",
       "line 3: singleProcessOOMKill: expected true or false"},
      {"one log file", "containerLogMaxFiles: 1\n",
       "line 3: containerLogMaxFiles: must be between 2 and 1000"},
      {"thresholds the wrong way round",
       "imageGCHighThresholdPercent: 50\nimageGCLowThresholdPercent: 60\n",
       "line 4: imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent"},
      {"against a default", "imageGCHighThresholdPercent: 70\n",
       "line 3: imageGCLowThresholdPercent: must be less than"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const base::Result<KubeletConfig> config = Parse(c.text);
    ASSERT_FALSE(config.ok());
    EXPECT_TRUE(config.error().message().starts_with(c.message)) << config.error().message();
  }
}

TEST(Config, RefusesOtherDocuments) {
  for (const char* text : {"{}", "[]", "kind: KubeletConfiguration\n",
                           "apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n",
                           "apiVersion: v1\nkind: Pod\n"}) {
    const base::Result<KubeletConfig> config = ParseConfig(json::ParseYaml(text).value());
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_THAT(config.error().message(), testing::HasSubstr("expected kind KubeletConfiguration"))
        << text;
  }
}

TEST(Config, ReadsFilesAndNamesThem) {
  const os::TempDir dir = os::TempDir::Create("keelson-config").value();
  const std::string path = dir.path() + "/kubelet.yaml";
  ASSERT_TRUE(os::WriteFileAtomic(path, std::string(kHead) + "maxPods: 7\n", 0644).ok());
  EXPECT_EQ(ReadConfig(path).value().max_pods, 7);
  ASSERT_TRUE(os::WriteFileAtomic(path, std::string(kHead) + "oops: 7\n", 0644).ok());
  EXPECT_EQ(ReadConfig(path).error().message(), path + ": line 3: unknown field \"oops\"");
  EXPECT_EQ(ReadConfig(dir.path() + "/none").error().code(), base::Code::kNotFound);
}

TEST(Config, TakesDropInsInTheOrderOfTheirNames) {
  const os::TempDir dir = os::TempDir::Create("keelson-config").value();
  const std::string path = dir.path() + "/kubelet.yaml", folder = dir.path() + "/d";
  ASSERT_TRUE(os::MakeDir(folder, 0755).ok());
  const auto put = [&](const std::string& file, const std::string& text) {
    ASSERT_TRUE(os::WriteFileAtomic(file, kHead + text, 0644).ok());
  };
  put(path, "maxPods: 7\nclusterDNS: [10.96.0.10]\nevictionHard: {memory.available: 1Gi}\n");
  put(folder + "/20-b.conf", "maxPods: 9\nclusterDNS: [10.96.0.11, 10.96.0.12]\n");
  put(folder + "/10-a.conf", "maxPods: 8\npodPidsLimit: 5\nevictionHard: {nodefs.available: 3%}\n");
  put(folder + "/30-c.yaml", "maxPods: 1\n");
  const base::Result<KubeletConfig> config = ReadConfig(path, folder);
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->max_pods, 9);
  EXPECT_EQ(config->pod_pids_limit, 5);
  EXPECT_THAT(config->cluster_dns, ElementsAre("10.96.0.11", "10.96.0.12"));
  EXPECT_EQ(config->eviction_hard.at("memory.available"), "1Gi");
  EXPECT_EQ(config->eviction_hard.at("nodefs.available"), "3%");
  EXPECT_EQ(ReadConfig("", folder).value().max_pods, 9);
  EXPECT_EQ(ReadConfig("", "").value().max_pods, 110);
  // Right only together.
  put(path, "imageGCHighThresholdPercent: 70\n");
  put(folder + "/10-a.conf", "imageGCLowThresholdPercent: 60\n");
  EXPECT_TRUE(ReadConfig(path, folder).ok());
  put(folder + "/10-a.conf", "imageGCLowThresholdPercent: 60\noops: 1\n");
  EXPECT_EQ(ReadConfig("", folder).error().message(),
            folder + "/10-a.conf: line 4: unknown field \"oops\"");
  ASSERT_TRUE(os::WriteFileAtomic(folder + "/10-a.conf", "maxPods: 1\n", 0644).ok());
  EXPECT_THAT(ReadConfig("", folder).error().message(),
              testing::HasSubstr("10-a.conf: line 1: expected kind KubeletConfiguration"));
}

TEST(Duration, IsReadAsGoWritesIt) {
  const std::pair<std::string, int> good[] = {{"20s", 20},     {"1m", 60},     {"1m30s", 90},
                                              {"2h45m", 9900}, {"1.5h", 5400}, {"1500ms", 2},
                                              {"0", 0},        {"0s", 0},      {"24h0m0s", 86400}};
  for (const auto& [text, count] : good)
    EXPECT_EQ(ParseDuration(text).value(), seconds(count)) << text;
  for (const char* text : {"", "20", "s", "20x", "1m30", "-5s", "1..5s", "1.5.2s", "1e3s", " 20s",
                           "20 s", "999999999999h"})
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
}

}  // namespace
}  // namespace keelson::config
