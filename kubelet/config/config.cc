// SPDX-License-Identifier: Apache-2.0
#include "kubelet/config/config.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "lib/os/files.h"

namespace keelson::config {
namespace {

using json::Value;

base::Error Wrong(const std::string& field, const Value& value, const std::string& what) {
  return base::InvalidArgument("line {}: {}: {}", value.line(), field, what);
}

std::string DurationText(std::chrono::seconds seconds) {  // Go's
  const int64_t count = seconds.count();
  std::string text;
  if (count >= 3600) text += std::to_string(count / 3600) + "h";
  if (count >= 60) text += std::to_string(count / 60 % 60) + "m";
  return text + std::to_string(count % 60) + "s";
}

std::string ShortDurationText(std::chrono::microseconds time) {
  const int64_t count = time.count();
  if (count % 1'000'000 == 0) return DurationText(std::chrono::seconds(count / 1'000'000));
  if (count % 1000 == 0) return std::to_string(count / 1000) + "ms";
  return std::to_string(count) + "µs";
}

// One field: how it is read and how it is shown. The table is the one list of what is acted on.
struct Field {
  std::function<base::Status(const std::string&, const Value&, KubeletConfig&)> read;
  std::function<Value(const KubeletConfig&)> show;
};

Field Text(std::string KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        if (!value.IsString()) return Wrong(name, value, "expected a string");
        config.*member = value.AsString();
        return {};
      },
      [member](const KubeletConfig& config) { return Value(config.*member); }};
}
// As upstream: nothing written is the default.
Field TextOrDefault(std::string KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        if (!value.IsString()) return Wrong(name, value, "expected a string");
        if (!value.AsString().empty()) config.*member = value.AsString();
        return {};
      },
      [member](const KubeletConfig& config) { return Value(config.*member); }};
}
Field Number(int64_t KubeletConfig::* member, int64_t least, int64_t most) {
  return {[=](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
            if (!value.IsInt()) return Wrong(name, value, "expected a whole number");
            if (value.AsInt() < least || value.AsInt() > most) {
              return Wrong(
                  name, value,
                  "must be between " + std::to_string(least) + " and " + std::to_string(most));
            }
            config.*member = value.AsInt();
            return {};
          },
          [member](const KubeletConfig& config) { return Value(config.*member); }};
}
Field Flag(bool KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        if (!value.IsBool()) return Wrong(name, value, "expected true or false");
        config.*member = value.AsBool();
        return {};
      },
      [member](const KubeletConfig& config) { return Value(config.*member); }};
}
Field Texts(std::vector<std::string> KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        if (!value.IsArray()) return Wrong(name, value, "expected a list");
        (config.*member).clear();
        for (const Value& item : value.items()) {
          if (!item.IsString()) return Wrong(name, item, "expected strings");
          (config.*member).push_back(item.AsString());
        }
        return {};
      },
      [member](const KubeletConfig& config) {
        Value list = Value::Array();
        for (const std::string& item : config.*member) list.Append(Value(item));
        return list;
      }};
}
Field Duration(std::chrono::seconds KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        const base::Result<std::chrono::seconds> seconds = ParseDuration(value.AsString());
        if (!seconds.ok()) return Wrong(name, value, seconds.error().message());
        if (seconds->count() != 0) config.*member = *seconds;  // as upstream: 0 is the default
        return {};
      },
      [member](const KubeletConfig& config) { return Value(DurationText(config.*member)); }};
}
Field MaybeFlag(std::optional<bool> KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        if (!value.IsBool()) return Wrong(name, value, "expected true or false");
        config.*member = value.AsBool();
        return {};
      },
      [member](const KubeletConfig& config) {
        return config.*member ? Value(*(config.*member)) : Value();
      }};
}
Field ShortDuration(std::chrono::microseconds KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        const base::Result<std::chrono::nanoseconds> time = ParseExactDuration(value.AsString());
        if (!time.ok()) return Wrong(name, value, time.error().message());
        config.*member = std::chrono::duration_cast<std::chrono::microseconds>(*time);
        return {};
      },
      [member](const KubeletConfig& config) { return Value(ShortDurationText(config.*member)); }};
}
Field Amount(kube::Quantity KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        const base::Result<kube::Quantity> amount =
            kube::Quantity::Parse(value.IsInt() ? std::to_string(value.AsInt()) : value.AsString());
        if (!amount.ok()) return Wrong(name, value, amount.error().message());
        config.*member = *amount;
        return {};
      },
      [member](const KubeletConfig& config) { return Value((config.*member).text()); }};
}
Field Amounts(kube::ResourceList KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        if (!value.IsObject()) return Wrong(name, value, "expected amounts by resource");
        for (const auto& [resource, text] : value.members()) {
          const base::Result<kube::Quantity> amount =
              kube::Quantity::Parse(text.IsInt() ? std::to_string(text.AsInt()) : text.AsString());
          if (!amount.ok()) return Wrong(name + "." + resource, text, amount.error().message());
          if (*amount < kube::Quantity())
            return Wrong(name + "." + resource, text, "must not be negative");
          (config.*member)[resource] = *amount;
        }
        return {};
      },
      [member](const KubeletConfig& config) {
        Value map = Value::Object();
        for (const auto& [resource, amount] : config.*member)
          map.Set(resource, Value(amount.text()));
        return map;
      }};
}

