// SPDX-License-Identifier: Apache-2.0
#include "kubelet/config/fields.h"

#include "kubelet/config/duration.h"
#include "kubelet/config/tls_terms.h"

namespace keelson::config {

using json::Value;

base::Error Wrong(const std::string& field, const Value& value, const std::string& what) {
  return base::InvalidArgument("line {}: {}: {}", value.line(), field, what);
}

namespace {

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
Field CgroupDriver() {
  Field field = TextOrDefault(&KubeletConfig::cgroup_driver);
  field.read = [](const std::string& name, const Value& value,
                  KubeletConfig& config) -> base::Status {
    if (!value.IsString() ||
        (value.AsString() != "" && value.AsString() != "cgroupfs" && value.AsString() != "systemd"))
      return Wrong(name, value, "expected cgroupfs or systemd");
    if (!value.AsString().empty()) config.cgroup_driver = value.AsString();
    return {};
  };
  return field;
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

// By signal: {memory.available: 100Mi, nodefs.available: 10%}. What is there is the whole of it.
using SignalCheck = base::Status (*)(const std::string& signal, const std::string& text);
Field BySignal(std::map<std::string, std::string> KubeletConfig::* member, SignalCheck check) {
  return {[=](const std::string& name, const Value& value, KubeletConfig& config) -> base::Status {
            if (!value.IsObject()) return Wrong(name, value, "expected values by signal");
            (config.*member).clear();
            for (const auto& [signal, text] : value.members()) {
              if (!text.IsString()) return Wrong(name + "." + signal, text, "expected a string");
              if (const base::Status good = check(signal, text.AsString()); !good.ok())
                return Wrong(name + "." + signal, text, good.error().message());
              (config.*member)[signal] = text.AsString();
            }
            return {};
          },
          [member](const KubeletConfig& config) {
            if ((config.*member).empty()) return Value();
            Value map = Value::Object();
            for (const auto& [signal, text] : config.*member) map.Set(signal, Value(text));
            return map;
          }};
}
base::Status CheckThreshold(const std::string& signal, const std::string& text) {
  const auto threshold = eviction::ParseThreshold(signal, text);
  return threshold.ok() ? base::Status() : threshold.error();
}
base::Status CheckReclaim(const std::string& signal, const std::string& text) {
  const auto amount = eviction::ParseReclaim(signal, text);
  return amount.ok() ? base::Status() : amount.error();
}
base::Status CheckGrace(const std::string& signal, const std::string& text) {
  if (!eviction::IsSignal(signal))
    return base::InvalidArgument("unsupported eviction signal {}", signal);
  const auto grace = ParseExactDuration(text);
  if (!grace.ok()) return grace.error();
  if (grace->count() < 0) return base::InvalidArgument("must not be negative, and is {}", text);
  return {};
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

// As upstream, which shows nothing of what is empty.
Field OnlyIfSet(Field field) {
  field.show = [show = std::move(field.show)](const KubeletConfig& config) {
    Value value = show(config);
    const bool empty = (value.IsString() && value.AsString().empty()) ||
                       (value.IsBool() && !value.AsBool()) ||
                       (value.IsArray() && value.items().empty());
    return empty ? Value() : value;
  };
  return field;
}
// Read as they are, and only if something follows from them.
template <typename F>
Field Checked(Field field, F check) {
  field.read = [read = std::move(field.read), check](const std::string& name, const Value& value,
                                                     KubeletConfig& config) -> base::Status {
    RETURN_IF_ERROR(read(name, value, config));
    const base::Result<TlsTerms> terms = check(config);
    return terms.ok() ? base::Status() : Wrong(name, value, terms.error().message());
  };
  return field;
}
Field TlsVersion() {
  return Checked(Text(&KubeletConfig::tls_min_version),
                 [](const KubeletConfig& config) { return TermsOf(config.tls_min_version, {}); });
}
Field TlsSuites() {
  return Checked(Texts(&KubeletConfig::tls_cipher_suites),
                 [](const KubeletConfig& config) { return TermsOf("", config.tls_cipher_suites); });
}

}  // namespace

const std::map<std::string, Field>& Fields() {
  using C = KubeletConfig;
  static const std::map<std::string, Field> kFields = {
      {"staticPodPath", Text(&C::static_pod_path)},
      {"fileCheckFrequency", Duration(&C::file_check_frequency)},
      {"containerRuntimeEndpoint", TextOrDefault(&C::container_runtime_endpoint)},
      {"cgroupRoot", TextOrDefault(&C::cgroup_root)},
      {"cgroupDriver", CgroupDriver()},
      {"clusterDNS", Texts(&C::cluster_dns)},
      {"clusterDomain", Text(&C::cluster_domain)},
      {"resolvConf", Text(&C::resolv_conf)},
      {"maxPods", Number(&C::max_pods, 0, 100000)},
      {"nodeLeaseDurationSeconds", Number(&C::node_lease_duration_seconds, 4, 86400)},
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
      {"address", TextOrDefault(&C::address)},
      {"port", Number(&C::port, 0, 65535)},
      {"readOnlyPort", Number(&C::read_only_port, 0, 65535)},
      {"enableDebuggingHandlers", Flag(&C::enable_debugging_handlers)},
      {"enableSystemLogHandler", Flag(&C::enable_system_log_handler)},
      {"enableProfilingHandler", Flag(&C::enable_profiling_handler)},
      {"enableDebugFlagsHandler", Flag(&C::enable_debug_flags_handler)},
      {"tlsCertFile", OnlyIfSet(Text(&C::tls_cert_file))},
      {"tlsPrivateKeyFile", OnlyIfSet(Text(&C::tls_private_key_file))},
      {"serverTLSBootstrap", OnlyIfSet(Flag(&C::server_tls_bootstrap))},
      {"tlsMinVersion", OnlyIfSet(TlsVersion())},
      {"tlsCipherSuites", OnlyIfSet(TlsSuites())},
      {"podPidsLimit", Number(&C::pod_pids_limit, -1, 4194304)},
      {"crashLoopBackOff", RestartPeriod()},
      {"serializeImagePulls", Flag(&C::serialize_image_pulls)},
      {"maxParallelImagePulls", Number(&C::max_parallel_image_pulls, 0, 1000)},
      {"registryPullQPS", Number(&C::registry_pull_qps, 0, 1000000)},
      {"registryBurst", Number(&C::registry_burst, 0, 1000000)},
      {"imagePullCredentialsVerificationPolicy", TextOrDefault(&C::image_pull_verification)},
      {"preloadedImagesVerificationAllowlist", Texts(&C::preloaded_images_allowlist)},
      {"oomScoreAdj", Number(&C::oom_score_adj, -1000, 1000)},
      {"cpuCFSQuota", Flag(&C::cpu_cfs_quota)},
      {"cpuCFSQuotaPeriod", ShortDuration(&C::cpu_cfs_quota_period)},
      {"singleProcessOOMKill", MaybeFlag(&C::single_process_oom_kill)},
      {"evictionHard", BySignal(&C::eviction_hard, CheckThreshold)},
      {"evictionSoft", BySignal(&C::eviction_soft, CheckThreshold)},
      {"evictionSoftGracePeriod", BySignal(&C::eviction_soft_grace_period, CheckGrace)},
      {"evictionMinimumReclaim", BySignal(&C::eviction_minimum_reclaim, CheckReclaim)},
      {"evictionPressureTransitionPeriod", Duration(&C::eviction_pressure_transition_period)},
      {"evictionMaxPodGracePeriod",
       Number(&C::eviction_max_pod_grace_period, INT32_MIN, INT32_MAX)},
      {"mergeDefaultEvictionSettings", Flag(&C::merge_default_eviction_settings)},
  };
  return kFields;
}

const std::set<std::string>& WithoutEffect() {
  static const std::set<std::string> kNames = {"httpCheckFrequency",
                                               "staticPodURL",
                                               "staticPodURLHeader",
                                               "authentication",
                                               "authorization",
                                               "eventRecordQPS",
                                               "eventBurst",
                                               "streamingConnectionIdleTimeout",
                                               "nodeStatusUpdateFrequency",
                                               "nodeStatusReportFrequency",
                                               "volumeStatsAggPeriod",
                                               "kubeletCgroups",
                                               "systemCgroups",
                                               "cgroupsPerQOS",
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
                                               "enableSystemLogQuery",
                                               "shutdownGracePeriod",
                                               "shutdownGracePeriodCriticalPods",
                                               "shutdownGracePeriodByPodPriority",
                                               "reservedMemory",
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
                                               "rotateCertificates"};
  return kNames;
}

}  // namespace keelson::config
