// SPDX-License-Identifier: Apache-2.0
// What a group has used, on both layouts: pure parsers of the kernel's files and UsageReader, which
// keeps the files of one group open between readings (a reading is then one pread(2) a file) within
// a budget of descriptors that all readers share. A group that ends makes readings fail and nothing
// else. A reader has one caller at a time. Sources: Documentation/admin-guide/cgroup-{v1,v2},
// Documentation/accounting/psi.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/unique_fd.h"

namespace keelson::cgroup {

struct CpuUsage {
  uint64_t total_ns = 0;
  uint64_t user_ns = 0;
  uint64_t system_ns = 0;
  uint64_t periods = 0;  // of the quota
  uint64_t throttled_periods = 0;
  uint64_t throttled_ns = 0;
};

struct MemoryUsage {
  uint64_t usage = 0;
  uint64_t anonymous = 0;  // rss
  uint64_t cache = 0;
  uint64_t mapped_file = 0;
  uint64_t active_file = 0;
  uint64_t inactive_file = 0;
  uint64_t kernel = 0;
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  uint64_t own_page_faults = 0;  // without the groups below
  uint64_t own_major_page_faults = 0;
  uint64_t max_usage = 0;
  uint64_t limit_hits = 0;              // failcnt
  std::optional<uint64_t> limit;        // none: unlimited
  std::optional<uint64_t> swap;         // none: not accounted
  std::optional<uint64_t> swap_limit;   // of swap alone; none: unlimited
  std::optional<uint64_t> reservation;  // soft limit or memory.low
  uint64_t oom_kills = 0;
  // What cannot be had back at once; the kernel's counters are read one after the other, so never
  // below zero.
  uint64_t WorkingSet() const { return usage > inactive_file ? usage - inactive_file : 0; }
};

struct DeviceIo {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t read_bytes = 0;
  uint64_t write_bytes = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
  bool operator==(const DeviceIo&) const = default;
};

struct PressureLine {
  double avg10 = 0;
  double avg60 = 0;
  double avg300 = 0;
  uint64_t total_us = 0;
};
struct Pressure {
  PressureLine some;
  PressureLine full;
};

struct HugePages {
  uint64_t usage = 0;
  uint64_t max_usage = 0;
};

struct Usage {
  int64_t read_at = 0;  // wall nanoseconds
  int64_t cpu_at = 0;   // steady nanoseconds of the reading of `cpu`
  std::optional<CpuUsage> cpu;
  std::optional<MemoryUsage> memory;
  std::optional<uint64_t> processes;  // with those of groups below
  std::optional<Pressure> cpu_pressure, memory_pressure, io_pressure;
  // Only with Detail::kAll:
  std::vector<DeviceIo> io;
  std::optional<uint64_t> threads;
  std::optional<uint64_t> threads_limit;
  std::map<std::string, HugePages> huge_pages;  // by the kernel's name of the size: "2MB"
  std::vector<int> pids;                        // the first ones
  uint64_t cpu_shares = 0;                      // v2: from the weight
  uint64_t cpu_period_us = 0;
  std::optional<int64_t> cpu_quota_us;  // none: no quota
};

// --- parsers. They add what the text says and pass over what they do not know; at most 64 KiB.
void ParseCpuStatV1(std::string_view text, CpuUsage& cpu);  // cpu.stat of the quota
void ParseCpuacctStat(std::string_view text, uint64_t ticks_per_second, CpuUsage& cpu);
void ParseCpuStatV2(std::string_view text, CpuUsage& cpu);
void ParseMemoryStatV1(std::string_view text, MemoryUsage& memory);
void ParseMemoryStatV2(std::string_view text, MemoryUsage& memory);
void ParseMemoryEvents(std::string_view text, MemoryUsage& memory);
// Two files of v1: bytes and operations.
void ParseThrottleV1(std::string_view text, bool bytes, std::vector<DeviceIo>& io);
void ParseIoStatV2(std::string_view text, std::vector<DeviceIo>& io);
std::optional<Pressure> ParsePressure(std::string_view text);
std::optional<uint64_t> ParseNumber(std::string_view text);  // none for "max"
void ParseCpuMax(std::string_view text, Usage& usage);
// 1…10000 → 2…262144, the inverse of SharesToWeight.
uint64_t WeightToShares(uint64_t weight);
// The least shares that mean this weight.
int64_t LeastShares(uint64_t weight);

// Descriptors that may stay open; shared by readers. Any thread.
class DescriptorBudget {
 public:
  explicit DescriptorBudget(int most) : left_(most) {}
  bool Take() {
    if (left_.fetch_sub(1) > 0) return true;
    left_.fetch_add(1);
    return false;
  }
  void Return(int count) { left_.fetch_add(count); }
  int left() const { return left_.load(); }

 private:
  std::atomic<int> left_;
};

enum class Detail {
  kTotals,  // without the processes
  kBasic,
  kAll
};

class UsageReader {
 public:
  // Budget and clock must outlive the reader.
  UsageReader(const Layout& layout, const std::string& path, DescriptorBudget& budget,
              const base::Clock& clock);
  ~UsageReader();
  UsageReader(const UsageReader&) = delete;
  UsageReader& operator=(const UsageReader&) = delete;

  // NotFound when the group is gone (for good: a new group of that name is a new reader's). What
  // the kernel does not count is left out.
  base::Result<Usage> Read(Detail detail);

 private:
  struct File {
    std::string directory;
    std::string name;
    os::UniqueFd fd;
    bool absent = false;
    bool keep = true;  // open between readings
  };
  // The text of a file in the buffer, nothing when the kernel does not have it.
  std::optional<std::string_view> Get(File& file);
  std::optional<uint64_t> Number(File& file);
  File Make(const std::string& controller, const std::string& name) const;
  void ReadV1(Detail detail, Usage& usage);
  void ReadV2(Detail detail, Usage& usage);
  void ReadProcesses(Detail detail, Usage& usage);
  void ReadHugePages(Usage& usage);

  const Layout layout_;
  const std::string path_;
  DescriptorBudget& budget_;
  const base::Clock& clock_;
  std::map<std::string, File> files_;  // by name, made when first wanted
  int held_ = 0;                       // of the budget
  bool gone_ = false;
  bool any_ = false;  // something could be read this time
  std::string buffer_;
};

}  // namespace keelson::cgroup
