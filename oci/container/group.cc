// SPDX-License-Identifier: Apache-2.0
#include "oci/container/group.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/systemd/bus.h"
#include "lib/systemd/names.h"
#include "lib/systemd/units.h"
#include "oci/container/scope.h"
#include "oci/state/record.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using base::Status;

namespace {

// A process that keeps a scope from ending until the container is in it.
class Placeholder {
 public:
  Placeholder() : pid_(fork()) {
    if (pid_ != 0) return;
    while (true) pause();
  }
  ~Placeholder() {
    if (pid_ <= 0) return;
    (void)kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Placeholder(const Placeholder&) = delete;
  Placeholder& operator=(const Placeholder&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

Result<GroupPlace> SystemdPlace(const std::string& text, const std::string& id) {
  GroupPlace place;
  std::string prefix = "keelson", name = id;
  place.slice = geteuid() == 0 ? "system.slice" : "user.slice";
  if (!text.empty()) {
    const std::vector<std::string_view> parts = base::Split(text, ':');
    if (parts.size() != 3) {
      return base::InvalidArgument(
          "linux.cgroupsPath: expected \"slice:prefix:name\" for systemd, got {}",
          base::QuoteIfNeeded(text));
    }
    if (!parts[0].empty()) place.slice = std::string(parts[0]);
    prefix = std::string(parts[1]);
    name = std::string(parts[2]);
  }
  ASSIGN_OR_RETURN(const std::string folder, systemd::PathOfSlice(place.slice));
  if (name.ends_with(".slice"))
    return base::InvalidArgument("linux.cgroupsPath: a container cannot be the slice {}", name);
  place.scope = (prefix.empty() ? name : prefix + "-" + name) + ".scope";
  ASSIGN_OR_RETURN(place.path, cgroup::JoinPath(folder, place.scope));
  return place;
}

bool IsRightsError(const Error& error) {
  const int code = error.os_errno();
  return code == EACCES || code == EPERM || code == EROFS || code == ENOENT || code == EBUSY;
}

Status StartScope(const GroupPlace& place, const std::string& id, pid_t process,
                  const Config& config) {
  if (!systemd::IsBooted())
    return base::FailedPrecondition("--systemd-cgroup: systemd does not run on this machine");
  systemd::Properties properties =
      systemd::ScopeProperties(place.slice, "container " + systemd::Plain(id), process);
  ASSIGN_OR_RETURN(const cgroup::Resources limits, LimitsOf(config.system.resources, true));
  Overlay(properties, LimitsOfScope(limits));
  ASSIGN_OR_RETURN(systemd::Properties annotated, AnnotatedProperties(config.annotations));
  Overlay(properties, std::move(annotated));
  ASSIGN_OR_RETURN(const std::unique_ptr<systemd::BusUnits> units, systemd::ConnectUnits());
  return systemd::StartAnew(*units, place.scope, properties);
}

// Said before a write into a file that is not there says it.
Status CheckControllers(const cgroup::Layout& layout, const Resources& resources) {
  if (resources.unified.empty()) return base::Ok();
  if (!layout.v2)
    return base::InvalidArgument(
        "invalid configuration: linux.resources.unified is of cgroup v2, this machine has v1");
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(layout.unified + "/cgroup.controllers"));
  const std::vector<std::string_view> available = base::Split(base::Trim(text), ' ');
  for (const auto& [file, value] : resources.unified) {
    const std::string_view controller = std::string_view(file).substr(0, file.find('.'));
    if (controller == "cgroup" || std::ranges::find(available, controller) != available.end())
      continue;
    return base::FailedPrecondition(
        "linux.resources.unified: the requested cgroup controller `{}` is not available",
        controller);
  }
  return base::Ok();
}

Status Limit(const cgroup::Layout& layout, const cgroup::Group& group, const Config& config,
             bool systemd) {
  RETURN_IF_ERROR(CheckControllers(layout, config.system.resources));
  ASSIGN_OR_RETURN(cgroup::Resources limits, LimitsOf(config.system.resources, layout.v2));
  limits.devices = DeviceRules(config.system.resources);
  if (limits.pids_limit == 1) limits.pids_limit = 2;
  if (systemd) RoundQuota(limits);
  return group.Apply(limits);
}

// Somebody else's processes would share this container's limits and end with it.
Status CheckUnused(const cgroup::Group& group, const std::string& path) {
  if (!group.Exists()) return base::Ok();
  if (IsGroupFrozen(path))
    return base::FailedPrecondition("container's cgroup unexpectedly frozen: {}", path);
  const Result<std::vector<int>> processes = group.Processes();
  if (processes.ok() && !processes->empty()) {
    return base::FailedPrecondition("container's cgroup is not empty: {} process(es) found in {}",
                                    processes->size(), path);
  }
  return base::Ok();
}

bool AsksForLimits(const Resources& r) {
  return r.memory.limit || r.memory.swap || r.memory.reservation || r.cpu.shares || r.cpu.quota ||
         r.cpu.period || !r.cpu.cpus.empty() || !r.cpu.mems.empty() || r.pids.value_or(0) > 0 ||
         r.block.weight || !r.block.devices.empty() || !r.hugepages.empty() || !r.unified.empty();
}

}  // namespace

Result<GroupPlace> PlaceOf(const Config& config, const GroupWish& wish) {
  const std::string& text = config.system.cgroups_path;
  if (wish.disabled) return GroupPlace{};
  if (wish.systemd) return SystemdPlace(text, wish.id);
  GroupPlace place;
  std::string_view name = text.empty() ? std::string_view(wish.id) : std::string_view(text);
  std::string parent = "/";
  if (!name.starts_with('/')) parent = "/keelson-oci";
  while (name.starts_with('/')) name.remove_prefix(1);
  while (name.ends_with('/')) name.remove_suffix(1);
  ASSIGN_OR_RETURN(place.path, cgroup::JoinPath(parent, name));
  return place;
}

Result<cgroup::Group> OpenGroup(const std::string& path) {
  if (path.empty()) return base::FailedPrecondition("the container has no cgroup of its own");
  ASSIGN_OR_RETURN(const cgroup::Layout layout, cgroup::DetectLayout());
  return cgroup::Group(layout, path);
}

Result<MadeGroup> MakeGroup(const Config& config, const GroupWish& wish) {
  ASSIGN_OR_RETURN(const GroupPlace place, PlaceOf(config, wish));
  MadeGroup made{place, nullptr};
  if (place.path.empty()) return made;
  const Result<cgroup::Layout> layout = cgroup::DetectLayout();
  if (!layout.ok()) {
    if (wish.forgiving) return MadeGroup{};
    return layout.error();
  }
  const cgroup::Group group(*layout, place.path);
  const auto make = [&]() -> Status {
    if (wish.systemd) {
      if (!layout->v2)
        return base::FailedPrecondition("--systemd-cgroup: needs cgroup v2, this machine has v1");
      const auto placeholder = std::make_shared<Placeholder>();
      made.hold = placeholder;
      RETURN_IF_ERROR(StartScope(place, wish.id, placeholder->pid(), config));
    }
    RETURN_IF_ERROR(group.Create(true));
    return Limit(*layout, group, config, wish.systemd);
  };
  RETURN_IF_ERROR(CheckUnused(group, place.path));
  const Status status = make();
  if (status.ok()) return made;
  (void)RemoveGroup(place);
  const bool may_do_without =
      wish.forgiving && !AsksForLimits(config.system.resources) && IsRightsError(status.error());
  if (may_do_without) return MadeGroup{};
  return status.error().WithContext("cgroup");
}

Status LimitToOne(const GroupPlace& place, const Config& config) {
  const int64_t limit = config.system.resources.pids.value_or(-1);
  if (place.path.empty() || (limit != 0 && limit != 1)) return base::Ok();
  ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(place.path));
  cgroup::Resources one;
  one.pids_limit = 1;
  one.oom_group = false;
  return group.Apply(one).WithContext("cgroup");
}

Status RemoveGroup(const GroupPlace& place) {
  if (place.path.empty()) return base::Ok();
  ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(place.path));
  const Status removed = group.Remove(std::chrono::seconds(20));
  if (!place.scope.empty() && systemd::IsBooted()) {
    if (const auto units = systemd::ConnectUnits(); units.ok()) {
      (void)(*units)->Stop(place.scope);
      (void)(*units)->ResetFailed(place.scope);
    }
  }
  return removed;
}

