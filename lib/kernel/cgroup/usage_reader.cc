// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/usage.h"
#include "lib/os/files.h"

namespace keelson::cgroup {

namespace {

constexpr size_t kMostBytes = 65536;
constexpr size_t kMostPids = 256;  // that are named; all are counted
constexpr int kDeepest = 8;        // of groups that a container made for itself
constexpr int kMostGroups = 256;   // of them
constexpr size_t kMostSizes = 8;   // of huge pages
constexpr uint64_t kHugeLimit = uint64_t{1} << 62;

// One pread(2) at the file's begin, more only for long texts; the kernel makes the text anew each
// time. Nothing on an error, which is in errno.
std::optional<std::string_view> ReadInto(int fd, std::string& buffer) {
  if (buffer.size() < 4096) buffer.resize(4096);
  size_t length = 0;
  for (;;) {
    const ssize_t got =
        pread(fd, buffer.data() + length, buffer.size() - length, static_cast<off_t>(length));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    length += static_cast<size_t>(got);
    // A short answer may end at a page's or a record's border: only an empty one is the end, but
    // texts below half the buffer are whole.
    if (got == 0 || length < 2048) break;
    if (length == buffer.size()) {
      if (length >= kMostBytes) break;
      buffer.resize(buffer.size() * 2);
    }
  }
  return std::string_view(buffer.data(), length);
}

void CountPids(std::string_view text, uint64_t& count, std::vector<int>* pids) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const std::optional<uint64_t> pid = base::ParseUint64(text.substr(0, end))) {
      ++count;
      if (pids != nullptr && *pid > 0 && *pid < (1u << 30) && pids->size() < kMostPids)
        pids->push_back(static_cast<int>(*pid));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool HasGroupsBelow(const std::string& directory) {
  struct stat info{};
  return stat(directory.c_str(), &info) == 0 && info.st_nlink > 2;
}

void CountBelow(const std::string& directory, int depth, int& left, uint64_t& count,
                std::vector<int>* pids) {
  if (depth > kDeepest || !HasGroupsBelow(directory)) return;
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(directory);
  if (!entries.ok()) return;
  for (const os::DirEntry& entry : *entries) {
    if (entry.type != DT_DIR || --left < 0) continue;
    const std::string below = directory + "/" + entry.name;
    if (const base::Result<std::string> text = os::ReadFile(below + "/cgroup.procs"); text.ok())
      CountPids(*text, count, pids);
    CountBelow(below, depth + 1, left, count, pids);
  }
}

}  // namespace

UsageReader::UsageReader(const Layout& layout, const std::string& path, DescriptorBudget& budget,
                         const base::Clock& clock)
    : layout_(layout), path_(path), budget_(budget), clock_(clock) {}

UsageReader::~UsageReader() { budget_.Return(held_); }

UsageReader::File UsageReader::Make(const std::string& controller, const std::string& name) const {
  File file;
  file.name = name;
  if (controller.empty() || layout_.v2) {
    file.directory = layout_.unified.empty() ? "" : layout_.unified + path_;
  } else if (const auto found = layout_.hierarchies.find(controller);
             found != layout_.hierarchies.end()) {
    file.directory = found->second + path_;
  }
  file.absent = file.directory.empty();
  return file;
}

std::optional<std::string_view> UsageReader::Get(File& file) {
  if (file.absent) return std::nullopt;
  os::UniqueFd once;
  int fd = file.fd.get();
  if (!file.fd) {
    base::Result<os::UniqueFd> opened = os::Open(file.directory + "/" + file.name, O_RDONLY);
    if (!opened.ok()) {
      // A group that is there lacks the file for good; one that is not never comes back.
      if (opened.error().os_errno() == ENOENT || opened.error().os_errno() == EOPNOTSUPP) {
        file.absent = true;
        if (!os::Exists(file.directory)) gone_ = true;
      }
      return std::nullopt;
    }
    once = std::move(*opened);
    fd = once.get();
  }
  const std::optional<std::string_view> text = ReadInto(fd, buffer_);
  if (!text) {
    if (errno == ENODEV) gone_ = true;            // kernfs: its group was removed
    if (errno == EOPNOTSUPP) file.absent = true;  // e.g. pressure where it is switched off
    return std::nullopt;
  }
  if (once && file.keep && budget_.Take()) {
    file.fd = std::move(once);
    ++held_;
  }
  any_ = true;
  return text;
}

std::optional<uint64_t> UsageReader::Number(File& file) {
  const std::optional<std::string_view> text = Get(file);
  return text ? ParseNumber(*text) : std::nullopt;
}

void UsageReader::ReadV1(Detail detail, Usage& usage) {
  const auto file = [this](const char* controller, const char* name) -> File& {
    const auto found = files_.find(name);
    return found != files_.end() ? found->second
                                 : files_.emplace(name, Make(controller, name)).first->second;
  };
  if (const auto total = Number(file("cpuacct", "cpuacct.usage"))) {
    usage.cpu_at = clock_.Steady().time_since_epoch().count();
    usage.cpu.emplace().total_ns = *total;
  }
  if (const auto used = Number(file("memory", "memory.usage_in_bytes"))) {
    usage.memory.emplace().usage = *used;
    if (const auto text = Get(file("memory", "memory.stat")))
      ParseMemoryStatV1(*text, *usage.memory);
  }
  if (detail != Detail::kAll) return;
  if (usage.cpu) {
    static const auto ticks = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
    if (const auto text = Get(file("cpuacct", "cpuacct.stat")))
      ParseCpuacctStat(*text, ticks, *usage.cpu);
    if (const auto text = Get(file("cpu", "cpu.stat"))) ParseCpuStatV1(*text, *usage.cpu);
  }
  usage.cpu_shares = Number(file("cpu", "cpu.shares")).value_or(0);
  usage.cpu_period_us = Number(file("cpu", "cpu.cfs_period_us")).value_or(0);
  usage.cpu_quota_us = Number(file("cpu", "cpu.cfs_quota_us"));  // "-1" is no number
  if (usage.memory) {
    MemoryUsage& memory = *usage.memory;
    memory.kernel = Number(file("memory", "memory.kmem.usage_in_bytes")).value_or(memory.kernel);
    memory.max_usage = Number(file("memory", "memory.max_usage_in_bytes")).value_or(0);
    memory.limit_hits = Number(file("memory", "memory.failcnt")).value_or(0);
    memory.reservation = Number(file("memory", "memory.soft_limit_in_bytes"));
    if (memory.reservation && *memory.reservation >= kHugeLimit) memory.reservation.reset();
    if (const auto text = Get(file("memory", "memory.oom_control")))
      ParseMemoryEvents(*text, memory);  // has an "oom_kill" line of the same form
  }
  if (const auto text = Get(file("blkio", "blkio.throttle.io_service_bytes_recursive")))
    ParseThrottleV1(*text, true, usage.io);
  if (const auto text = Get(file("blkio", "blkio.throttle.io_serviced_recursive")))
    ParseThrottleV1(*text, false, usage.io);
  usage.threads = Number(file("pids", "pids.current"));
  usage.threads_limit = Number(file("pids", "pids.max"));
}

void UsageReader::ReadV2(Detail detail, Usage& usage) {
  const auto file = [this](const char* name) -> File& {
    const auto found = files_.find(name);
    return found != files_.end() ? found->second
                                 : files_.emplace(name, Make("", name)).first->second;
  };
  if (const auto text = Get(file("cpu.stat"))) {
    usage.cpu_at = clock_.Steady().time_since_epoch().count();
    ParseCpuStatV2(*text, usage.cpu.emplace());
  }
  if (const auto used = Number(file("memory.current"))) {
    MemoryUsage& memory = usage.memory.emplace();
    memory.usage = *used;
    if (const auto text = Get(file("memory.stat"))) ParseMemoryStatV2(*text, memory);
    memory.limit = Number(file("memory.max"));
    memory.swap = Number(file("memory.swap.current"));
    if (memory.swap) memory.swap_limit = Number(file("memory.swap.max"));
  }
  if (detail != Detail::kAll) return;
  usage.cpu_shares = Number(file("cpu.weight")).value_or(0);
  if (usage.cpu_shares != 0) usage.cpu_shares = WeightToShares(usage.cpu_shares);
  if (const auto text = Get(file("cpu.max"))) ParseCpuMax(*text, usage);
  if (usage.memory) {
    usage.memory->max_usage = Number(file("memory.peak")).value_or(0);
    usage.memory->reservation = Number(file("memory.low"));
    if (const auto text = Get(file("memory.events"))) ParseMemoryEvents(*text, *usage.memory);
  }
  if (const auto text = Get(file("io.stat"))) ParseIoStatV2(*text, usage.io);
  usage.threads = Number(file("pids.current"));
  usage.threads_limit = Number(file("pids.max"));
}

void UsageReader::ReadProcesses(Detail detail, Usage& usage) {
  static constexpr char kName[] = "cgroup.procs";
  auto found = files_.find(kName);
  if (found == files_.end()) {
    File file = Make("pids", kName);
    if (file.absent) file = Make("memory", kName);
    // v1 makes the list when the file is opened and gives the same one to who reads it each second.
    file.keep = layout_.v2;
    found = files_.emplace(kName, std::move(file)).first;
  }
  const std::optional<std::string_view> text = Get(found->second);
  if (!text) return;
  uint64_t count = 0;
  std::vector<int>* const pids = detail == Detail::kAll ? &usage.pids : nullptr;
  CountPids(*text, count, pids);
  int left = kMostGroups;
  CountBelow(found->second.directory, 1, left, count, pids);
  usage.processes = count;
}

// The sizes are those that the kernel has files for: "hugetlb.2MB.current".
void UsageReader::ReadHugePages(Usage& usage) {
  const File group = Make("hugetlb", "");
  if (group.absent) return;
  const std::string suffix = layout_.v2 ? ".current" : ".usage_in_bytes";
  const base::Result<std::vector<os::DirEntry>> sizes = os::ListDir("/sys/kernel/mm/hugepages");
  if (!sizes.ok()) return;
  for (const os::DirEntry& entry : *sizes) {
    if (usage.huge_pages.size() >= kMostSizes) return;
    std::string_view kilobytes = entry.name;
    if (!kilobytes.starts_with("hugepages-") || !kilobytes.ends_with("kB")) continue;
    kilobytes.remove_prefix(10);
    kilobytes.remove_suffix(2);
    const uint64_t size = base::ParseUint64(kilobytes).value_or(0);
    const std::string name = size >= (1u << 20)   ? std::to_string(size >> 20) + "GB"
                             : size >= (1u << 10) ? std::to_string(size >> 10) + "MB"
                                                  : std::to_string(size) + "KB";
    const auto value = [&](const std::string& end) -> std::optional<uint64_t> {
      const base::Result<std::string> text =
          os::ReadFile(group.directory + "/hugetlb." + name + end, kMostBytes);
      return text.ok() ? ParseNumber(*text) : std::nullopt;
    };
    const std::optional<uint64_t> now = value(suffix);
    if (!now) continue;
    HugePages& pages = usage.huge_pages[name];
    pages.usage = *now;
    if (!layout_.v2) pages.max_usage = value(".max_usage_in_bytes").value_or(0);
  }
}

base::Result<Usage> UsageReader::Read(Detail detail) {
  if (gone_) return base::NotFound("cgroup '{}' is gone", path_);
  Usage usage;
  any_ = false;
  if (layout_.v2) {
    ReadV2(detail, usage);
  } else {
    ReadV1(detail, usage);
  }
  if (!gone_ && detail != Detail::kTotals) ReadProcesses(detail, usage);
  for (const auto& [name, into] : {std::pair{"cpu.pressure", &usage.cpu_pressure},
                                   std::pair{"memory.pressure", &usage.memory_pressure},
                                   std::pair{"io.pressure", &usage.io_pressure}}) {
    if (gone_) break;
    auto found = files_.find(name);
    if (found == files_.end()) found = files_.emplace(name, Make("", name)).first;
    if (const std::optional<std::string_view> text = Get(found->second))
      *into = ParsePressure(*text);
  }
  if (!gone_ && detail == Detail::kAll) ReadHugePages(usage);
  if (gone_) {
    files_.clear();
    budget_.Return(held_);
    held_ = 0;
    return base::NotFound("cgroup '{}' is gone", path_);
  }
  if (!any_) return base::Unavailable("nothing of cgroup '{}' can be read", path_);
  usage.read_at = clock_.WallNanos();
  return usage;
}

}  // namespace keelson::cgroup
