// SPDX-License-Identifier: Apache-2.0
// Runtime handlers: which one a pod has, what it cannot do, and what a container that another OCI
// runtime makes is told beside its plan.
#include "cri-api/cri.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "runtime/cri/runtime.h"
#include "runtime/handlers/handlers.h"
#include "runtime/oci/seccomp_text.h"

namespace keelson::cri_server {

using base::Result;
using base::Status;

namespace {

template <typename Map>
handlers::Annotations ListOf(const Map& map) {
  return {map.begin(), map.end()};
}

}  // namespace

Result<const handlers::Handler*> Runtime::HandlerOf(const std::string& name) const {
  if (name.empty() || name == "keelson") return static_cast<const handlers::Handler*>(nullptr);
  if (const handlers::Handler* const found = handlers::Find(d_.handlers, name)) return found;
  std::string known = "'' and 'keelson'";
  for (const handlers::Handler& handler : d_.handlers) known += ", '" + handler.settings.name + "'";
  return base::InvalidArgument("runtime_handler: '{}' is not configured; there are {}", name,
                               known);
}

Status Runtime::CheckHandler(const std::string& name, const cri::PodSandboxConfig& config) const {
  ASSIGN_OR_RETURN(const handlers::Handler* const handler, HandlerOf(name));
  if (handler == nullptr || handler->features.user_namespaces) return {};
  const Result<spec::UserMapping> users =
      container::PlanUserNamespace(config.linux().security_context().namespace_options());
  if (users.ok() && users->size != 0) {
    return base::InvalidArgument(
        "runtime_handler: '{}' does not say that it can map the owners of mounts, which a pod with "
        "a user namespace needs",
        name);
  }
  return {};
}

Status Runtime::CheckHandler(const std::string& name, const cri::ContainerConfig& config) const {
  ASSIGN_OR_RETURN(const handlers::Handler* const handler, HandlerOf(name));
  if (handler == nullptr || handler->features.recursive_read_only) return {};
  for (int i = 0; i < config.mounts_size(); ++i) {
    if (!config.mounts(i).recursive_read_only()) continue;
    return base::InvalidArgument(
        "mounts[{}]: RROUnsupported: runtime handler '{}' does not say that it can make mounts "
        "recursively read-only",
        i, name);
  }
  return {};
}

Status Runtime::PlanOther(const handlers::Handler& handler, const ContainerView& container,
                          const SandboxView& pod, container::Plan& plan) {
  spec::OtherRuntime& other = plan.spec.other;
  other.program = handler.settings.runtime;
  other.arguments = handler.settings.arguments;
  other.state_root = d_.run_dir + "/oci/" + handler.settings.name;
  RETURN_IF_ERROR(os::MakeDirs(other.state_root, 0700));
  other.cgroup_path = plan.cgroup_path;
  other.hostname = pod.config.hostname();
  for (const cgroup::DeviceRule& rule : plan.resources.devices) {
    other.device_rules.push_back({rule.allow, rule.type, rule.major ? int64_t{*rule.major} : -1,
                                  rule.minor ? int64_t{*rule.minor} : -1, rule.access});
  }
  const uint64_t granted = plan.spec.process.capabilities.bounding;
  if (plan.seccomp == container::Plan::Seccomp::kRuntimeDefault) {
    other.seccomp = oci::SeccompText(security::RuntimeDefaultProfile(granted));
  } else if (plan.seccomp == container::Plan::Seccomp::kLocalhost) {
    ASSIGN_OR_RETURN(const seccomp::Profile profile, d_.profiles.Parse(plan.seccomp_file, granted));
    other.seccomp = oci::SeccompText(profile);
  }
  const cri::PodSandboxMetadata& metadata = pod.config.metadata();
  other.annotations = handlers::AnnotationsFor(
      handler, ListOf(pod.config.annotations()), ListOf(container.config.annotations()),
      {.sandbox_id = pod.record.id,
       .sandbox_name = metadata.name(),
       .sandbox_namespace = metadata.namespace_(),
       .sandbox_uid = metadata.uid(),
       .container_name = container.config.metadata().name(),
       .image_name = container.record.image_ref});
  return {};
}

}  // namespace keelson::cri_server
