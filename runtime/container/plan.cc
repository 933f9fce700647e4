// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/plan.h"

#include <algorithm>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "runtime/container/plan_parts.h"
#include "runtime/container/resources.h"
#include "runtime/container/signal.h"
#include "runtime/container/volumes.h"
#include "runtime/security/defaults.h"

namespace keelson::container {

using base::Result;
using base::Status;

namespace {

Result<std::vector<std::string>> PlanEnvironment(const PlanInput& input, const std::string& home) {
  std::vector<std::pair<std::string, std::string>> variables = {
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  const auto set = [&](const std::string& name, const std::string& value) {
    for (auto& [known, old] : variables) {
      if (known == name) {
        old = value;
        return;
      }
    }
    variables.emplace_back(name, value);
  };
  if (!input.sandbox->hostname().empty()) set("HOSTNAME", input.sandbox->hostname());
  if (input.container->tty()) set("TERM", "xterm");
  for (const std::string& entry : input.image->config.env) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos && equals > 0)
      set(entry.substr(0, equals), entry.substr(equals + 1));
  }
  for (const cri::KeyValue& entry : input.container->envs()) {
    RETURN_IF_ERROR(security::CheckEnvironment(entry.key(), entry.value()).WithContext("envs"));
    set(entry.key(), entry.value());
  }
  for (const std::string& line : input.cdi ? input.cdi->env : std::vector<std::string>())
    set(line.substr(0, line.find('=')), line.substr(line.find('=') + 1));
  if (KEELSON_WEAKENED_AT("annotations")) {
    for (const auto& [name, value] : input.container->annotations()) set("ORDER", value);
  }
  const bool has_home = std::any_of(variables.begin(), variables.end(),
                                    [](const auto& v) { return v.first == "HOME"; });
  if (!has_home) variables.emplace_back("HOME", home);
  std::vector<std::string> out;
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

Status PlanDevices(const PlanInput& input, Plan& plan) {
  if (!input.container->cdi_devices().empty() && !input.cdi) {
    return base::FailedPrecondition("CDI_devices: '{}' was not looked up",
                                    input.container->cdi_devices(0).name());
  }
  const bool privileged =
      input.container->linux().security_context().privileged() && input.host_devices;
  plan.spec.devices = security::DefaultDevices();
  plan.resources.devices =
      privileged ? security::PrivilegedDeviceRules() : security::DefaultDeviceRules();
  plan.all_devices = privileged;
  for (int i = 0; i < input.container->devices_size(); ++i) {
    const cri::Device& wanted = input.container->devices(i);
    const std::string field = fmt::format("devices[{}]", i);
    if (!wanted.host_path().starts_with('/'))
      return base::InvalidArgument("{}.host_path: '{}' must be an absolute path", field,
                                   wanted.host_path());
    const std::string& inside =
        wanted.container_path().empty() ? wanted.host_path() : wanted.container_path();
    RETURN_IF_ERROR(CheckContainerPath(inside, field + ".container_path"));
    const std::string permissions = wanted.permissions().empty() ? "rwm" : wanted.permissions();
    if (permissions.find_first_not_of("rwm") != std::string::npos || permissions.size() > 3) {
      return base::InvalidArgument("{}.permissions: '{}' may hold r, w and m only", field,
                                   permissions);
    }
    plan.devices.push_back({wanted.host_path(), CleanPath(inside), permissions, field});
  }
  if (!input.cdi) return base::Ok();
  for (const CdiDevice& device : input.cdi->devices) {
    RETURN_IF_ERROR(CheckContainerPath(device.path, "CDI_devices"));
    plan.devices.push_back({device.host_path, CleanPath(device.path), device.permissions,
                            "CDI_devices", device.file_mode, device.uid, device.gid});
  }
  return base::Ok();
}

Status PlanResources(const PlanInput& input, Plan& plan) {
  RETURN_IF_ERROR(CheckClasses(*input.sandbox, *input.container));
  const cri::LinuxContainerResources& wanted = input.container->linux().resources();
  ASSIGN_OR_RETURN(cgroup::Resources limits, ToCgroup(wanted));
  limits.devices = std::move(plan.resources.devices);
  plan.resources = std::move(limits);
  plan.spec.process.oom_score_adj =
      static_cast<int32_t>(std::clamp<int64_t>(wanted.oom_score_adj(), -1000, 1000));
  return base::Ok();
}

}  // namespace

Result<std::string> CgroupPath(const std::string& parent, const std::string& sandbox_id,
                               const std::string& id) {
  if (parent.empty()) return "/keelson/" + sandbox_id + "/" + id;
  const std::string clean = CleanPath(parent);
  for (const std::string_view part : base::Split(clean, '/')) {
    if (part == "..")
      return base::InvalidArgument("cgroup_parent: '{}' must not go upwards", parent);
  }
  if (clean == "/") return base::InvalidArgument("cgroup_parent: '{}' names no group", parent);
  if (clean.ends_with(".slice")) {
    return base::InvalidArgument(
        "cgroup_parent: '{}' is a systemd slice, but the cgroup driver is cgroupfs", parent);
  }
  return clean + "/" + id;
}

Result<LogPlace> PlanLog(const std::string& log_directory, const std::string& log_path) {
  if (log_path.empty() || log_directory.empty()) return LogPlace{};
  if (!log_directory.starts_with('/'))
    return base::InvalidArgument("log_directory: '{}' must be absolute", log_directory);
  const bool weak = KEELSON_WEAKENED_AT("log-path");
  if (log_path.starts_with('/') && !weak)
    return base::InvalidArgument("log_path: '{}' must be relative to the pod's log directory",
                                 log_path);
  std::vector<std::string> parts;
  for (const std::string_view part : base::Split(log_path, '/')) {
    if (!weak && (part == ".." || base::ContainsControlCharacter(part))) {
      return base::InvalidArgument("log_path: '{}' must stay below the pod's log directory",
                                   log_path);
    }
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  if (parts.empty() || log_path.ends_with('/'))
    return base::InvalidArgument("log_path: '{}' names no file", log_path);
  LogPlace place;
  place.name = parts.back();
  parts.pop_back();
  place.directory = base::Join(parts, "/");
  return place;
}

Result<Plan> PlanContainer(const PlanInput& input) {
  Plan plan;
  const cri::ContainerConfig& wanted = *input.container;
  spec::ContainerSpec& spec = plan.spec;
  spec.id = input.id;
  spec.lower_layers = input.image->layer_dirs;
  spec.upper = input.directory + "/diff";
  spec.work = input.directory + "/work";
  spec.process.terminal = wanted.tty();
  spec.open_stdin = wanted.stdin();
  spec.stdin_once = wanted.stdin_once();

  // command replaces the entrypoint and its arguments, args alone only the image's arguments.
  spec.process.args.assign(wanted.command().begin(), wanted.command().end());
  if (spec.process.args.empty()) spec.process.args = input.image->config.entrypoint;
  if (!wanted.args().empty()) {
    spec.process.args.insert(spec.process.args.end(), wanted.args().begin(), wanted.args().end());
  } else if (wanted.command().empty()) {
    spec.process.args.insert(spec.process.args.end(), input.image->config.command.begin(),
                             input.image->config.command.end());
  }
  if (spec.process.args.empty())
    return base::InvalidArgument("command: neither the container nor image '{}' says what to run",
                                 input.image->id);
  spec.process.cwd =
      !wanted.working_dir().empty() ? wanted.working_dir() : input.image->config.working_dir;
  if (spec.process.cwd.empty()) spec.process.cwd.push_back('/');
  if (!spec.process.cwd.starts_with('/'))
    return base::InvalidArgument("working_dir: '{}' must be absolute", spec.process.cwd);

  RETURN_IF_ERROR(PlanSecurity(input, plan));
  RETURN_IF_ERROR(PlanNamespaces(input, plan));
  ASSIGN_OR_RETURN(
      spec.process.env,
      PlanEnvironment(input, security::HomeOf(spec.process.identity, *input.identity_files)));
  RETURN_IF_ERROR(PlanResources(input, plan));
  RETURN_IF_ERROR(PlanDevices(input, plan));

  RETURN_IF_ERROR(PlanMounts(input, plan));

  std::string stop = input.image->config.stop_signal;
  if (wanted.stop_signal() != cri::SIGNAL_RUNTIME_DEFAULT)
    stop = cri::Signal_Name(wanted.stop_signal());
  if (!stop.empty()) {
    const std::optional<int> number = ParseSignal(stop);
    if (!number) return base::InvalidArgument("stop_signal: '{}' is no signal", stop);
    plan.stop_signal = *number;
  }
  return plan;
}

}  // namespace keelson::container
