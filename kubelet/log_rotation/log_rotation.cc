// SPDX-License-Identifier: Apache-2.0
#include "kubelet/log_rotation/log_rotation.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>
#include <set>
#include <string_view>

#include "kubelet/log_rotation/gzip.h"
#include "lib/base/fail_point.h"
#include "lib/os/files.h"

namespace keelson::log_rotation {
namespace {

constexpr std::string_view kCompressed = ".gz";
constexpr std::string_view kUnfinished = ".tmp";
constexpr size_t kStampLength = 15;  // 20260102-030405

std::string Stamp(time_t seconds) {
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<time_t> ParseStamp(std::string_view text) {
  if (text.size() != kStampLength || text[8] != '-') return std::nullopt;
  int digits[kStampLength] = {};
  for (size_t i = 0; i < kStampLength; ++i) {
    if (i == 8) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    digits[i] = text[i] - '0';
  }
  const auto two = [&](size_t at) { return digits[at] * 10 + digits[at + 1]; };
  std::tm parts{};
  parts.tm_year = two(0) * 100 + two(2) - 1900;
  parts.tm_mon = two(4) - 1;
  parts.tm_mday = two(6);
  parts.tm_hour = two(9);
  parts.tm_min = two(11);
  parts.tm_sec = two(13);
  const time_t seconds = timegm(&parts);
  if (Stamp(seconds) != text) return std::nullopt;  // a thirteenth month
  return seconds;
}

// Removes the file again unless it was finished.
struct Unfinished {
  int directory;
  const std::string& name;
  bool keep = false;
  ~Unfinished() {
    if (!keep) unlinkat(directory, name.c_str(), 0);
  }
};

base::Status Remove(int directory, const std::string& name) {
  if (unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT)
    return base::Error::FromErrno(errno, "unlink {}", name);
  return base::Ok();
}

base::Status Compress(int directory, const std::string& name) {
  ASSIGN_OR_RETURN(const os::UniqueFd from,
                   os::OpenAt(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (fstat(from.get(), &status) != 0) return base::Error::FromErrno(errno, "stat {}", name);
  if (!S_ISREG(status.st_mode)) return base::FailedPrecondition("'{}' is not a regular file", name);
  const std::string unfinished = name + std::string(kUnfinished);
  RETURN_IF_ERROR(Remove(directory, unfinished));
  ASSIGN_OR_RETURN(const os::UniqueFd to,
                   os::OpenAt(directory, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                              status.st_mode & 0777));
  Unfinished file{directory, unfinished};
  RETURN_IF_ERROR(Gzip(from.get(), to.get()).WithContext("compress " + name));
  // Readers of the earlier file and of the compressed one are the same people.
  if (fchown(to.get(), status.st_uid, status.st_gid) != 0)
    return base::Error::FromErrno(errno, "chown {}", unfinished);
  if (fchmod(to.get(), status.st_mode & 0777) != 0)
    return base::Error::FromErrno(errno, "chmod {}", unfinished);
  FAIL_POINT("kubelet.rotate.compressed");
  const std::string finished = name + std::string(kCompressed);
  if (renameat(directory, unfinished.c_str(), directory, finished.c_str()) != 0) {
    return base::Error::FromErrno(errno, "rename {} to {}", unfinished, finished);
  }
  FAIL_POINT("kubelet.rotate.compressed_named");
  file.keep = true;
  return Remove(directory, name);
}

base::Status TurnOver(int directory, const std::string& log, const std::string& earlier,
                      const std::function<base::Status()>& reopen) {
  if (renameat2(directory, log.c_str(), directory, earlier.c_str(), RENAME_NOREPLACE) != 0) {
    return base::Error::FromErrno(errno, "rename {} to {}", log, earlier);
  }
  FAIL_POINT("kubelet.rotate.renamed");
  base::Status reopened = reopen();
  FAIL_POINT("kubelet.rotate.reopened");
  if (reopened.ok()) return reopened;
  // Not over a new file: then the runtime did open one before it failed, and writes there.
  if (renameat2(directory, earlier.c_str(), directory, log.c_str(), RENAME_NOREPLACE) != 0 &&
      errno != EEXIST) {
    return reopened.error().WithContext(
        base::Error::FromErrno(errno, "rename {} back", earlier).message());
  }
  return reopened.error().WithContext("reopen " + log);
}

}  // namespace

Plan PlanRotation(const std::string& log, int64_t size, const std::vector<std::string>& files,
                  int64_t now_wall_nanos, const Limits& limits) {
  Plan plan;
  if (limits.max_bytes <= 0 || size < limits.max_bytes) return plan;
  const std::set<std::string> here(files.begin(), files.end());
  const std::string prefix = log + ".";
  time_t stamp = static_cast<time_t>(now_wall_nanos / 1'000'000'000);
  std::vector<std::string> earlier;  // oldest first, as `here` is sorted
  for (const std::string& name : here) {
    if (!name.starts_with(prefix)) continue;
    const std::optional<time_t> at =
        ParseStamp(std::string_view(name).substr(prefix.size(), kStampLength));
    if (!at) continue;  // another's file
    const std::string_view ending = std::string_view(name).substr(prefix.size() + kStampLength);
    if (ending == kUnfinished ||
        (ending.empty() && here.contains(name + std::string(kCompressed)))) {
      plan.remove.push_back(name);
    } else if (ending.empty() || ending == kCompressed) {
      earlier.push_back(name);
    } else {
      continue;
    }
    // Never the name of a file that is there, and later than all of them even if the clock went
    // back: the order tells the age.
    stamp = std::max(stamp, *at + 1);
  }
  // With the current file and the one that it becomes now, `max_files` in all.
  const size_t kept = static_cast<size_t>(std::max(limits.max_files - 2, 0));
  const size_t surplus = earlier.size() > kept ? earlier.size() - kept : 0;
  plan.remove.insert(plan.remove.end(), earlier.begin(),
                     earlier.begin() + static_cast<std::ptrdiff_t>(surplus));
  for (size_t i = surplus; i < earlier.size(); ++i) {
    if (!earlier[i].ends_with(kCompressed)) plan.compress.push_back(earlier[i]);
  }
  plan.rename_to = prefix + Stamp(stamp);
  return plan;
}

base::Status Rotate(const std::string& log_path, int64_t now_wall_nanos, const Limits& limits,
                    const std::function<base::Status()>& reopen) {
  const size_t slash = log_path.rfind('/');
  if (slash == std::string::npos || slash + 1 == log_path.size())
    return base::InvalidArgument("log path '{}' names no file", log_path);
  const std::string log = log_path.substr(slash + 1);
  ASSIGN_OR_RETURN(const os::UniqueFd directory,
                   os::Open(log_path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY));
  struct stat status{};
  if (fstatat(directory.get(), log.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    // An earlier turn ended between renaming and opening anew, or somebody removed the file: the
    // runtime writes where nobody looks.
    if (errno == ENOENT) return reopen().WithContext("reopen " + log_path);
    return base::Error::FromErrno(errno, "stat {}", log_path);
  }
  if (!S_ISREG(status.st_mode))
    return base::FailedPrecondition("log '{}' is not a regular file", log_path);
  if (limits.max_bytes <= 0 || status.st_size < limits.max_bytes) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(directory.get()));
  std::vector<std::string> files;
  for (const os::DirEntry& entry : entries) files.push_back(entry.name);
  const Plan plan = PlanRotation(log, status.st_size, files, now_wall_nanos, limits);
  // The surplus goes first and what is written to comes before what is only made smaller: a full
  // disk must not keep the current file growing.
  for (const std::string& name : plan.remove) RETURN_IF_ERROR(Remove(directory.get(), name));
  RETURN_IF_ERROR(TurnOver(directory.get(), log, plan.rename_to, reopen));
  base::Status compressed = base::Ok();
  for (const std::string& name : plan.compress) {
    base::Status done = Compress(directory.get(), name);
    if (!done.ok() && compressed.ok()) compressed = std::move(done);
  }
  return compressed;
}

}  // namespace keelson::log_rotation
