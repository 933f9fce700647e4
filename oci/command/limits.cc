// SPDX-License-Identifier: Apache-2.0
// update, events.
#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/kernel/cgroup/usage.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "oci/command/command.h"
#include "oci/command/stats.h"
#include "oci/container/group.h"
#include "oci/container/scope.h"

namespace keelson::oci {

using base::Result;
using json::Value;

namespace {

// "512m" → bytes; -1 stays.
Result<int64_t> Bytes(const std::string& flag, const std::string& text) {
  if (text == "-1") return -1;
  std::string_view digits = text;
  int shift = 0;
  while (!digits.empty() && (digits.back() == 'b' || digits.back() == 'B' || digits.back() == 'i'))
    digits.remove_suffix(1);
  if (!digits.empty()) {
    const char unit = static_cast<char>(digits.back() | 0x20);
    shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : unit == 't' ? 40 : 0;
    if (shift != 0) digits.remove_suffix(1);
  }
  const auto number = base::ParseUint64(digits);
  if (!number || *number > (uint64_t{INT64_MAX} >> shift))
    return base::InvalidArgument("--{}: {} is no size", flag, base::QuoteIfNeeded(text));
  return static_cast<int64_t>(*number << shift);
}

base::Status FromFlags(const Arguments& arguments, Resources& out) {
  const std::pair<const char*, std::optional<int64_t>*> sizes[] = {
      {"memory", &out.memory.limit},
      {"memory-reservation", &out.memory.reservation},
      {"memory-swap", &out.memory.swap},
      {"kernel-memory", &out.memory.kernel},
      {"kernel-memory-tcp", &out.memory.kernel_tcp}};
  for (const auto& [flag, target] : sizes) {
    if (!arguments.Has(flag)) continue;
    ASSIGN_OR_RETURN(*target, Bytes(flag, arguments.Get(flag)));
  }
  const std::pair<const char*, std::optional<int64_t>*> numbers[] = {
      {"cpu-shares", &out.cpu.shares},
      {"cpu-share", &out.cpu.shares},
      {"cpu-quota", &out.cpu.quota},
      {"cpu-period", &out.cpu.period},
      {"cpu-burst", &out.cpu.burst},
      {"cpu-idle", &out.cpu.idle},
      {"cpu-rt-period", &out.cpu.realtime_period},
      {"cpu-rt-runtime", &out.cpu.realtime_runtime},
      {"pids-limit", &out.pids},
      {"blkio-weight", &out.block.weight}};
  for (const auto& [flag, target] : numbers) {
    if (!arguments.Has(flag)) continue;
    ASSIGN_OR_RETURN(*target, arguments.Number(flag, 0));
  }
  // On v1 swap and memory together may not be less than memory.
  if (out.memory.limit == -1 && !out.memory.swap) out.memory.swap = -1;
  if (arguments.Has("cpuset-cpus")) out.cpu.cpus = arguments.Get("cpuset-cpus");
  if (arguments.Has("cpuset-mems")) out.cpu.mems = arguments.Get("cpuset-mems");
  return base::Ok();
}

Value Number(uint64_t number) { return Value(static_cast<int64_t>(number)); }

// As `runc events --stats` words it.
Value StatsText(const cgroup::Usage& usage) {
  Value data = Value::Object();
  if (usage.cpu) {
    Value cpu = Value::Object(), use = Value::Object(), throttling = Value::Object();
    use.Set("total", Number(usage.cpu->total_ns));
    use.Set("kernel", Number(usage.cpu->system_ns));
    use.Set("user", Number(usage.cpu->user_ns));
    throttling.Set("periods", Number(usage.cpu->periods));
    throttling.Set("throttledPeriods", Number(usage.cpu->throttled_periods));
    throttling.Set("throttledTime", Number(usage.cpu->throttled_ns));
    cpu.Set("usage", std::move(use));
    cpu.Set("throttling", std::move(throttling));
    data.Set("cpu", std::move(cpu));
  }
  if (usage.memory) {
    const cgroup::MemoryUsage& m = *usage.memory;
    Value memory = Value::Object(), use = Value::Object(), raw = Value::Object();
    use.Set("usage", Number(m.usage));
    use.Set("max", Number(m.max_usage));
    use.Set("failcnt", Number(m.limit_hits));
    if (m.limit) use.Set("limit", Number(*m.limit));
    raw.Set("rss", Number(m.anonymous));
    raw.Set("cache", Number(m.cache));
    raw.Set("active_file", Number(m.active_file));
    raw.Set("inactive_file", Number(m.inactive_file));
    raw.Set("mapped_file", Number(m.mapped_file));
    raw.Set("pgfault", Number(m.page_faults));
    raw.Set("pgmajfault", Number(m.major_page_faults));
    memory.Set("cache", Number(m.cache));
    memory.Set("usage", std::move(use));
    memory.Set("raw", std::move(raw));
    data.Set("memory", std::move(memory));
  }
  Value pids = Value::Object();
  pids.Set("current", Number(usage.threads.value_or(usage.processes.value_or(0))));
  if (usage.threads_limit) pids.Set("limit", Number(*usage.threads_limit));
  data.Set("pids", std::move(pids));
  Value io = Value::Array();
  for (const cgroup::DeviceIo& device : usage.io) {
    for (const auto& [op, value] : {std::pair<const char*, uint64_t>("Read", device.read_bytes),
                                    {"Write", device.write_bytes}}) {
      Value entry = Value::Object();
      entry.Set("major", Number(device.major));
      entry.Set("minor", Number(device.minor));
      entry.Set("op", Value(op));
      entry.Set("value", Number(value));
      io.Append(std::move(entry));
    }
  }
  Value block = Value::Object();
  block.Set("ioServiceBytesRecursive", std::move(io));
  data.Set("blkio", std::move(block));
  return data;
}

base::Status PrintStats(const Record& record, const cgroup::Layout& layout,
                        cgroup::UsageReader& reader) {
  ASSIGN_OR_RETURN(const cgroup::Usage usage, reader.Read(cgroup::Detail::kAll));
  Value out = Value::Object();
  out.Set("type", Value("stats"));
  out.Set("id", Value(record.id));
  Value data = StatsText(usage);
  const auto hugetlb = layout.hierarchies.find("hugetlb");
  std::string directory = layout.v2 ? layout.unified + record.cgroup : "";
  if (hugetlb != layout.hierarchies.end()) directory = hugetlb->second + record.cgroup;
  MoreStats(directory, layout.v2, data);
  out.Set("data", std::move(data));
  std::printf("%s\n", json::WriteJson(out).c_str());
  (void)std::fflush(stdout);
  return base::Ok();
}

// "5s", "1m", "500ms" → milliseconds.
Result<int64_t> Interval(const std::string& text) {
  const size_t end = text.find_first_not_of("0123456789");
  const auto number = base::ParseUint64(std::string_view(text).substr(0, end));
  const std::string unit = end == std::string::npos ? "" : text.substr(end);
  const int64_t scale = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  if (!number || *number == 0 || *number > 100'000 || scale == 0)
    return base::InvalidArgument("--interval: {} is no duration like 5s",
                                 base::QuoteIfNeeded(text));
  return static_cast<int64_t>(*number) * scale;
}

// systemd has the quota as a share of a second: with a new period it is another one.
void CompleteQuota(const std::string& directory, cgroup::Resources& limits) {
  if ((limits.cpu_period == 0) == (limits.cpu_quota == 0)) return;
  const Result<std::string> text = os::ReadFile(directory + "/cpu.max", 64);
  if (!text.ok()) return;
  const std::vector<std::string_view> words = base::Split(base::Trim(*text), ' ');
  if (words.size() != 2) return;
  if (limits.cpu_quota == 0) limits.cpu_quota = base::ParseInt64(words[0]).value_or(-1);
  if (limits.cpu_period == 0) limits.cpu_period = base::ParseInt64(words[1]).value_or(0);
}

}  // namespace

Outcome RunUpdate(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  ASSIGN_OR_RETURN(const Record record, store.Read(arguments.rest()[0]));
  if (store.StatusOf(record) == Status::kStopped)
    return base::FailedPrecondition("container not running: \"{}\"", record.id);
  Resources resources;
  if (arguments.Has("resources")) {
    const std::string path = arguments.Get("resources");
    Result<std::string> text = path == "-" ? os::ReadAll(0, 1 << 20) : os::ReadFile(path, 1 << 20);
    if (!text.ok()) return text.error().WithContext("--resources");
    Result<Resources> read = ParseResources(*text);
    if (!read.ok()) return read.error().WithContext("--resources");
    resources = std::move(read).value();
  }
  RETURN_IF_ERROR(FromFlags(arguments, resources));
  ASSIGN_OR_RETURN(const cgroup::Layout layout, cgroup::DetectLayout());
  ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(record.cgroup));
  ASSIGN_OR_RETURN(cgroup::Resources limits, LimitsOf(resources, layout.v2));
  // What a container may open is not changed behind its back by who changes its memory.
  if (!resources.devices.empty()) limits.devices = DeviceRules(resources);
  if (!record.scope.empty()) {
    CompleteQuota(layout.unified + record.cgroup, limits);
    RoundQuota(limits);
  }
  const bool weight = limits.cpu_shares != 0 || limits.unified.contains("cpu.weight");
  if (!record.scope.empty() && weight && IsIdle(limits)) {
    Warn("unable to apply both a weight and cpu.idle: the group is idle");
    limits.cpu_shares = 0;
    limits.unified.erase("cpu.weight");
  }
  // systemd looks at nothing before it writes, but only it takes idleness away.
  if (!limits.may_kill) RETURN_IF_ERROR(group.Update(limits));
  RETURN_IF_ERROR(TellScope(record.scope, limits));
  if (limits.may_kill) RETURN_IF_ERROR(group.Update(limits));
  return 0;
}

Outcome RunEvents(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  ASSIGN_OR_RETURN(const Record record, store.Read(arguments.rest()[0]));
  ASSIGN_OR_RETURN(const int64_t interval, Interval(arguments.Get("interval", "5s")));
  const Status status = store.StatusOf(record);
  if (status == Status::kStopped || status == Status::kCreating)
    return base::FailedPrecondition("container not running: \"{}\"", record.id);
  if (record.cgroup.empty())
    return base::FailedPrecondition("the container has no cgroup of its own");
  ASSIGN_OR_RETURN(const cgroup::Layout layout, cgroup::DetectLayout());
  const base::SystemClock clock;
  cgroup::DescriptorBudget budget(256);
  cgroup::UsageReader reader(layout, record.cgroup, budget, clock);
  ASSIGN_OR_RETURN(const os::UniqueFd pidfd, os::OpenPidfd(record.pid));
  const std::string memory = cgroup::Group(layout, record.cgroup).MemoryDirectory();
  uint64_t kills = cgroup::ReadOomKills(memory).value_or(0);
  while (true) {
    RETURN_IF_ERROR(PrintStats(record, layout, reader));
    if (arguments.Is("stats")) return 0;
    pollfd ended{pidfd.get(), POLLIN, 0};
    if (poll(&ended, 1, static_cast<int>(interval)) != 0) return 0;
    const uint64_t now = cgroup::ReadOomKills(memory).value_or(kills);
    if (now > kills) std::printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", record.id.c_str());
    kills = now;
  }
}

}  // namespace keelson::oci
