// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"

namespace keelson::cgroup {

using base::Error;
using base::Result;
using base::Status;

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
    if (text.error().os_errno() == ENOENT || text.error().os_errno() == ENODEV)
      return std::vector<int>();
    return text.error();
  }
  std::vector<int> out;
  for (const std::string_view line : base::Split(*text, '\n')) {
    if (const std::optional<uint64_t> pid = base::ParseUint64(line); pid && *pid > 0)
      out.push_back(static_cast<int>(*pid));
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

// cgroup.events is a file to poll: the kernel says when the last process has gone.
void WaitUntilEmpty(const std::string& directory, std::chrono::milliseconds patience) {
  const Result<os::UniqueFd> events = os::Open(directory + "/cgroup.events", O_RDONLY);
  if (!events.ok()) return;
  const base::SteadyTime deadline = base::SystemClock().Steady() + patience;
  while (true) {
    char text[256];
    const ssize_t n = pread(events->get(), text, sizeof text, 0);
    if (n <= 0 || std::string_view(text, static_cast<size_t>(n)).find("populated 1") ==
                      std::string_view::npos)
      return;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - base::SystemClock().Steady());
    if (left.count() <= 0) return;  // rmdir will say what is wrong
    pollfd wait{events->get(), POLLPRI, 0};
    (void)poll(&wait, 1, static_cast<int>(std::min<int64_t>(left.count(), 1000)));
  }
}

}  // namespace

Status KillDirectory(const std::string& directory) {
  if (!os::Exists(directory)) return base::Ok();
  if (os::WriteControl(AT_FDCWD, directory + "/cgroup.kill", "1").ok()) return base::Ok();
  // Without cgroup.kill processes may fork while we go through the list: again until a round finds
  // none, bounded.
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
    if (errno != EBUSY || base::SystemClock().Steady() > deadline)
      return Error::FromErrno(errno, "remove cgroup '{}'", directory);
    Pause(wait);
  }
}

Status Group::Kill() const {
  // The unified tree has cgroup.kill on every layout that has it at all; a v1 hierarchy is the
  // fallback.
  for (const std::string& directory : {UnifiedDirectory(), MemoryDirectory()}) {
    if (directory.empty() || !os::Exists(directory)) continue;
    // v1 keeps a frozen process from dying; v2 does not.
    if (!layout_.v2) (void)Freeze(false);
    return KillDirectory(directory);
  }
  return base::Ok();
}

Result<std::vector<int>> Group::Processes() const {
  const std::string directory = layout_.unified.empty() ? MemoryDirectory() : UnifiedDirectory();
  return ProcessesBelow(directory);
}

Status Group::Remove(std::chrono::milliseconds patience) const {
  RETURN_IF_ERROR(Kill());
  if (!layout_.unified.empty()) WaitUntilEmpty(UnifiedDirectory(), patience);
  for (const std::string& directory : AllDirectories()) {
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT) continue;
    // A process that had joined this hierarchy but not yet the others.
    RETURN_IF_ERROR(KillDirectory(directory));
    RETURN_IF_ERROR(RemoveDirectory(directory, patience));
  }
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

Status Group::RemoveIfEmpty() const {
  for (const std::string& directory : AllDirectories()) {
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EBUSY)
      continue;
    return Error::FromErrno(errno, "remove cgroup '{}'", directory);
  }
  return base::Ok();
}

}  // namespace keelson::cgroup