// Amounts or shares by signal: {memory.available: 100Mi, nodefs.available: 10%}.
Field Thresholds(std::map<std::string, std::string> KubeletConfig::* member) {
  return {
      [member](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
        if (!value.IsObject()) return Wrong(name, value, "expected amounts by signal");
        for (const auto& [signal, text] : value.members()) {
          if (!text.IsString()) return Wrong(name + "." + signal, text, "expected a string");
          const std::string& amount = text.AsString();
          if (!kube::Quantity::Parse(
                   amount.substr(0, amount.size() - (amount.ends_with('%') ? 1 : 0)))
                   .ok()) {
            return Wrong(name + "." + signal, text,
                         "\"" + amount + "\" is neither an amount nor a share such as 10%");
          }
          (config.*member)[signal] = text.AsString();
        }
        return {};
      },
      [member](const KubeletConfig& config) {
        Value map = Value::Object();
        for (const auto& [signal, text] : config.*member) map.Set(signal, Value(text));
        return map;
      }};
}
Field RestartPeriod() {
  return {[](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
            if (!value.IsObject()) return Wrong(name, value, "expected maxContainerRestartPeriod");
            for (const auto& [inner, text] : value.members()) {
              const std::string full = name + "." + inner;
              if (inner != "maxContainerRestartPeriod")
                return base::InvalidArgument("line {}: unknown field \"{}\"", text.line(), full);
              if (text.IsNull()) continue;
              const base::Result<std::chrono::seconds> seconds = ParseDuration(text.AsString());
              if (!seconds.ok()) return Wrong(full, text, seconds.error().message());
              if (seconds->count() < 1 || seconds->count() > 300)
                return Wrong(full, text, "must be between 1s and 300s");
              config.max_container_restart_period = *seconds;
            }
            return {};
          },
          [](const KubeletConfig& config) {
            return Value::Object({{"maxContainerRestartPeriod",
                                   Value(DurationText(config.max_container_restart_period))}});
          }};
}

