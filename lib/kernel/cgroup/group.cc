// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/cgroup/devices.h"
#include "lib/os/files.h"

namespace keelson::cgroup {

using base::Error;
using base::Result;
using base::Status;

Result<Layout> DetectLayout() {
  ASSIGN_OR_RETURN(const std::string mountinfo, os::ReadFile("/proc/self/mountinfo"));
  return ParseLayout(mountinfo);
}

Group::Group(const Layout& layout, std::string path) : layout_(layout), path_(std::move(path)) {
  KEELSON_CHECK(path_.size() > 1 && path_.front() == '/' && path_.find("..") == std::string::npos);
}

std::vector<std::string> Group::V1Directories() const {
  std::vector<std::string> out;
  std::string last;
  for (const auto& [name, mount_point] : layout_.hierarchies) {
    if (std::find(out.begin(), out.end(), mount_point + path_) == out.end()) out.push_back(mount_point + path_);
  }
  return out;
}

std::string Group::UnifiedDirectory() const { return layout_.unified.empty() ? "" : layout_.unified + path_; }

std::string Group::MemoryDirectory() const {
  if (layout_.v2) return layout_.unified + path_;
  const auto memory = layout_.hierarchies.find("memory");
  return memory == layout_.hierarchies.end() ? "" : memory->second + path_;
}

std::vector<std::string> Group::AllDirectories() const {
  std::vector<std::string> out = V1Directories();
  if (!layout_.unified.empty()) out.push_back(UnifiedDirectory());
  return out;
}

namespace {

Status FillCpuset(const std::string& directory) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    ASSIGN_OR_RETURN(const std::string own, os::ReadFile(directory + "/" + file, 65536));
    if (!base::Trim(own).empty()) continue;
    const std::string parent = directory.substr(0, directory.find_last_of('/'));
    ASSIGN_OR_RETURN(const std::string inherited, os::ReadFile(parent + "/" + file, 65536));
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, directory + "/" + file, base::Trim(inherited)));
  }
  return base::Ok();
}

// Every controller the parent has, handed down. A group with processes of its own cannot (EBUSY): said as it is.
Status EnableControllers(const std::string& parent) {
  ASSIGN_OR_RETURN(const std::string available, os::ReadFile(parent + "/cgroup.controllers", 65536));
  ASSIGN_OR_RETURN(const std::string enabled, os::ReadFile(parent + "/cgroup.subtree_control", 65536));
  const std::vector<std::string_view> have = base::Split(base::Trim(enabled), ' ');
  std::string missing;
  for (const std::string_view controller : base::Split(base::Trim(available), ' ')) {
    if (controller.empty() || std::find(have.begin(), have.end(), controller) != have.end()) continue;
    missing += (missing.empty() ? "+" : " +") + std::string(controller);
  }
  if (missing.empty()) return base::Ok();
  return os::WriteControl(AT_FDCWD, parent + "/cgroup.subtree_control", missing);
}

}  // namespace

Status Group::Create() const {
  for (const auto& [name, mount_point] : layout_.hierarchies) {
    for (size_t at = path_.find('/', 1);; at = path_.find('/', at + 1)) {
      const std::string directory = mount_point + path_.substr(0, at);
      RETURN_IF_ERROR(os::MakeDir(directory, 0755));
      if (name == "cpuset") RETURN_IF_ERROR(FillCpuset(directory).WithContext("cpuset"));
      if (at == std::string::npos) break;
    }
  }
  if (layout_.unified.empty()) return base::Ok();
  for (size_t at = path_.find('/', 1);; at = path_.find('/', at + 1)) {
    const std::string directory = layout_.unified + path_.substr(0, at);
    if (layout_.v2) {
      const std::string parent = directory.substr(0, directory.find_last_of('/'));
      RETURN_IF_ERROR(EnableControllers(parent).WithContext("hand controllers down"));
    }
    RETURN_IF_ERROR(os::MakeDir(directory, 0755));
    if (at == std::string::npos) break;
  }
  return base::Ok();
}

Status Group::Apply(const Resources& resources) const {
  const std::vector<Write> writes = layout_.v2 ? PlanV2(resources) : PlanV1(resources);
  for (const Write& write : writes) {
    std::string directory;
    if (layout_.v2) {
      directory = layout_.unified + path_;
    } else if (const auto found = layout_.hierarchies.find(write.controller); found != layout_.hierarchies.end()) {
      directory = found->second + path_;
    } else {
      return base::FailedPrecondition("cannot set {} to '{}': this machine has no {} cgroup", write.file, write.value, write.controller);
    }
    const Status status = os::WriteControl(AT_FDCWD, directory + "/" + write.file, write.value);
    if (status.ok() || (write.optional && (status.error().os_errno() == ENOENT || status.error().os_errno() == EOPNOTSUPP))) continue;
    return status.error().WithContext("set cgroup limit").WithCode(base::Code::kInvalidArgument);
  }
  if (layout_.v2 && !resources.devices.empty()) return AttachDeviceRules(layout_.unified + path_, resources.devices);
  return base::Ok();
}

