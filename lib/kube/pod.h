// SPDX-License-Identifier: Apache-2.0
// The Pod as a node needs it: typed, defaulted, checked. `object` keeps the whole document as it
// was given (with what the decoder defaulted left out), so that nothing that this node does not act
// on is lost when the pod is shown. Field names and meaning: Kubernetes API reference, v1 Pod
// (1.35). Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/json/value.h"
#include "lib/kube/quantity.h"

namespace keelson::kube {

struct IntOrString {
  bool is_int = true;
  int64_t number = 0;
  std::string text;
  bool operator==(const IntOrString&) const = default;
};

struct ObjectMeta {
  std::string name;
  std::string namespace_name;  // "namespace"
  std::string uid;
  std::string resource_version;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string creation_timestamp;  // RFC 3339 or empty
  std::string deletion_timestamp;
  std::optional<int64_t> deletion_grace_period_seconds;
  bool operator==(const ObjectMeta&) const = default;
};

struct HttpHeader {
  std::string name;
  std::string value;
  bool operator==(const HttpHeader&) const = default;
};
struct ExecAction {
  std::vector<std::string> command;
  bool operator==(const ExecAction&) const = default;
};
struct HttpGetAction {
  std::string path = "/";
  IntOrString port;
  std::string host;
  std::string scheme = "HTTP";
  std::vector<HttpHeader> http_headers;
  bool operator==(const HttpGetAction&) const = default;
};
struct TcpSocketAction {
  IntOrString port;
  std::string host;
  bool operator==(const TcpSocketAction&) const = default;
};
struct GrpcAction {
  int32_t port = 0;
  std::string service;
  bool operator==(const GrpcAction&) const = default;
};
struct SleepAction {
  int64_t seconds = 0;
  bool operator==(const SleepAction&) const = default;
};
struct Probe {
  std::variant<ExecAction, HttpGetAction, TcpSocketAction, GrpcAction> action;
  int32_t initial_delay_seconds = 0;
  int32_t timeout_seconds = 1;
  int32_t period_seconds = 10;
  int32_t success_threshold = 1;
  int32_t failure_threshold = 3;
  std::optional<int64_t> termination_grace_period_seconds;
  bool operator==(const Probe&) const = default;
};
using LifecycleHandler = std::variant<ExecAction, HttpGetAction, TcpSocketAction, SleepAction>;

struct ContainerPort {
  std::string name;
  int32_t container_port = 0;
  int32_t host_port = 0;
  std::string host_ip;
  std::string protocol = "TCP";
  bool operator==(const ContainerPort&) const = default;
};

struct ObjectKeySelector {  // configMapKeyRef, secretKeyRef
  std::string name;
  std::string key;
  bool optional = false;
  bool operator==(const ObjectKeySelector&) const = default;
};
struct ResourceFieldSelector {
  std::string container_name;
  std::string resource;
  Quantity divisor;  // zero: the default, 1
  bool operator==(const ResourceFieldSelector&) const = default;
};
struct EnvVar {
  enum class From { kValue, kField, kResource, kConfigMap, kSecret };
  std::string name;
  From from = From::kValue;
  std::string value;       // kValue
  std::string field_path;  // kField
  ResourceFieldSelector resource;
  ObjectKeySelector key;  // kConfigMap, kSecret
  bool operator==(const EnvVar&) const = default;
};
struct EnvFrom {
  std::string prefix;
  bool secret = false;  // else a config map
  std::string name;
  bool optional = false;
  bool operator==(const EnvFrom&) const = default;
};

struct VolumeMount {
  std::string name;
  std::string mount_path;
  bool read_only = false;
  std::string recursive_read_only;  // "", Disabled, IfPossible, Enabled
  std::string sub_path;
  std::string sub_path_expr;
  std::string mount_propagation;  // "", None, HostToContainer, Bidirectional
  bool operator==(const VolumeMount&) const = default;
};

// `possible`: the runtime knows how.
inline bool IsRecursivelyReadOnly(const VolumeMount& mount, bool possible) {
  return mount.read_only && (mount.recursive_read_only == "Enabled" ||
                             (mount.recursive_read_only == "IfPossible" && possible));
}

struct SeccompProfile {
  std::string type;  // Unconfined, RuntimeDefault, Localhost
  std::string localhost_profile;
  bool operator==(const SeccompProfile&) const = default;
};
struct SeLinuxOptions {
  std::string user, role, type, level;
  bool operator==(const SeLinuxOptions&) const = default;
};
struct SecurityContext {
  std::optional<bool> privileged;
  std::optional<bool> read_only_root_filesystem;
  std::optional<bool> allow_privilege_escalation;
  std::optional<bool> run_as_non_root;
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group;
  std::vector<std::string> capabilities_add;
  std::vector<std::string> capabilities_drop;
  std::string proc_mount;
  std::optional<SeccompProfile> seccomp_profile;
  std::optional<SeccompProfile> app_armor_profile;
  std::optional<SeLinuxOptions> se_linux_options;
  bool operator==(const SecurityContext&) const = default;
};

struct ResourceRequirements {
  ResourceList limits;
  ResourceList requests;  // defaulted from limits
  bool operator==(const ResourceRequirements&) const = default;
};

struct RestartRule {  // by exit code; the only action is to run again
  bool not_in = false;
  std::vector<int64_t> exit_codes;
  bool operator==(const RestartRule&) const = default;
};

struct Container {
  std::string name;
  std::string image;
  std::string image_pull_policy;  // defaulted: Always for :latest or no tag, else IfNotPresent
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::string working_dir;
  std::vector<ContainerPort> ports;
  std::vector<EnvFrom> env_from;
  std::vector<EnvVar> env;
  ResourceRequirements resources;
  std::vector<VolumeMount> volume_mounts;
  std::optional<Probe> liveness_probe;
  std::optional<Probe> readiness_probe;
  std::optional<Probe> startup_probe;
  std::optional<LifecycleHandler> post_start;
  std::optional<LifecycleHandler> pre_stop;
  std::string termination_message_path = "/dev/termination-log";
  std::string termination_message_policy = "File";  // or FallbackToLogsOnError
  SecurityContext security_context;
  std::string restart_policy;  // empty: the pod's; "Always" on init containers: a sidecar
  std::vector<RestartRule> restart_rules;  // the first that fits comes before the policy
  bool stdin = false, stdin_once = false, tty = false;
  std::string target_container_name;  // of ephemeral ones: whose processes it sees; empty: its own
  bool operator==(const Container&) const = default;
};

struct KeyToPath {
  std::string key;
  std::string path;
  std::optional<int32_t> mode;
  bool operator==(const KeyToPath&) const = default;
};
struct EmptyDirVolume {
  std::string medium;  // "", Memory, HugePages, HugePages-<size>
  std::optional<Quantity> size_limit;
  bool operator==(const EmptyDirVolume&) const = default;
};
struct HostPathVolume {
  std::string path;
  std::string type;
  bool operator==(const HostPathVolume&) const = default;
};
struct ObjectVolume {  // configMap, secret
  bool secret = false;
  std::string name;
  std::vector<KeyToPath> items;
  int32_t default_mode = 0644;
  bool optional = false;
  bool operator==(const ObjectVolume&) const = default;
};
struct DownwardApiItem {
  std::string path;
  std::string field_path;  // or resource
  std::optional<ResourceFieldSelector> resource;
  std::optional<int32_t> mode;
  bool operator==(const DownwardApiItem&) const = default;
};
struct DownwardApiVolume {
  std::vector<DownwardApiItem> items;
  int32_t default_mode = 0644;
  bool operator==(const DownwardApiVolume&) const = default;
};
struct ServiceAccountTokenSource {
  std::string path;
  std::string audience;
  int64_t expiration_seconds = 3600;
  bool operator==(const ServiceAccountTokenSource&) const = default;
};
using ProjectedSource = std::variant<ObjectVolume, DownwardApiVolume, ServiceAccountTokenSource>;
struct ProjectedVolume {
  std::vector<ProjectedSource> sources;
  int32_t default_mode = 0644;
  bool operator==(const ProjectedVolume&) const = default;
};
struct UnsupportedVolume {
  std::string kind;  // the member's name: "csi", "nfs", …
  bool operator==(const UnsupportedVolume&) const = default;
};
struct Volume {
  std::string name;
  std::variant<EmptyDirVolume, HostPathVolume, ObjectVolume, DownwardApiVolume, ProjectedVolume,
               UnsupportedVolume>
      source;
  bool operator==(const Volume&) const = default;
};

struct HostAlias {
  std::string ip;
  std::vector<std::string> hostnames;
  bool operator==(const HostAlias&) const = default;
};
struct DnsOption {
  std::string name;
  std::optional<std::string> value;
  bool operator==(const DnsOption&) const = default;
};
struct DnsConfig {
  std::vector<std::string> nameservers;
  std::vector<std::string> searches;
  std::vector<DnsOption> options;
  bool operator==(const DnsConfig&) const = default;
};
struct Sysctl {
  std::string name;
  std::string value;
  bool operator==(const Sysctl&) const = default;
};
struct PodSecurityContext {
  std::optional<bool> run_as_non_root;
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group;
  std::vector<int64_t> supplemental_groups;
  std::string supplemental_groups_policy;  // "", Merge, Strict
  std::optional<int64_t> fs_group;
  std::string fs_group_change_policy;  // "", Always, OnRootMismatch
  std::optional<SeccompProfile> seccomp_profile;
  std::optional<SeccompProfile> app_armor_profile;
  std::optional<SeLinuxOptions> se_linux_options;
  std::vector<Sysctl> sysctls;
  bool operator==(const PodSecurityContext&) const = default;
};

struct PodSpec {
  std::vector<Container> containers;
  std::vector<Container> init_containers;
  std::vector<Container> ephemeral_containers;  // added to a pod that runs, never taken away
  std::vector<Volume> volumes;
  std::string restart_policy = "Always";
  int64_t termination_grace_period_seconds = 30;
  std::optional<int64_t> active_deadline_seconds;
  std::string dns_policy = "ClusterFirst";
  DnsConfig dns_config;
  std::map<std::string, std::string> node_selector;
  std::string service_account_name;
  std::string node_name;
  bool host_network = false, host_pid = false, host_ipc = false;
  std::optional<bool> host_users;
  bool share_process_namespace = false;
  PodSecurityContext security_context;
  std::vector<std::string> image_pull_secrets;
  std::string hostname;
  std::string subdomain;
  bool set_hostname_as_fqdn = false;
  std::string hostname_override;
  std::vector<HostAlias> host_aliases;
  std::string priority_class_name;
  std::optional<int32_t> priority;
  std::string runtime_class_name;
  bool enable_service_links = true;
  ResourceList overhead;
  std::optional<ResourceRequirements> resources;  // pod level
  std::string os_name;
  bool operator==(const PodSpec&) const = default;
};

struct Pod {
  ObjectMeta metadata;
  PodSpec spec;
  json::Value object;
};

// Of any kind, by its name, which no other of the pod has; null: none.
const Container* FindContainer(const PodSpec& spec, const std::string& name);
// Regular ones, init containers, ephemeral ones.
template <typename Function>
void ForEachContainer(const PodSpec& spec, Function function) {
  for (const auto* list : {&spec.containers, &spec.init_containers, &spec.ephemeral_containers}) {
    for (const Container& container : *list) function(container);
  }
}

struct ConfigObject {  // a ConfigMap or Secret; values are bytes
  bool secret = false;
  ObjectMeta metadata;
  std::map<std::string, std::string> data;
  bool immutable = false;
};

}  // namespace keelson::kube