const std::map<std::string, Field>& Fields() {
  using C = KubeletConfig;
  static const std::map<std::string, Field> kFields = {
      {"staticPodPath", Text(&C::static_pod_path)},
      {"fileCheckFrequency", Duration(&C::file_check_frequency)},
      {"containerRuntimeEndpoint", TextOrDefault(&C::container_runtime_endpoint)},
      {"cgroupRoot", TextOrDefault(&C::cgroup_root)},
      {"clusterDNS", Texts(&C::cluster_dns)},
      {"clusterDomain", Text(&C::cluster_domain)},
      {"resolvConf", Text(&C::resolv_conf)},
      {"maxPods", Number(&C::max_pods, 0, 100000)},
      {"podsPerCore", Number(&C::pods_per_core, 0, 100000)},
      {"systemReserved", Amounts(&C::system_reserved)},
      {"kubeReserved", Amounts(&C::kube_reserved)},
      {"containerLogMaxSize", Amount(&C::container_log_max_size)},
      {"containerLogMaxFiles", Number(&C::container_log_max_files, 2, 1000)},
      {"podLogsDir", TextOrDefault(&C::pod_logs_dir)},
      {"seccompDefault", Flag(&C::seccomp_default)},
      {"allowedUnsafeSysctls", Texts(&C::allowed_unsafe_sysctls)},
      {"imageGCHighThresholdPercent", Number(&C::image_gc_high_threshold_percent, 0, 100)},
      {"imageGCLowThresholdPercent", Number(&C::image_gc_low_threshold_percent, 0, 100)},
      {"imageMinimumGCAge", Duration(&C::image_minimum_gc_age)},
      {"imageMaximumGCAge", Duration(&C::image_maximum_gc_age)},
      {"syncFrequency", Duration(&C::sync_frequency)},
      {"containerLogMonitorInterval", Duration(&C::container_log_monitor_interval)},
      {"healthzBindAddress", TextOrDefault(&C::healthz_bind_address)},
      {"healthzPort", Number(&C::healthz_port, 0, 65535)},
      {"podPidsLimit", Number(&C::pod_pids_limit, -1, 4194304)},
      {"crashLoopBackOff", RestartPeriod()},
      {"serializeImagePulls", Flag(&C::serialize_image_pulls)},
      {"maxParallelImagePulls", Number(&C::max_parallel_image_pulls, 0, 1000)},
      {"registryPullQPS", Number(&C::registry_pull_qps, 0, 1000000)},
      {"registryBurst", Number(&C::registry_burst, 0, 1000000)},
      {"oomScoreAdj", Number(&C::oom_score_adj, -1000, 1000)},
      {"cpuCFSQuota", Flag(&C::cpu_cfs_quota)},
      {"cpuCFSQuotaPeriod", ShortDuration(&C::cpu_cfs_quota_period)},
      {"singleProcessOOMKill", MaybeFlag(&C::single_process_oom_kill)},
      {"evictionHard", Thresholds(&C::eviction_hard)},
  };
  return kFields;
}

