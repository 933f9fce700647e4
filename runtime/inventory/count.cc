// SPDX-License-Identifier: Apache-2.0
#include "runtime/inventory/count.h"

#include <sys/stat.h>

#include "runtime/stats/disk_usage.h"

namespace keelson::inventory {

uint64_t TakenBy(const std::string& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) return 0;
  if (!S_ISDIR(info.st_mode)) return static_cast<uint64_t>(info.st_blocks) * 512;
  const auto counted = stats::CountDisk(path, {}, [] { return true; });
  return counted.ok() ? counted->bytes : 0;
}

}  // namespace keelson::inventory
