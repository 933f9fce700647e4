// SPDX-License-Identifier: Apache-2.0
#include "kubelet/config/config.h"

#include <algorithm>
#include <iterator>

#include "kubelet/config/duration.h"
#include "kubelet/config/fields.h"
#include "kubelet/image/pull_record.h"

namespace keelson::config {

using json::Value;

namespace {

// Upstream's values of what is not acted on here, but for what this kubelet is otherwise: it takes
// cgroup v1.
constexpr char kOtherDefaults[] = R"(
address: 0.0.0.0
authentication: {anonymous: {enabled: false}, webhook: {cacheTTL: 2m0s, enabled: true}, x509: {}}
authorization: {mode: Webhook, webhook: {cacheAuthorizedTTL: 5m0s, cacheUnauthorizedTTL: 30s}}
cgroupsPerQOS: true
configMapAndSecretChangeDetectionStrategy: Watch
containerLogMaxWorkers: 1
contentType: application/vnd.kubernetes.protobuf
cpuManagerPolicy: none
cpuManagerReconcilePeriod: 10s
enableControllerAttachDetach: true
enforceNodeAllocatable: [pods]
eventBurst: 100
eventRecordQPS: 50
failCgroupV1: false
failSwapOn: true
hairpinMode: promiscuous-bridge
httpCheckFrequency: 20s
kubeAPIBurst: 100
kubeAPIQPS: 50
localStorageCapacityIsolation: true
makeIPTablesUtilChains: true
maxOpenFiles: 1000000
memoryManagerPolicy: None
memorySwap: {}
memoryThrottlingFactor: 0.9
nodeStatusMaxImages: 50
nodeStatusReportFrequency: 5m0s
nodeStatusUpdateFrequency: 10s
port: 10250
registerNode: true
runtimeRequestTimeout: 2m0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
streamingConnectionIdleTimeout: 4h0m0s
topologyManagerPolicy: none
topologyManagerScope: container
volumePluginDir: /usr/libexec/kubernetes/kubelet-plugins/volume/exec/
volumeStatsAggPeriod: 1m0s
)";

constexpr const char* kQuotaPeriodGate = "CustomCPUCFSQuotaPeriod";

// Other periods than the kernel's are an alpha feature upstream, and to be asked for by its name.
base::Status CheckQuotaPeriod(const Value& document, const KubeletConfig& config) {
  const Value* given = document.Find("cpuCFSQuotaPeriod");
  if (given == nullptr || config.cpu_cfs_quota_period == KubeletConfig().cpu_cfs_quota_period)
    return {};
  if (!document.At({"featureGates", kQuotaPeriodGate}).AsBool()) {
    return Wrong("cpuCFSQuotaPeriod", *given,
                 given->AsString() + " requires feature gate CustomCPUCFSQuotaPeriod");
  }
  if (config.cpu_cfs_quota_period < std::chrono::milliseconds(1) ||
      config.cpu_cfs_quota_period > std::chrono::seconds(1)) {
    return Wrong("cpuCFSQuotaPeriod", *given,
                 given->AsString() + " must be between 1ms and 1sec, inclusive");
  }
  return {};
}

// Who names no other gate than those that are acted on is not told that they have no effect.
void ReadGates(const Value& gates, KubeletConfig& config) {
  const std::pair<const char*, bool KubeletConfig::*> known[] = {
      {"ContainerCheckpoint", &KubeletConfig::container_checkpoint},
      {"ComponentStatusz", &KubeletConfig::component_statusz},
      {"ComponentFlagz", &KubeletConfig::component_flagz}};
  bool others = !gates.IsObject();
  for (const auto& [name, value] : gates.members()) {
    const auto* found = std::find_if(std::begin(known), std::end(known),
                                     [&](const auto& one) { return name == one.first; });
    if (found != std::end(known)) {
      config.*(found->second) = value.AsBool();
    } else {
      others = others || name != kQuotaPeriodGate;
    }
  }
  if (!others) std::erase(config.without_effect, "featureGates");
}

// What is set in part is set as a whole, unless it is to be merged; a soft threshold has a grace.
base::Status CompleteEviction(const Value& document, KubeletConfig& config) {
  if (config.merge_default_eviction_settings) {
    for (const auto& [signal, text] : KubeletConfig().eviction_hard)
      config.eviction_hard.try_emplace(signal, text);
  }
  for (const auto& [signal, text] : config.eviction_soft) {
    if (config.eviction_soft_grace_period.contains(signal)) continue;
    return Wrong("evictionSoft." + signal, document.At({"evictionSoft", signal}),
                 "needs a grace period in evictionSoftGracePeriod");
  }
  return {};
}

}  // namespace

