// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "lib/systemd/names.h"
#include "runtime/pod_group/pod_groups.h"

namespace keelson::pod_group {
namespace {

using base::Code;
using base::Result;
using base::Status;

constexpr char kOwnSlice[] = "keelson.slice";

std::string ScopeOf(const std::string& sandbox_id) { return "keelson-" + sandbox_id + ".scope"; }

// A process that ends with this object, and with the daemon.
class Holder final : public Hold {
 public:
  static Result<std::unique_ptr<Holder>> Start(const std::string& program) {
    ASSIGN_OR_RETURN(os::Pipe life, os::CreatePipe());
    os::SpawnOptions options;
    options.argv = {program};
    options.fds = {{life.read_end.get(), 0}};
    options.new_session = true;
    ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(options));
    return std::unique_ptr<Holder>(new Holder(std::move(child), std::move(life.write_end)));
  }
  pid_t pid() const { return child_.pid(); }
  // On v2: its only group.
  Result<std::string> Group() const {
    ASSIGN_OR_RETURN(const std::string text,
                     os::ReadFile("/proc/" + std::to_string(pid()) + "/cgroup", 65536));
    for (const std::string_view line : base::Split(text, '\n')) {
      if (line.starts_with("0::")) return std::string(line.substr(3));
    }
    return base::NotFound("the kernel names no group of process {}", pid());
  }

 private:
  Holder(os::ChildProcess child, os::UniqueFd life)
      : child_(std::move(child)), life_(std::move(life)) {}
  os::ChildProcess child_;
  os::UniqueFd life_;
};

class SystemdGroups final : public PodGroups {
 public:
  SystemdGroups(cgroup::Layout layout, systemd::Units& units, std::string hold_program)
      : layout_(std::move(layout)), units_(units), hold_program_(std::move(hold_program)) {}

  std::string driver() const override { return "systemd"; }

  Result<std::string> PathOf(const std::string& parent, const std::string& sandbox_id,
                             const std::string& name) const override {
    ASSIGN_OR_RETURN(const std::string scope, ScopePath(parent, sandbox_id));
    return scope + "/" + name;
  }

  Result<std::unique_ptr<Hold>> Make(const Pod& pod) override {
    ASSIGN_OR_RETURN(std::unique_ptr<Holder> holder, MakeScope(pod));
    return std::unique_ptr<Hold>(std::move(holder));
  }

  // One read where all is well.
  Result<std::unique_ptr<Hold>> Ensure(const Pod& pod) override {
    ASSIGN_OR_RETURN(const std::string scope, ScopePath(pod.parent, pod.sandbox_id));
    const Result<std::string> events =
        os::ReadFile(layout_.unified + scope + "/cgroup.events", 4096);
    if (events.ok() && events->find("populated 1") != std::string::npos)
      return std::unique_ptr<Hold>();
    ASSIGN_OR_RETURN(std::unique_ptr<Holder> holder, MakeScope(pod));
    // Out of the way: controllers are handed down only by a group without processes of its own.
    RETURN_IF_ERROR(
        os::WriteControl(AT_FDCWD, layout_.unified + scope + "/" + pod.sandbox_id + "/cgroup.procs",
                         std::to_string(holder->pid())));
    return std::unique_ptr<Hold>(std::move(holder));
  }

  Status Remove(const Pod& pod) override {
    // The group first: then systemd has nothing to wait for.
    Status removed;
    if (const Result<std::string> scope = ScopePath(pod.parent, pod.sandbox_id); scope.ok())
      removed = cgroup::Group(layout_, *scope).Remove();
    RETURN_IF_ERROR(units_.Stop(ScopeOf(pod.sandbox_id)));
    return removed;
  }

  Status RemoveOwnRoot() override {
    const Result<std::vector<os::DirEntry>> entries =
        os::ListDir(layout_.unified + "/" + kOwnSlice);
    if (!entries.ok()) return {};
    const bool used = std::ranges::any_of(
        *entries, [](const os::DirEntry& entry) { return entry.type == DT_DIR; });
    return used ? Status() : units_.Stop(kOwnSlice);
  }

 private:
  static Result<std::string> SliceFor(const std::string& parent) {
    if (parent.empty()) return std::string(kOwnSlice);
    Result<std::string> slice = systemd::SliceOf(parent);
    if (slice.ok()) return slice;
    return base::InvalidArgument("cgroup_parent: the cgroup driver is systemd, and {}",
                                 slice.error().message());
  }

  static Result<std::string> ScopePath(const std::string& parent, const std::string& sandbox_id) {
    ASSIGN_OR_RETURN(const std::string slice, SliceFor(parent));
    ASSIGN_OR_RETURN(const std::string path, systemd::PathOfSlice(slice));
    return (path == "/" ? "" : path) + "/" + ScopeOf(sandbox_id);
  }

  Result<std::unique_ptr<Holder>> MakeScope(const Pod& pod) {
    ASSIGN_OR_RETURN(const std::string slice, SliceFor(pod.parent));
    ASSIGN_OR_RETURN(const std::string path, ScopePath(pod.parent, pod.sandbox_id));
    ASSIGN_OR_RETURN(std::unique_ptr<Holder> holder, Holder::Start(hold_program_));
    const std::string unit = ScopeOf(pod.sandbox_id);
    const systemd::Properties properties =
        systemd::ScopeProperties(slice, systemd::Plain(pod.description), holder->pid());
    RETURN_IF_ERROR(systemd::StartAnew(units_, unit, properties));
    Result<std::string> group = holder->Group();
    if (group.ok() && *group != path) {
      // A scope of an earlier attempt answered for ours.
      RETURN_IF_ERROR(units_.Stop(unit));
      RETURN_IF_ERROR(units_.StartTransient(unit, properties));
      group = holder->Group();
    }
    if (!group.ok()) return group.error();
    if (*group != path) {
      (void)units_.Stop(unit);
      return base::FailedPrecondition("systemd has put the pod's scope at '{}', not at '{}'",
                                      *group, path);
    }
    RETURN_IF_ERROR(os::MakeDir(layout_.unified + path + "/" + pod.sandbox_id, 0755));
    return holder;
  }

  const cgroup::Layout layout_;
  systemd::Units& units_;
  const std::string hold_program_;
};

}  // namespace

Result<std::unique_ptr<PodGroups>> MakeSystemdGroups(cgroup::Layout layout, systemd::Units& units,
                                                     std::string hold_program) {
  if (!layout.v2) {
    return base::FailedPrecondition(
        "the cgroup driver systemd needs cgroup v2 and this machine has v1: use cgroup-driver: "
        "cgroupfs");
  }
  return std::unique_ptr<PodGroups>(
      std::make_unique<SystemdGroups>(std::move(layout), units, std::move(hold_program)));
}

}  // namespace keelson::pod_group