const std::set<std::string>& WithoutEffect() {
  static const std::set<std::string> kNames = {"httpCheckFrequency",
                                               "staticPodURL",
                                               "staticPodURLHeader",
                                               "address",
                                               "port",
                                               "readOnlyPort",
                                               "authentication",
                                               "authorization",
                                               "eventRecordQPS",
                                               "eventBurst",
                                               "enableDebuggingHandlers",
                                               "streamingConnectionIdleTimeout",
                                               "nodeStatusUpdateFrequency",
                                               "nodeStatusReportFrequency",
                                               "nodeLeaseDurationSeconds",
                                               "volumeStatsAggPeriod",
                                               "kubeletCgroups",
                                               "systemCgroups",
                                               "cgroupsPerQOS",
                                               "cgroupDriver",
                                               "cpuManagerPolicy",
                                               "cpuManagerPolicyOptions",
                                               "cpuManagerReconcilePeriod",
                                               "memoryManagerPolicy",
                                               "topologyManagerPolicy",
                                               "topologyManagerScope",
                                               "topologyManagerPolicyOptions",
                                               "qosReserved",
                                               "runtimeRequestTimeout",
                                               "hairpinMode",
                                               "podCIDR",
                                               "runOnce",
                                               "nodeStatusMaxImages",
                                               "maxOpenFiles",
                                               "contentType",
                                               "kubeAPIQPS",
                                               "kubeAPIBurst",
                                               "evictionSoft",
                                               "evictionSoftGracePeriod",
                                               "evictionPressureTransitionPeriod",
                                               "evictionMaxPodGracePeriod",
                                               "evictionMinimumReclaim",
                                               "mergeDefaultEvictionSettings",
                                               "enableControllerAttachDetach",
                                               "protectKernelDefaults",
                                               "makeIPTablesUtilChains",
                                               "featureGates",
                                               "failSwapOn",
                                               "memorySwap",
                                               "containerLogMaxWorkers",
                                               "configMapAndSecretChangeDetectionStrategy",
                                               "systemReservedCgroup",
                                               "kubeReservedCgroup",
                                               "enforceNodeAllocatable",
                                               "volumePluginDir",
                                               "providerID",
                                               "kernelMemcgNotification",
                                               "logging",
                                               "enableSystemLogHandler",
                                               "enableSystemLogQuery",
                                               "shutdownGracePeriod",
                                               "shutdownGracePeriodCriticalPods",
                                               "shutdownGracePeriodByPodPriority",
                                               "reservedMemory",
                                               "enableProfilingHandler",
                                               "enableDebugFlagsHandler",
                                               "memoryThrottlingFactor",
                                               "registerWithTaints",
                                               "registerNode",
                                               "tracing",
                                               "localStorageCapacityIsolation",
                                               "imageServiceEndpoint",
                                               "failCgroupV1",
                                               "userNamespaces",
                                               "reservedSystemCPUs",
                                               "showHiddenMetricsForVersion",
                                               "serverTLSBootstrap",
                                               "rotateCertificates",
                                               "tlsCertFile",
                                               "tlsPrivateKeyFile",
                                               "tlsCipherSuites",
                                               "tlsMinVersion",
                                               "imagePullCredentialsVerificationPolicy",
                                               "preloadedImagesVerificationAllowlist"};
  return kNames;
}

// Upstream's values of what is not acted on here, but for what this kubelet is otherwise: it takes
// cgroup v1.
constexpr char kOtherDefaults[] = R"(
address: 0.0.0.0
authentication: {anonymous: {enabled: false}, webhook: {cacheTTL: 2m0s, enabled: true}, x509: {}}
authorization: {mode: Webhook, webhook: {cacheAuthorizedTTL: 5m0s, cacheUnauthorizedTTL: 30s}}
cgroupDriver: cgroupfs
cgroupsPerQOS: true
configMapAndSecretChangeDetectionStrategy: Watch
containerLogMaxWorkers: 1
contentType: application/vnd.kubernetes.protobuf
cpuManagerPolicy: none
cpuManagerReconcilePeriod: 10s
enableControllerAttachDetach: true
enableDebugFlagsHandler: true
enableDebuggingHandlers: true
enableProfilingHandler: true
enableSystemLogHandler: true
enforceNodeAllocatable: [pods]
eventBurst: 100
eventRecordQPS: 50
evictionPressureTransitionPeriod: 5m0s
failCgroupV1: false
failSwapOn: true
hairpinMode: promiscuous-bridge
httpCheckFrequency: 20s
imagePullCredentialsVerificationPolicy: NeverVerifyPreloadedImages
kubeAPIBurst: 100
kubeAPIQPS: 50
localStorageCapacityIsolation: true
makeIPTablesUtilChains: true
maxOpenFiles: 1000000
memoryManagerPolicy: None
memorySwap: {}
memoryThrottlingFactor: 0.9
nodeLeaseDurationSeconds: 40
nodeStatusMaxImages: 50
nodeStatusReportFrequency: 5m0s
nodeStatusUpdateFrequency: 10s
port: 10250
readOnlyPort: 0
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

}  // namespace

