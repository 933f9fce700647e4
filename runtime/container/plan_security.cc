// SPDX-License-Identifier: Apache-2.0
// As whom and with which rights a container runs, and which namespaces it has of its own.
#include <algorithm>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "runtime/container/plan_parts.h"
#include "runtime/security/defaults.h"
#include "runtime/security/selinux.h"

namespace keelson::container {

using base::Result;
using base::Status;

namespace {

// The CRI's older fields are read as well.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

Status PlanSeccomp(const cri::LinuxContainerSecurityContext& security, Plan& plan) {
  // Without any field nothing was asked for: unconfined, as every CRI client expects.
  std::string file;
  if (security.has_seccomp()) {
    switch (security.seccomp().profile_type()) {
      case cri::SecurityProfile::RuntimeDefault:
        plan.seccomp = Plan::Seccomp::kRuntimeDefault;
        return base::Ok();
      case cri::SecurityProfile::Localhost:
        file = security.seccomp().localhost_ref();
        break;
      default:
        return base::Ok();
    }
  } else {
    // The older field, a string: an old client's wish for confinement is not dropped.
    const std::string& old = security.seccomp_profile_path();
    if (old.empty() || old == "unconfined") return base::Ok();
    if (old == "runtime/default" || old == "docker/default") {
      plan.seccomp = Plan::Seccomp::kRuntimeDefault;
      return base::Ok();
    }
    if (!old.starts_with("localhost/"))
      return base::InvalidArgument("seccomp_profile_path: '{}' is no profile", old);
    file = old.substr(std::string_view("localhost/").size());
  }
  if (!file.starts_with('/'))
    return base::InvalidArgument("seccomp.localhost_ref: '{}' must be an absolute path", file);
  plan.seccomp = Plan::Seccomp::kLocalhost;
  plan.seccomp_file = file;
  return base::Ok();
}

// The newer field stands over the older string.
Result<std::string> PlanAppArmor(const cri::LinuxContainerSecurityContext& security,
                                 const security::AppArmor& machine) {
  using Kind = security::ProfileRequest::Kind;
  security::ProfileRequest request;
  if (security.has_apparmor()) {
    switch (security.apparmor().profile_type()) {
      case cri::SecurityProfile::RuntimeDefault:
        request.kind = Kind::kRuntimeDefault;
        break;
      case cri::SecurityProfile::Localhost:
        request = {Kind::kLocalhost, security.apparmor().localhost_ref()};
        break;
      default:
        request.kind = Kind::kUnconfined;
    }
  } else {
    ASSIGN_OR_RETURN(request, security::ParseProfileString(security.apparmor_profile()));
  }
  return security::ResolveAppArmor(request, security.privileged(), machine);
}

#pragma GCC diagnostic pop

}  // namespace

Status PlanSecurity(const PlanInput& input, Plan& plan) {
  const cri::LinuxContainerSecurityContext& security = input.container->linux().security_context();
  if (security.privileged() && !input.sandbox->linux().security_context().privileged()) {
    return base::InvalidArgument(
        "security_context.privileged: the pod sandbox was not made for privileged containers");
  }
  spec::Process& process = plan.spec.process;
  ASSIGN_OR_RETURN(process.apparmor_profile, PlanAppArmor(security, input.apparmor));
  const cri::SELinuxOption& selinux = security.selinux_options();
  ASSIGN_OR_RETURN(
      security::SelinuxLabels labels,
      security::ResolveSelinux({selinux.user(), selinux.role(), selinux.type(), selinux.level()},
                               input.selinux));
  process.selinux_label = std::move(labels.process);
  plan.spec.mount_label = std::move(labels.mount);
  security::UserRequest user;
  user.image_user = input.image->config.user;
  if (security.has_run_as_user()) user.run_as_user = security.run_as_user().value();
  if (security.has_run_as_group()) user.run_as_group = security.run_as_group().value();
  user.run_as_username = security.run_as_username();
  user.supplemental_groups.assign(security.supplemental_groups().begin(),
                                  security.supplemental_groups().end());
  if (security.supplemental_groups_policy() == cri::SupplementalGroupsPolicy::Strict)
    user.policy = security::GroupsPolicy::kStrict;
  ASSIGN_OR_RETURN(process.identity, security::ResolveUser(user, *input.identity_files));
  for (const uint32_t group : input.cdi ? input.cdi->groups : std::vector<uint32_t>()) {
    std::vector<uint32_t>& groups = process.identity.groups;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }

  security::CapabilityRequest wanted;
  wanted.privileged = security.privileged();
  wanted.add.assign(security.capabilities().add_capabilities().begin(),
                    security.capabilities().add_capabilities().end());
  wanted.drop.assign(security.capabilities().drop_capabilities().begin(),
                     security.capabilities().drop_capabilities().end());
  wanted.add_ambient.assign(security.capabilities().add_ambient_capabilities().begin(),
                            security.capabilities().add_ambient_capabilities().end());
  ASSIGN_OR_RETURN(process.capabilities,
                   security::ResolveCapabilities(wanted, input.available_capabilities));
  if (process.identity.uid != 0) {
    // What execve(2) would leave a user without privileges; said outright, so that nothing depends
    // on it.
    process.capabilities.effective = process.capabilities.ambient;
    process.capabilities.permitted = process.capabilities.ambient;
  }
  process.no_new_privileges = security.no_new_privs();
  plan.spec.read_only_root = security.readonly_rootfs();
  if (!security.privileged()) {
    plan.spec.masked_paths.assign(security.masked_paths().begin(), security.masked_paths().end());
    plan.spec.read_only_paths.assign(security.readonly_paths().begin(),
                                     security.readonly_paths().end());
    RETURN_IF_ERROR(PlanSeccomp(security, plan));
  }
  return base::Ok();
}

Status PlanNamespaces(const PlanInput& input, Plan& plan) {
  const cri::NamespaceOption& options =
      input.container->linux().security_context().namespace_options();
  plan.spec.host_network = options.network() == cri::NODE;
  plan.spec.host_ipc = options.ipc() == cri::NODE;
  switch (options.pid()) {
    case cri::POD:
      plan.spec.pid_mode = spec::PidMode::kPod;
      break;
    case cri::NODE:
      plan.spec.pid_mode = spec::PidMode::kHost;
      break;
    case cri::TARGET:
      plan.spec.pid_mode = spec::PidMode::kTarget;
      plan.spec.target_container_id = options.target_id();
      if (options.target_id().empty())
        return base::InvalidArgument(
            "namespace_options.target_id: must name a container of this pod");
      break;
    default:
      plan.spec.pid_mode = spec::PidMode::kOwn;
  }
  const cri::NamespaceOption& pod = input.sandbox->linux().security_context().namespace_options();
  ASSIGN_OR_RETURN(const spec::UserMapping of_pod, PlanUserNamespace(pod));
  ASSIGN_OR_RETURN(const spec::UserMapping own, PlanUserNamespace(options));
  // The pod's holds for every container; one that names another asks for what cannot be.
  if (own.size != 0 && own != of_pod)
    return base::InvalidArgument(
        "namespace_options.userns_options: not the mappings that the pod was made with");
  const spec::Identity& identity = plan.spec.process.identity;
  uint32_t highest = std::max(identity.uid, identity.gid);
  for (const uint32_t group : identity.groups) highest = std::max(highest, group);
  if (of_pod.size != 0 && highest >= of_pod.size) {
    return base::InvalidArgument(
        "user or group {} is outside the pod's user namespace, which has {} of them", highest,
        of_pod.size);
  }
  return base::Ok();
}

Result<spec::UserMapping> PlanUserNamespace(const cri::NamespaceOption& options) {
  spec::UserMapping mapping;
  if (!options.has_userns_options()) return mapping;
  const cri::UserNamespace& wanted = options.userns_options();
  constexpr char kField[] = "namespace_options.userns_options";
  if (wanted.mode() == cri::NODE) {
    if (wanted.uids().empty() && wanted.gids().empty()) return mapping;
    return base::InvalidArgument("{}: the host's user namespace takes no mappings", kField);
  }
  if (wanted.mode() != cri::POD) {
    return base::InvalidArgument("{}: mode {} is none that a pod can have", kField,
                                 cri::NamespaceMode_Name(wanted.mode()));
  }
  if (options.pid() == cri::NODE || options.ipc() == cri::NODE) {
    return base::InvalidArgument(
        "{}: a pod with a user namespace cannot share the host's processes or IPC", kField);
  }
  for (const auto* list : {&wanted.uids(), &wanted.gids()}) {
    const char* const name = list == &wanted.uids() ? "uids" : "gids";
    if (list->size() != 1)
      return base::InvalidArgument("{}.{}: one mapping is wanted, not {}", kField, name,
                                   list->size());
    const cri::IDMapping& only = list->Get(0);
    if (only.container_id() != 0) {
      return base::InvalidArgument("{}.{}: must map 0 of the container, not begin with {}", kField,
                                   name, only.container_id());
    }
    // 4294967295 is no user.
    if (only.length() == 0 || uint64_t{only.host_id()} + only.length() > 0xffffffffu)
      return base::InvalidArgument("{}.{}: {} from {} on are no users", kField, name, only.length(),
                                   only.host_id());
    if (mapping.size != 0 && mapping.size != only.length())
      return base::InvalidArgument("{}: uids and gids differ in length", kField);
    mapping.size = only.length();
    (list == &wanted.uids() ? mapping.uid : mapping.gid) = only.host_id();
  }
  return mapping;
}

}  // namespace keelson::container
