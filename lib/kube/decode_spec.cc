// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/decode_parts.h"
#include "lib/kube/schema.h"

namespace keelson::kube {

std::optional<bool> MaybeFlag(const json::Value& v, std::string_view key) {
  if (!Has(v, key)) return std::nullopt;
  return Member(v, key).AsBool();
}

std::optional<int64_t> MaybeInt(const json::Value& v, std::string_view key) {
  if (!Has(v, key)) return std::nullopt;
  return Member(v, key).AsInt();
}

std::vector<std::string> Texts(const json::Value& list) {
  std::vector<std::string> out;
  for (const json::Value& item : list.items()) out.push_back(item.AsString());
  return out;
}

std::map<std::string, std::string> TextMap(const json::Value& map) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : map.members()) out[key] = value.AsString();
  return out;
}

Quantity DecodeQuantity(const json::Value& v) { return QuantityOf(v).ValueOr(Quantity()); }

ResourceList DecodeResources(const json::Value& map) {
  ResourceList out;
  for (const auto& [name, amount] : map.members()) out[name] = DecodeQuantity(amount);
  return out;
}

ResourceRequirements DecodeRequirements(const json::Value& v) {
  ResourceRequirements out;
  out.limits = DecodeResources(Member(v, "limits"));
  out.requests = DecodeResources(Member(v, "requests"));
  for (const auto& [name, limit] : out.limits) out.requests.emplace(name, limit);
  return out;
}

ResourceFieldSelector DecodeResourceField(const json::Value& v) {
  return ResourceFieldSelector{Text(v, "containerName"), Text(v, "resource"),
                               DecodeQuantity(Member(v, "divisor"))};
}

std::optional<SeccompProfile> DecodeProfile(const json::Value& v) {
  if (!v.IsObject()) return std::nullopt;
  return SeccompProfile{Text(v, "type"), Text(v, "localhostProfile")};
}

std::optional<SeLinuxOptions> DecodeSeLinux(const json::Value& v) {
  if (!v.IsObject()) return std::nullopt;
  return SeLinuxOptions{Text(v, "user"), Text(v, "role"), Text(v, "type"), Text(v, "level")};
}

SecurityContext DecodeSecurityContext(const json::Value& v) {
  SecurityContext out;
  out.privileged = MaybeFlag(v, "privileged");
  out.read_only_root_filesystem = MaybeFlag(v, "readOnlyRootFilesystem");
  out.allow_privilege_escalation = MaybeFlag(v, "allowPrivilegeEscalation");
  out.run_as_non_root = MaybeFlag(v, "runAsNonRoot");
  out.run_as_user = MaybeInt(v, "runAsUser");
  out.run_as_group = MaybeInt(v, "runAsGroup");
  out.capabilities_add = Texts(v.At({"capabilities", "add"}));
  out.capabilities_drop = Texts(v.At({"capabilities", "drop"}));
  out.proc_mount = Text(v, "procMount");
  out.seccomp_profile = DecodeProfile(Member(v, "seccompProfile"));
  out.app_armor_profile = DecodeProfile(Member(v, "appArmorProfile"));
  out.se_linux_options = DecodeSeLinux(Member(v, "seLinuxOptions"));
  return out;
}

namespace {

PodSecurityContext DecodePodSecurityContext(const json::Value& v) {
  PodSecurityContext out;
  out.run_as_non_root = MaybeFlag(v, "runAsNonRoot");
  out.run_as_user = MaybeInt(v, "runAsUser");
  out.run_as_group = MaybeInt(v, "runAsGroup");
  for (const json::Value& group : Member(v, "supplementalGroups").items())
    out.supplemental_groups.push_back(group.AsInt());
  out.supplemental_groups_policy = Text(v, "supplementalGroupsPolicy");
  out.fs_group = MaybeInt(v, "fsGroup");
  out.fs_group_change_policy = Text(v, "fsGroupChangePolicy");
  out.seccomp_profile = DecodeProfile(Member(v, "seccompProfile"));
  out.app_armor_profile = DecodeProfile(Member(v, "appArmorProfile"));
  out.se_linux_options = DecodeSeLinux(Member(v, "seLinuxOptions"));
  for (const json::Value& s : Member(v, "sysctls").items())
    out.sysctls.push_back({Text(s, "name"), Text(s, "value")});
  return out;
}

DnsConfig DecodeDns(const json::Value& v) {
  DnsConfig out;
  out.nameservers = Texts(Member(v, "nameservers"));
  out.searches = Texts(Member(v, "searches"));
  for (const json::Value& o : Member(v, "options").items()) {
    DnsOption option;
    option.name = Text(o, "name");
    if (Has(o, "value")) option.value = Member(o, "value").AsString();
    out.options.push_back(std::move(option));
  }
  return out;
}

}  // namespace

PodSpec DecodeSpec(const json::Value& v) {
  PodSpec out;
  out.host_network = Flag(v, "hostNetwork");
  out.host_pid = Flag(v, "hostPID");
  out.host_ipc = Flag(v, "hostIPC");
  out.host_users = MaybeFlag(v, "hostUsers");
  out.share_process_namespace = Flag(v, "shareProcessNamespace");
  for (const json::Value& c : Member(v, "containers").items())
    out.containers.push_back(DecodeContainer(c, out.host_network));
  for (const json::Value& c : Member(v, "initContainers").items())
    out.init_containers.push_back(DecodeContainer(c, out.host_network));
  for (const json::Value& c : Member(v, "ephemeralContainers").items())
    out.ephemeral_containers.push_back(DecodeContainer(c, out.host_network));
  for (const json::Value& volume : Member(v, "volumes").items())
    out.volumes.push_back(DecodeVolume(volume));
  out.restart_policy = Text(v, "restartPolicy", "Always");
  out.termination_grace_period_seconds = MaybeInt(v, "terminationGracePeriodSeconds").value_or(30);
  if (out.termination_grace_period_seconds < 0)
    out.termination_grace_period_seconds = 1;  // so upstream reads it
  out.active_deadline_seconds = MaybeInt(v, "activeDeadlineSeconds");
  out.dns_policy = Text(v, "dnsPolicy", "ClusterFirst");
  out.dns_config = DecodeDns(Member(v, "dnsConfig"));
  out.node_selector = TextMap(Member(v, "nodeSelector"));
  out.service_account_name = Text(v, "serviceAccountName", Text(v, "serviceAccount"));
  out.node_name = Text(v, "nodeName");
  out.security_context = DecodePodSecurityContext(Member(v, "securityContext"));
  for (const json::Value& s : Member(v, "imagePullSecrets").items())
    out.image_pull_secrets.push_back(Text(s, "name"));
  out.hostname = Text(v, "hostname");
  out.subdomain = Text(v, "subdomain");
  out.set_hostname_as_fqdn = Flag(v, "setHostnameAsFQDN");
  out.hostname_override = Text(v, "hostnameOverride");
  for (const json::Value& a : Member(v, "hostAliases").items())
    out.host_aliases.push_back({Text(a, "ip"), Texts(Member(a, "hostnames"))});
  out.priority_class_name = Text(v, "priorityClassName");
  if (Has(v, "priority")) out.priority = static_cast<int32_t>(Member(v, "priority").AsInt());
  out.runtime_class_name = Text(v, "runtimeClassName");
  out.enable_service_links = Flag(v, "enableServiceLinks", true);
  out.overhead = DecodeResources(Member(v, "overhead"));
  if (Has(v, "resources")) out.resources = DecodeRequirements(Member(v, "resources"));
  out.os_name = Text(Member(v, "os"), "name");
  return out;
}

}  // namespace keelson::kube
