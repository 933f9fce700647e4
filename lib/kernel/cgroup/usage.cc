// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/cgroup/usage.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "lib/base/strings.h"

namespace keelson::cgroup {

namespace {

constexpr size_t kMostText = 65536;
constexpr size_t kMostDevices = 256;
// The kernel writes "no limit" of v1 as the greatest number of whole pages.
constexpr uint64_t kUnlimitedV1 = uint64_t{1} << 62;

// Cuts `text` after its next word; empty at the end. Words are parted by spaces and tabs.
std::string_view NextWord(std::string_view& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    text = {};
    return {};
  }
  const size_t end = std::min(text.find_first_of(" \t", begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

template <typename Line>
void ForEachLine(std::string_view text, Line line) {
  text = text.substr(0, kMostText);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

struct Field {
  std::string_view name;
  uint64_t* into;
  uint64_t scale = 1;
};

// "name value" lines, as most of the kernel's files have them.
template <size_t N>
void ParseFlat(std::string_view text, const std::array<Field, N>& fields) {
  ForEachLine(text, [&](std::string_view line) {
    const std::string_view name = NextWord(line);
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const Field& known) { return known.name == name; });
    if (field == fields.end()) return;
    if (const std::optional<uint64_t> value = base::ParseUint64(NextWord(line)))
      *field->into = *value * field->scale;
  });
}

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "254:0" → the entry of that device, made when there is none.
DeviceIo* DeviceOf(std::string_view word, std::vector<DeviceIo>& io) {
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) return nullptr;
  const std::optional<uint64_t> major = base::ParseUint64(word.substr(0, colon));
  const std::optional<uint64_t> minor = base::ParseUint64(word.substr(colon + 1));
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  if (!major || !minor || *major > kMost || *minor > kMost) return nullptr;
  for (DeviceIo& device : io) {
    if (device.major == *major && device.minor == *minor) return &device;
  }
  if (io.size() >= kMostDevices) return nullptr;
  DeviceIo device;
  device.major = static_cast<uint32_t>(*major);
  device.minor = static_cast<uint32_t>(*minor);
  io.push_back(device);
  return &io.back();
}

}  // namespace

void ParseCpuStatV1(std::string_view text, CpuUsage& cpu) {
  ParseFlat<3>(text, {{{"nr_periods", &cpu.periods},
                       {"nr_throttled", &cpu.throttled_periods},
                       {"throttled_time", &cpu.throttled_ns}}});
}

void ParseCpuacctStat(std::string_view text, uint64_t ticks_per_second, CpuUsage& cpu) {
  const uint64_t scale = 1'000'000'000 / std::max<uint64_t>(1, ticks_per_second);
  ParseFlat<2>(text, {{{"user", &cpu.user_ns, scale}, {"system", &cpu.system_ns, scale}}});
}

void ParseCpuStatV2(std::string_view text, CpuUsage& cpu) {
  ParseFlat<6>(text, {{{"usage_usec", &cpu.total_ns, 1000},
                       {"user_usec", &cpu.user_ns, 1000},
                       {"system_usec", &cpu.system_ns, 1000},
                       {"nr_periods", &cpu.periods},
                       {"nr_throttled", &cpu.throttled_periods},
                       {"throttled_usec", &cpu.throttled_ns, 1000}}});
}

void ParseMemoryStatV1(std::string_view text, MemoryUsage& memory) {
  constexpr uint64_t kAbsent = std::numeric_limits<uint64_t>::max();
  uint64_t swap = kAbsent, limit = kAbsent, both = kAbsent;
  ParseFlat<13>(text, {{{"pgfault", &memory.own_page_faults},
                        {"pgmajfault", &memory.own_major_page_faults},
                        {"hierarchical_memory_limit", &limit},
                        {"hierarchical_memsw_limit", &both},
                        {"total_cache", &memory.cache},
                        {"total_rss", &memory.anonymous},
                        {"total_mapped_file", &memory.mapped_file},
                        {"total_swap", &swap},
                        {"total_pgfault", &memory.page_faults},
                        {"total_pgmajfault", &memory.major_page_faults},
                        {"total_inactive_file", &memory.inactive_file},
                        {"total_active_file", &memory.active_file},
                        {"total_kernel", &memory.kernel}}});
  if (swap != kAbsent) memory.swap = swap;
  if (limit < kUnlimitedV1) memory.limit = limit;
  if (limit < kUnlimitedV1 && both < kUnlimitedV1)
    memory.swap_limit = both > limit ? both - limit : 0;
}

void ParseMemoryStatV2(std::string_view text, MemoryUsage& memory) {
  ParseFlat<8>(text, {{{"anon", &memory.anonymous},
                       {"file", &memory.cache},
                       {"kernel", &memory.kernel},
                       {"file_mapped", &memory.mapped_file},
                       {"inactive_file", &memory.inactive_file},
                       {"active_file", &memory.active_file},
                       {"pgfault", &memory.page_faults},
                       {"pgmajfault", &memory.major_page_faults}}});
  memory.own_page_faults = memory.page_faults;  // the kernel keeps no others
  memory.own_major_page_faults = memory.major_page_faults;
}

void ParseMemoryEvents(std::string_view text, MemoryUsage& memory) {
  ParseFlat<2>(text, {{{"max", &memory.limit_hits}, {"oom_kill", &memory.oom_kills}}});
}

void ParseThrottleV1(std::string_view text, bool bytes, std::vector<DeviceIo>& io) {
  ForEachLine(text, [&](std::string_view line) {
    const std::string_view number = NextWord(line);
    const std::string_view what = NextWord(line);
    const std::optional<uint64_t> value = base::ParseUint64(NextWord(line));
    if (!value || (what != "Read" && what != "Write")) return;
    DeviceIo* const device = DeviceOf(number, io);
    if (device == nullptr) return;
    if (what == "Read") {
      (bytes ? device->read_bytes : device->reads) = *value;
    } else {
      (bytes ? device->write_bytes : device->writes) = *value;
    }
  });
}

void ParseIoStatV2(std::string_view text, std::vector<DeviceIo>& io) {
  ForEachLine(text, [&](std::string_view line) {
    DeviceIo* const device = DeviceOf(NextWord(line), io);
    if (device == nullptr) return;
    for (std::string_view word = NextWord(line); !word.empty(); word = NextWord(line)) {
      const size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = word.substr(0, equals);
      const std::optional<uint64_t> value = base::ParseUint64(word.substr(equals + 1));
      if (!value) continue;
      if (name == "rbytes") device->read_bytes = *value;
      if (name == "wbytes") device->write_bytes = *value;
      if (name == "rios") device->reads = *value;
      if (name == "wios") device->writes = *value;
    }
  });
}

std::optional<Pressure> ParsePressure(std::string_view text) {
  std::optional<Pressure> out;
  ForEachLine(text, [&](std::string_view line) {
    const std::string_view kind = NextWord(line);
    if (kind != "some" && kind != "full") return;
    if (!out) out.emplace();
    PressureLine& into = kind == "some" ? out->some : out->full;
    for (std::string_view word = NextWord(line); !word.empty(); word = NextWord(line)) {
      const size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = word.substr(0, equals), value = word.substr(equals + 1);
      if (name == "avg10") into.avg10 = ParseDouble(value).value_or(0);
      if (name == "avg60") into.avg60 = ParseDouble(value).value_or(0);
      if (name == "avg300") into.avg300 = ParseDouble(value).value_or(0);
      if (name == "total") into.total_us = base::ParseUint64(value).value_or(0);
    }
  });
  return out;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  return base::ParseUint64(base::Trim(text.substr(0, kMostText)));
}

void ParseCpuMax(std::string_view text, Usage& usage) {
  text = base::Trim(text.substr(0, kMostText));
  const std::string_view quota = NextWord(text);
  if (quota != "max") usage.cpu_quota_us = base::ParseInt64(quota);
  usage.cpu_period_us = base::ParseUint64(NextWord(text)).value_or(0);
}

int64_t LeastShares(uint64_t weight) {
  // SharesToWeight grows.
  int64_t low = 2, high = 262144;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (SharesToWeight(middle) < weight) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

uint64_t WeightToShares(uint64_t weight) {
  weight = std::clamp<uint64_t>(weight, 1, 10000);
  // 1024 is what everybody writes for 100.
  if (SharesToWeight(1024) == weight) return 1024;
  return static_cast<uint64_t>(LeastShares(weight));
}

}  // namespace keelson::cgroup