Status TellScope(const std::string& scope, const cgroup::Resources& limits) {
  const systemd::Properties properties = LimitsOfScope(limits);
  if (scope.empty() || properties.empty()) return base::Ok();
  ASSIGN_OR_RETURN(const std::unique_ptr<systemd::BusUnits> units, systemd::ConnectUnits());
  return units->SetProperties(scope, properties);
}

Joining GroupAt(const std::string& path) {
  Joining out;
  if (path.empty()) return out;
  const Result<cgroup::Layout> layout = cgroup::DetectLayout();
  if (!layout.ok()) return out;
  const cgroup::Group group(*layout, path);
  for (std::string& directory : group.V1Directories()) {
    if (os::Exists(directory)) out.v1.push_back(std::move(directory));
  }
  out.unified = group.UnifiedDirectory();
  if (!os::Exists(out.unified)) out.unified.clear();
  return out;
}

Joining WhereIs(pid_t process, const std::string& path) {
  Joining out = GroupAt(path);
  const Result<cgroup::Layout> layout = cgroup::DetectLayout();
  if (path.empty() || !layout.ok()) return out;
  const Result<std::string> text = os::ReadFile(fmt::format("/proc/{}/cgroup", process), 65536);
  if (text.ok() && layout->v2) {
    for (const std::string_view line : base::Split(std::string_view(*text), '\n')) {
      if (line.starts_with("0::/") && line.find("/../") == std::string_view::npos)
        out.unified = layout->unified + std::string(line.substr(3));
    }
  }
  if (!os::Exists(out.unified)) out.unified.clear();
  return out;
}

}  // namespace keelson::oci
