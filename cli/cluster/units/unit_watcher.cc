// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/units/unit_watcher.h"

#include <sys/stat.h>

#include "cli/cluster/units/unit_text.h"
#include "lib/os/files.h"
#include "lib/systemd/names.h"

namespace keelson::cluster {
namespace {

using base::Result;
using base::Status;

std::string FileOf(const std::string& unit) { return std::string(kUnitDir) + "/" + unit; }

bool IsThere(const std::string& path) {  // a link that leads nowhere is there too
  struct stat found{};
  return lstat(path.c_str(), &found) == 0;
}

// Whether no group is below the slice's, wherever systemd keeps its groups.
bool IsEmptySlice(const std::string& slice) {
  const std::string place = systemd::PathOfSlice(slice).ValueOr("/" + slice);
  for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}) {
    const auto below = os::ListDir(root + place);
    if (!below.ok()) continue;
    for (const os::DirEntry& one : *below)
      if (os::Exists(root + place + "/" + one.name + "/cgroup.procs")) return false;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<systemd::Services>> ConnectToServices() {
  const std::string bus = "/run/dbus/system_bus_socket";
  if (!os::Exists(bus))
    return base::FailedPrecondition(
        "systemd is process 1 and cannot be asked, since there is no D-Bus ({}): install and start "
        "dbus, or give --supervisor own",
        bus);
  // A job may have to wait for the process to end.
  ASSIGN_OR_RETURN(std::unique_ptr<systemd::Services> services,
                   systemd::ConnectServices({.deadline = std::chrono::seconds(90)}));
  return services;
}

Result<std::vector<SeenUnit>> UnitWatcher::See() {
  std::vector<SeenUnit> out;
  for (const char* process : kProcesses) {
    SeenUnit one{.process = process};
    const std::string name = UnitName(options_, process);
    one.text = os::ReadFile(FileOf(name), 1 << 20).ValueOr("");
    one.enabled = IsThere(std::string(kUnitDir) + "/multi-user.target.wants/" + name);
    ASSIGN_OR_RETURN(one.unit, services_->Look(name));
    out.push_back(std::move(one));
  }
  return out;
}

Result<UnitActions> UnitWatcher::Plan(const supervise::Layout& layout) {
  ASSIGN_OR_RETURN(const int version, services_->Version());
  ASSIGN_OR_RETURN(const std::vector<SeenUnit> seen, See());
  return PlanUnits(options_, layout, seen, version);
}

bool UnitWatcher::IsWatching() {
  const auto seen = See();
  if (!seen.ok()) return false;
  for (const SeenUnit& one : *seen)
    if (IsOurs(options_, one.text) && one.unit.main_pid != 0) return true;
  return false;
}

Result<std::vector<std::string>> UnitWatcher::Refusals(const supervise::Layout& layout) {
  auto plan = Plan(layout);
  if (plan.ok()) return std::move(plan->refusals);
  return std::vector<std::string>{
      fmt::format("systemd is process 1 and cannot be asked ({}): install and start dbus, or give "
                  "--supervisor own",
                  plan.error().message())};
}

Status UnitWatcher::Forget(const std::string& unit) {
  RETURN_IF_ERROR(services_->Disable(unit));
  return os::RemoveFile(FileOf(unit));
}

Status UnitWatcher::Take(const supervise::Layout& layout) {
  ASSIGN_OR_RETURN(const UnitActions plan, Plan(layout));
  if (!plan.refusals.empty()) return base::FailedPrecondition("{}", plan.refusals.front());
  for (const std::string& unit : plan.stop) {
    RETURN_IF_ERROR(services_->Stop(unit));
    RETURN_IF_ERROR(Forget(unit));
  }
  for (const auto& [unit, text] : plan.write)
    RETURN_IF_ERROR(os::WriteFileAtomic(FileOf(unit), text, 0644, os::Durability::kPowerLoss));
  for (const std::string& unit : plan.enable) RETURN_IF_ERROR(services_->Enable(unit));
  if (plan.reload) RETURN_IF_ERROR(services_->Reload());
  for (const std::string& unit : plan.start) RETURN_IF_ERROR(services_->Start(unit));
  for (const std::string& unit : plan.restart) RETURN_IF_ERROR(services_->Restart(unit));
  return base::Ok();
}

Result<Watched> UnitWatcher::Tell() {
  ASSIGN_OR_RETURN(const std::vector<SeenUnit> seen, See());
  Watched out;
  for (const SeenUnit& one : seen) {
    const bool wanted = one.process != std::string("master") || options_.has_master();
    if (!wanted) continue;
    const std::string name = NameOf(one.process);
    if (std::string problem = ProblemOf(name, one); !problem.empty())
      out.problems.push_back(std::move(problem));
    if (!one.text.empty()) out.processes.push_back(StatusOf(one.process, one.unit));
  }
  if (out.processes.empty()) return base::Unavailable("systemd has no unit of this node");
  out.by = "watched by systemd; what they say: journalctl -u '" + NameOf("*") + "'";
  return out;
}

Status UnitWatcher::Stop(const std::string& process) {
  const std::string unit = UnitName(options_, process);
  if (!IsOurs(options_, os::ReadFile(FileOf(unit), 1 << 20).ValueOr(""))) return base::Ok();
  return services_->Stop(unit);
}

Status UnitWatcher::Leave() {
  bool changed = false;
  for (const char* process : kProcesses) {
    const std::string unit = UnitName(options_, process);
    if (!IsOurs(options_, os::ReadFile(FileOf(unit), 1 << 20).ValueOr(""))) continue;
    RETURN_IF_ERROR(services_->Stop(unit));
    RETURN_IF_ERROR(Forget(unit));
    (void)services_->ResetFailed(unit);
    changed = true;
  }
  if (changed) RETURN_IF_ERROR(services_->Reload());
  // Unless another node's are in them. systemd keeps what nobody is in any more.
  std::vector<std::string> slices = SlicesOf(options_.cgroup_root);
  slices.push_back(kSlice);
  for (const std::string& slice : slices)
    if (IsEmptySlice(slice)) RETURN_IF_ERROR(services_->Stop(slice));
  return base::Ok();
}

std::string UnitWatcher::NameOf(const std::string& process) { return UnitName(options_, process); }

std::string UnitWatcher::LastWords(const std::string& process) {
  return "its last words: journalctl -n 20 -u " + NameOf(process);
}

}  // namespace keelson::cluster