bool Group::Exists() const {
  for (const std::string& directory : AllDirectories()) {
    if (os::Exists(directory)) return true;
  }
  return false;
}

namespace {

Result<std::vector<int>> ProcessesOf(const std::string& directory) {
  Result<std::string> text = os::ReadFile(directory + "/cgroup.procs");
  if (!text.ok()) {
    if (text.error().os_errno() == ENOENT || text.error().os_errno() == ENODEV) return std::vector<int>();
    return text.error();
  }
  std::vector<int> out;
  for (const std::string_view line : base::Split(*text, '\n')) {
    if (const std::optional<uint64_t> pid = base::ParseUint64(line); pid && *pid > 0) out.push_back(static_cast<int>(*pid));
  }
  return out;
}

Result<std::vector<int>> ProcessesBelow(const std::string& directory) {
  ASSIGN_OR_RETURN(std::vector<int> out, ProcessesOf(directory));
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(directory);
  if (!entries.ok()) return out;
  for (const os::DirEntry& entry : *entries) {
    if (entry.type != 4 /* DT_DIR */) continue;
    ASSIGN_OR_RETURN(const std::vector<int> below, ProcessesBelow(directory + "/" + entry.name));
    out.insert(out.end(), below.begin(), below.end());
  }
  return out;
}

void Pause(int millis) { (void)poll(nullptr, 0, millis); }

}  // namespace

Status KillDirectory(const std::string& directory) {
  if (!os::Exists(directory)) return base::Ok();
  if (os::WriteControl(AT_FDCWD, directory + "/cgroup.kill", "1").ok()) return base::Ok();
  // Without cgroup.kill processes may fork while we go through the list: again until a round finds none, bounded.
  for (int round = 0; round < 100; ++round) {
    ASSIGN_OR_RETURN(const std::vector<int> pids, ProcessesBelow(directory));
    if (pids.empty()) return base::Ok();
    for (const int pid : pids) (void)kill(pid, SIGKILL);
    Pause(round < 10 ? 1 : 20);
  }
  return base::DeadlineExceeded("processes in '{}' do not die", directory);
}

Status RemoveDirectory(const std::string& directory, std::chrono::milliseconds patience) {
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return base::Ok();
  if (const Result<std::vector<os::DirEntry>> entries = os::ListDir(directory); entries.ok()) {
    for (const os::DirEntry& entry : *entries) {
      if (entry.type == 4) RETURN_IF_ERROR(RemoveDirectory(directory + "/" + entry.name, patience));
    }
  }
  const base::SteadyTime deadline = base::SystemClock().Steady() + patience;
  for (int wait = 0;; wait = std::min(wait + 1, 20)) {
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return base::Ok();
    if (errno != EBUSY || base::SystemClock().Steady() > deadline) return Error::FromErrno(errno, "remove cgroup '{}'", directory);
    Pause(wait);
  }
}

Status Group::Kill() const {
  // The unified tree has cgroup.kill on every layout that has it at all; a v1 hierarchy is the fallback.
  for (const std::string& directory : {UnifiedDirectory(), MemoryDirectory()}) {
    if (!directory.empty() && os::Exists(directory)) return KillDirectory(directory);
  }
  return base::Ok();
}

Result<std::vector<int>> Group::Processes() const {
  const std::string directory = layout_.unified.empty() ? MemoryDirectory() : UnifiedDirectory();
  return ProcessesBelow(directory);
}

Status Group::Freeze(bool on) const {
  if (layout_.v2) return os::WriteControl(AT_FDCWD, UnifiedDirectory() + "/cgroup.freeze", on ? "1" : "0");
  const auto freezer = layout_.hierarchies.find("freezer");
  if (freezer == layout_.hierarchies.end()) return base::FailedPrecondition("this machine has no freezer cgroup");
  return os::WriteControl(AT_FDCWD, freezer->second + path_ + "/freezer.state", on ? "FROZEN" : "THAWED");
}

Status Group::Remove(std::chrono::milliseconds patience) const {
  RETURN_IF_ERROR(Kill());
  for (const std::string& directory : AllDirectories()) RETURN_IF_ERROR(RemoveDirectory(directory, patience));
  return base::Ok();
}

std::optional<uint64_t> ReadOomKills(const std::string& memory_directory) {
  for (const char* file : {"/memory.events", "/memory.oom_control"}) {
    const Result<std::string> text = os::ReadFile(memory_directory + file, 65536);
    if (!text.ok()) continue;
    for (const std::string_view line : base::Split(*text, '\n')) {
      if (line.starts_with("oom_kill ")) return base::ParseUint64(line.substr(9));
    }
  }
  return std::nullopt;
}

}  // namespace keelson::cgroup