base::Status CheckMachine(const KubeletConfig& config, bool cgroup_v2) {
  if (!cgroup_v2 && !config.single_process_oom_kill.value_or(true)) {
    return base::FailedPrecondition(
        "invalid configuration: singleProcessOOMKill must not be explicitly set to false when "
        "using cgroup v1");
  }
  return {};
}

base::Result<KubeletConfig> ParseConfig(const Value& document) {
  if (!document.IsObject() || document.At({"kind"}).AsString() != "KubeletConfiguration" ||
      document.At({"apiVersion"}).AsString() != "kubelet.config.k8s.io/v1beta1") {
    return base::InvalidArgument(
        "line {}: expected kind KubeletConfiguration of kubelet.config.k8s.io/v1beta1",
        std::max(1, document.line()));
  }
  KubeletConfig config;
  for (const auto& [name, value] : document.members()) {
    if (name == "kind" || name == "apiVersion") continue;
    const auto field = Fields().find(name);
    if (value.IsNull() && (field != Fields().end() || WithoutEffect().contains(name))) continue;
    if (field != Fields().end()) {
      RETURN_IF_ERROR(field->second.read(name, value, config));
    } else if (WithoutEffect().contains(name)) {
      config.without_effect.push_back(name);
      config.given.Set(name, value);
    } else {
      return base::InvalidArgument("line {}: unknown field \"{}\"", value.line(), name);
    }
  }
  if (config.image_gc_low_threshold_percent >= config.image_gc_high_threshold_percent) {
    const Value* named = document.Find("imageGCLowThresholdPercent");
    if (named == nullptr) named = document.Find("imageGCHighThresholdPercent");
    return Wrong("imageGCLowThresholdPercent", *named,
                 "must be less than imageGCHighThresholdPercent");
  }
  if (config.max_parallel_image_pulls > 1 && config.serialize_image_pulls) {
    if (document.Find("serializeImagePulls") != nullptr) {
      return Wrong("maxParallelImagePulls", *document.Find("maxParallelImagePulls"),
                   "must not be more than 1 while serializeImagePulls is true");
    }
    config.serialize_image_pulls = false;  // as upstream
  }
  if (config.tls_cert_file.empty() != config.tls_private_key_file.empty()) {
    const char* given = config.tls_cert_file.empty() ? "tlsPrivateKeyFile" : "tlsCertFile";
    return Wrong(given, *document.Find(given), "tlsCertFile and tlsPrivateKeyFile go together");
  }
  if (const base::Result<image_gc::Verification> how = image_gc::ParseVerification(
          config.image_pull_verification, config.preloaded_images_allowlist);
      !how.ok()) {
    const char* name = config.preloaded_images_allowlist.empty()
                           ? "imagePullCredentialsVerificationPolicy"
                           : "preloadedImagesVerificationAllowlist";
    const Value* named = document.Find(name);
    return Wrong(name, named != nullptr ? *named : document, how.error().message());
  }
  RETURN_IF_ERROR(CheckQuotaPeriod(document, config));
  RETURN_IF_ERROR(CompleteEviction(document, config));
  ReadGates(document.At({"featureGates"}), config);
  if (config.max_pods == 0) config.max_pods = KubeletConfig().max_pods;  // as upstream
  return config;
}

std::vector<eviction::Threshold> EvictionThresholds(const KubeletConfig& config) {
  eviction::Configured configured{
      config.eviction_hard, config.eviction_soft, config.eviction_minimum_reclaim, {}};
  for (const auto& [signal, text] : config.eviction_soft_grace_period)
    configured.grace[signal] = ParseExactDuration(text).ValueOr(std::chrono::nanoseconds(0));
  return eviction::ThresholdsOf(configured);
}

int64_t KeptFree(const KubeletConfig& config, const std::string& signal, int64_t capacity) {
  const auto found = config.eviction_hard.find(signal);
  if (found == config.eviction_hard.end()) return 0;
  const std::string& text = found->second;
  if (text.ends_with('%'))
    return static_cast<int64_t>(static_cast<double>(capacity) * std::strtod(text.c_str(), nullptr) /
                                100);
  const base::Result<kube::Quantity> amount = kube::Quantity::Parse(text);
  return amount.ok() ? amount->Value() : 0;
}

Value ShowConfig(const KubeletConfig& config) {
  Value shown = Value::Object();
  static const Value kOthers = json::ParseYaml(kOtherDefaults).value();
  for (const auto& [name, value] : kOthers.members()) shown.Set(name, value);
  for (const auto& [name, value] : config.given.members()) shown.Set(name, value);
  for (const auto& [name, field] : Fields()) {
    if (Value value = field.show(config); !value.IsNull()) shown.Set(name, std::move(value));
  }
  Value document = Value::Object();
  document.Set("kubeletconfig", std::move(shown));
  return document;
}

}  // namespace keelson::config
