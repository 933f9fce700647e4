// SPDX-License-Identifier: Apache-2.0
#include "lib/meter/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::meter {
namespace {

using Reads = std::vector<Registry::Read>;

// Fields of /proc/self/stat from the third one on: the name before may hold anything.
double Stat(size_t field) {
  const base::Result<std::string> text = os::ReadFile("/proc/self/stat");
  if (!text.ok()) return 0;
  const size_t end = text->rfind(')');
  if (end == std::string::npos || end + 2 > text->size()) return 0;
  const std::string rest = text->substr(end + 2);
  const std::vector<std::string_view> fields = base::Split(std::string_view(rest), ' ');
  return field - 3 < fields.size() ? std::strtod(std::string(fields[field - 3]).c_str(), nullptr)
                                   : 0;
}

double BootTime() {
  const base::Result<std::string> text = os::ReadFile("/proc/stat");
  if (!text.ok()) return 0;
  const size_t at = text->find("\nbtime ");
  return at == std::string::npos ? 0 : std::strtod(text->c_str() + at + 7, nullptr);
}

double OpenFiles() {
  DIR* dir = opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  double count = 0;
  while (const dirent* entry = readdir(dir))
    if (entry->d_name[0] != '.') ++count;
  closedir(dir);
  return count - 1;  // the folder's own
}

}  // namespace

void AddProcess(Registry& registry) {
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const double started = BootTime() + Stat(22) / ticks;
  registry.ReadCounters("process_cpu_seconds_total", "Processor time used, in seconds.", {},
                        [ticks] { return Reads{{{}, (Stat(14) + Stat(15)) / ticks}}; });
  registry.ReadGauges("process_resident_memory_bytes", "Memory in use, in bytes.", {},
                      [page] { return Reads{{{}, Stat(24) * page}}; });
  registry.ReadGauges("process_virtual_memory_bytes", "Address space in use, in bytes.", {},
                      [] { return Reads{{{}, Stat(23)}}; });
  registry.ReadGauges("process_start_time_seconds", "When the process began, since the epoch.", {},
                      [started] { return Reads{{{}, started}}; });
  registry.ReadGauges("process_open_fds", "Descriptors that are open.", {},
                      [] { return Reads{{{}, OpenFiles()}}; });
  registry.ReadGauges("process_max_fds", "Descriptors that may be open.", {}, [] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return Reads{{{}, static_cast<double>(limit.rlim_cur)}};
  });
}

}  // namespace keelson::meter