base::Result<std::chrono::seconds> ParseDuration(const std::string& text) {
  ASSIGN_OR_RETURN(const std::chrono::nanoseconds exact, ParseExactDuration(text));
  return std::chrono::seconds((exact.count() + 500'000'000) / 1'000'000'000);
}

base::Result<std::chrono::nanoseconds> ParseExactDuration(const std::string& text) {
  static const std::map<std::string, double> kUnits = {
      {"ns", 1e-9}, {"us", 1e-6}, {"µs", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  if (text == "0") return std::chrono::nanoseconds(0);
  double total = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t digits_end = text.find_first_not_of("0123456789.", at);
    const size_t unit_end =
        std::min(text.find_first_of("0123456789.",
                                    digits_end == std::string::npos ? text.size() : digits_end),
                 text.size());
    const auto unit = digits_end == std::string::npos
                          ? kUnits.end()
                          : kUnits.find(text.substr(digits_end, unit_end - digits_end));
    if (digits_end == at || unit == kUnits.end())
      return base::InvalidArgument("\"{}\" is not a duration such as 20s or 1m30s", text);
    const std::string digits = text.substr(at, digits_end - at);
    char* end = nullptr;
    total += std::strtod(digits.c_str(), &end) * unit->second;
    if (end != digits.c_str() + digits.size())
      return base::InvalidArgument("\"{}\" is not a duration such as 20s or 1m30s", text);
    at = unit_end;
  }
  if (text.empty() || !(total <= 1e9))
    return base::InvalidArgument("\"{}\" is not a duration such as 20s or 1m30s", text);
  return std::chrono::nanoseconds(std::llround(total * 1e9));
}

namespace {

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
  RETURN_IF_ERROR(CheckQuotaPeriod(document, config));
  if (const Value gates = document.At({"featureGates"});
      gates.IsObject() && gates.members().size() == 1 && gates.Find(kQuotaPeriodGate) != nullptr)
    std::erase(config.without_effect, "featureGates");
  if (config.max_pods == 0) config.max_pods = KubeletConfig().max_pods;  // as upstream
  return config;
}

namespace {

base::Result<Value> ReadDocument(const std::string& path) {
  const auto read = [&]() -> base::Result<Value> {
    ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
    return json::ParseYaml(text);
  };
  return read().WithContext(path);
}

void Merge(Value& into, const Value& later) {
  for (const auto& [name, value] : later.members()) {
    if (Value* present = into.Find(name);
        present != nullptr && present->IsObject() && value.IsObject()) {
      Merge(*present, value);
    } else {
      into.Set(name, value);
    }
  }
}

}  // namespace

base::Result<KubeletConfig> ReadConfig(const std::string& path) { return ReadConfig(path, ""); }

base::Result<KubeletConfig> ReadConfig(const std::string& path, const std::string& drop_ins) {
  std::vector<std::string> files;
  if (!drop_ins.empty()) {
    ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(drop_ins));
    for (const os::DirEntry& entry : entries) {
      if (entry.name.ends_with(".conf") && !entry.name.starts_with("."))
        files.push_back(drop_ins + "/" + entry.name);
    }
    std::sort(files.begin(), files.end());
  }
  if (!path.empty()) files.insert(files.begin(), path);
  if (files.empty()) return KubeletConfig();
  Value all;
  std::vector<Value> documents;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(documents.emplace_back(), ReadDocument(file));
    if (documents.size() == 1) all = documents.front();
    if (documents.size() > 1 && all.IsObject()) Merge(all, documents.back());
  }
  base::Result<KubeletConfig> together = ParseConfig(all);
  // What is wrong with one alone is told of that one. A folder's file that is right only beside the
  // others is right.
  for (size_t i = 0; i < files.size(); ++i) {
    const Value& document = documents[i];
    if (!document.IsObject() || document.At({"kind"}) != all.At({"kind"}) ||
        document.At({"apiVersion"}) != all.At({"apiVersion"}) || !together.ok()) {
      if (base::Result<KubeletConfig> alone = ParseConfig(document); !alone.ok())
        return std::move(alone).WithContext(files[i]);
    }
  }
  return std::move(together).WithContext(path.empty() ? drop_ins : path);
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
