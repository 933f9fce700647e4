// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/pressure.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::node {
namespace {

using eviction::Observation;
using eviction::Signal;

int64_t Number(std::string_view text) {
  const auto number = base::ParseUint64(base::Trim(text));
  return number ? static_cast<int64_t>(*number) : -1;
}

// "MemAvailable:   123 kB" in bytes; -1: it is not told.
int64_t MemoryOf(std::string_view meminfo, std::string_view key) {
  for (std::string_view line : base::Split(meminfo, '\n')) {
    constexpr std::string_view kUnit = " kB";
    if (!line.starts_with(key) || !line.ends_with(kUnit)) continue;
    line.remove_prefix(key.size());
    line.remove_suffix(kUnit.size());
    const int64_t kilobytes = Number(line);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
  }
  return -1;
}

// "0.1 0.2 0.3 2/345 6789": threads that there are
int64_t Threads() {
  const std::string text = os::ReadFile("/proc/loadavg").ValueOr("");
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return -1;
  return Number(std::string_view(text).substr(slash + 1, text.find(' ', slash) - slash - 1));
}
int64_t ThreadsAtMost() {
  const int64_t ids = Number(os::ReadFile("/proc/sys/kernel/pid_max").ValueOr(""));
  const int64_t threads = Number(os::ReadFile("/proc/sys/kernel/threads-max").ValueOr(""));
  return threads < 0 ? ids : std::min(ids, threads);
}

void AddDisk(const std::string& path, Signal bytes, Signal inodes, eviction::Observations& left) {
  struct statvfs disk{};
  if (path.empty() || statvfs(path.c_str(), &disk) != 0) return;
  const auto unit = static_cast<int64_t>(disk.f_frsize);
  left[bytes] = {static_cast<int64_t>(disk.f_bavail) * unit,
                 static_cast<int64_t>(disk.f_blocks) * unit};
  // Some have no fixed number of them.
  if (disk.f_files > 0)
    left[inodes] = {static_cast<int64_t>(disk.f_favail), static_cast<int64_t>(disk.f_files)};
}

}  // namespace

Supply LookAtSupply(const std::string& root_dir, const std::string& images) {
  Supply supply;
  const std::string meminfo = os::ReadFile("/proc/meminfo").ValueOr("");
  const Observation memory{MemoryOf(meminfo, "MemAvailable:"), MemoryOf(meminfo, "MemTotal:")};
  if (memory.available >= 0 && memory.capacity > 0) supply.left[Signal::kMemory] = memory;
  AddDisk(root_dir, Signal::kNodeDisk, Signal::kNodeInodes, supply.left);
  AddDisk(images, Signal::kImageDisk, Signal::kImageInodes, supply.left);
  struct stat of_root{}, of_images{};
  supply.images_apart = !images.empty() && stat(root_dir.c_str(), &of_root) == 0 &&
                        stat(images.c_str(), &of_images) == 0 && of_root.st_dev != of_images.st_dev;
  const int64_t threads = Threads(), at_most = ThreadsAtMost();
  if (threads >= 0 && at_most > 0)
    supply.left[Signal::kPids] = {std::max<int64_t>(0, at_most - threads), at_most};
  return supply;
}

}  // namespace keelson::node
