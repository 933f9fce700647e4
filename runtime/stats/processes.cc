// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::stats {

namespace {

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

void CountDescriptors(int pid, uint64_t most, ProcessFigures& figures) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, DirCloser> dir(opendir(path.c_str()));
  if (!dir) return;
  uint64_t seen = 0;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] == '.') continue;
    if (++seen > most) return;
    ++figures.open_files;
    char target[16];
    const ssize_t length = readlinkat(dirfd(dir.get()), entry->d_name, target, sizeof target);
    if (length > 0 && std::string_view(target, static_cast<size_t>(length)).starts_with("socket:["))
      ++figures.sockets;
  }
}

}  // namespace

std::optional<uint64_t> ParseOpenFilesLimit(std::string_view limits) {
  static constexpr std::string_view kName = "Max open files";
  for (const std::string_view line : base::Split(limits.substr(0, 16384), '\n')) {
    if (!line.starts_with(kName)) continue;
    const std::string_view rest = base::Trim(line.substr(kName.size()));
    return base::ParseUint64(rest.substr(0, rest.find(' ')));
  }
  return std::nullopt;
}

ProcessFigures ReadProcesses(const std::vector<int>& pids, int first, uint64_t most) {
  ProcessFigures figures;
  for (const int pid : pids) CountDescriptors(pid, most, figures);
  if (first > 0) {
    const base::Result<std::string> limits =
        os::ReadFile("/proc/" + std::to_string(first) + "/limits", 16384);
    if (limits.ok()) figures.most_open_files = ParseOpenFilesLimit(*limits);
  }
  return figures;
}

}  // namespace keelson::stats
