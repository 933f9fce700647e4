// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/metric_families.h"

#include <algorithm>
#include <string>

namespace keelson::stats {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// The usual shape: one value of a counter group, left out when the kernel does not count it.
template <typename F>
std::function<void(const Subject&)> Cpu(F value) {
  return [value](const Subject& s) {
    if (s.usage().cpu) s.emit({}, value(*s.usage().cpu));
  };
}
std::function<void(const Subject&)> CpuOf(const char* cpu, uint64_t cgroup::CpuUsage::* field) {
  return [cpu, field](const Subject& s) {
    if (s.usage().cpu) s.emit({cpu}, (*s.usage().cpu).*field / kSecond);
  };
}
template <typename F>
std::function<void(const Subject&)> Memory(F value) {
  return [value](const Subject& s) {
    if (s.usage().memory) s.emit({}, value(*s.usage().memory));
  };
}
std::function<void(const Subject&)> Memory(uint64_t cgroup::MemoryUsage::* field) {
  return Memory([field](const cgroup::MemoryUsage& memory) { return memory.*field; });
}
std::function<void(const Subject&)> Io(uint64_t cgroup::DeviceIo::* field) {
  return [field](const Subject& s) {
    for (const cgroup::DeviceIo& io : s.usage().io) {
      const auto found = s.machine->devices.find({io.major, io.minor});
      s.emit({found == s.machine->devices.end() ? "" : std::string_view(found->second)}, io.*field);
    }
  };
}
std::function<void(const Subject&)> PressureOf(
    std::optional<cgroup::Pressure> cgroup::Usage::* resource,
    cgroup::PressureLine cgroup::Pressure::* line) {
  return [resource, line](const Subject& s) {
    if (const auto& pressure = s.usage().*resource)
      s.emit({}, ((*pressure).*line).total_us / 1'000'000);
  };
}
std::function<void(const Subject&)> LinkOf(uint64_t Link::* field) {
  return [field](const Subject& s) {
    for (const Link& link : s.pod->links) s.emit({link.name}, link.*field);
  };
}

std::vector<Family> MakeContainerFamilies() {
  using U = cgroup::CpuUsage;
  using M = cgroup::MemoryUsage;
  using D = cgroup::DeviceIo;
  using P = cgroup::Pressure;
  constexpr bool kCounter = true, kGauge = false;
  return {
      {"container_cpu_usage_seconds_total",
       kCounter,
       "Processor time used, in seconds",
       {"cpu"},
       CpuOf("total", &U::total_ns)},
      {"container_cpu_user_seconds_total",
       kCounter,
       "Processor time used in user mode, in seconds",
       {},
       Cpu([](const U& cpu) { return cpu.user_ns / kSecond; })},
      {"container_cpu_system_seconds_total",
       kCounter,
       "Processor time used in the kernel, in seconds",
       {},
       Cpu([](const U& cpu) { return cpu.system_ns / kSecond; })},
      {"container_cpu_cfs_periods_total",
       kCounter,
       "Periods of the processor quota that passed",
       {},
       Cpu([](const U& cpu) { return cpu.periods; })},
      {"container_cpu_cfs_throttled_periods_total",
       kCounter,
       "Periods in which the quota was used up",
       {},
       Cpu([](const U& cpu) { return cpu.throttled_periods; })},
      {"container_cpu_cfs_throttled_seconds_total",
       kCounter,
       "Time that tasks waited because the quota was used up, in seconds",
       {},
       Cpu([](const U& cpu) { return cpu.throttled_ns / kSecond; })},

      {"container_memory_usage_bytes", kGauge, "Memory in use, with caches", {}, Memory(&M::usage)},
      {"container_memory_working_set_bytes",
       kGauge,
       "Memory that cannot be had back at once",
       {},
       Memory([](const M& memory) { return memory.WorkingSet(); })},
      {"container_memory_rss", kGauge, "Anonymous memory", {}, Memory(&M::anonymous)},
      {"container_memory_cache", kGauge, "Page cache", {}, Memory(&M::cache)},
      {"container_memory_mapped_file", kGauge, "Mapped files", {}, Memory(&M::mapped_file)},
      {"container_memory_total_active_file_bytes",
       kGauge,
       "Page cache used lately",
       {},
       Memory(&M::active_file)},
      {"container_memory_total_inactive_file_bytes",
       kGauge,
       "Page cache not used lately",
       {},
       Memory(&M::inactive_file)},
      {"container_memory_kernel_usage", kGauge, "The kernel's own memory", {}, Memory(&M::kernel)},
      {"container_memory_max_usage_bytes",
       kGauge,
       "The most memory that was in use",
       {},
       Memory(&M::max_usage)},
      {"container_memory_failcnt",
       kCounter,
       "How often the memory limit was met",
       {},
       Memory(&M::limit_hits)},
      {"container_memory_failures_total",
       kCounter,
       "Page faults",
       {"failure_type", "scope"},
       [](const Subject& s) {
         if (!s.usage().memory) return;
         const M& memory = *s.usage().memory;
         s.emit({"pgfault", "container"}, memory.own_page_faults);
         s.emit({"pgmajfault", "container"}, memory.own_major_page_faults);
         s.emit({"pgfault", "hierarchy"}, memory.page_faults);
         s.emit({"pgmajfault", "hierarchy"}, memory.major_page_faults);
       }},
      {"container_memory_swap", kGauge, "Swap in use", {}, Memory([](const M& memory) {
         return memory.swap.value_or(0);
       })},
      {"container_oom_events_total",
       kCounter,
       "Processes killed at the memory limit",
       {},
       Memory(&M::oom_kills)},

      {"container_spec_cpu_period",
       kGauge,
       "Period of the processor quota, in microseconds",
       {},
       [](const Subject& s) { s.emit({}, s.usage().cpu_period_us); }},
      {"container_spec_cpu_quota",
       kGauge,
       "Processor quota of a period, in microseconds",
       {},
       [](const Subject& s) {
         if (s.usage().cpu_quota_us)
           s.emit({}, static_cast<uint64_t>(std::max<int64_t>(0, *s.usage().cpu_quota_us)));
       }},
      {"container_spec_cpu_shares",
       kGauge,
       "Share of the processor",
       {},
       [](const Subject& s) { s.emit({}, s.usage().cpu_shares); }},
      {"container_spec_memory_limit_bytes",
       kGauge,
       "Memory limit, 0 without one",
       {},
       Memory([](const M& memory) { return memory.limit.value_or(0); })},
      {"container_spec_memory_reservation_limit_bytes",
       kGauge,
       "Memory that is left to the container under pressure, 0 without",
       {},
       Memory([](const M& memory) { return memory.reservation.value_or(0); })},
      {"container_spec_memory_swap_limit_bytes",
       kGauge,
       "Swap limit, 0 without one",
       {},
       Memory([](const M& memory) { return memory.swap_limit.value_or(0); })},

      {"container_blkio_device_usage_total",
       kCounter,
       "Bytes moved to and from a device",
       {"device", "major", "minor", "operation"},
       [](const Subject& s) {
         for (const D& io : s.usage().io) {
           const auto found = s.machine->devices.find({io.major, io.minor});
           const std::string device = found == s.machine->devices.end() ? "" : found->second;
           const std::string major = std::to_string(io.major), minor = std::to_string(io.minor);
           s.emit({device, major, minor, "Read"}, io.read_bytes);
           s.emit({device, major, minor, "Write"}, io.write_bytes);
         }
       }},
      {"container_fs_reads_bytes_total", kCounter, "Bytes read", {"device"}, Io(&D::read_bytes)},
      {"container_fs_reads_total", kCounter, "Reads completed", {"device"}, Io(&D::reads)},
      {"container_fs_writes_bytes_total",
       kCounter,
       "Bytes written",
       {"device"},
       Io(&D::write_bytes)},
      {"container_fs_writes_total", kCounter, "Writes completed", {"device"}, Io(&D::writes)},
      {"container_fs_usage_bytes",
       kGauge,
       "Bytes that the container's own layer takes",
       {"device"},
       [](const Subject& s) {
         if (s.container->disk) s.emit({s.machine->filesystem_device}, s.container->disk->bytes);
       }},
      {"container_fs_limit_bytes",
       kGauge,
       "Size of the container's file system",
       {"device"},
       [](const Subject& s) {
         s.emit({s.machine->filesystem_device}, s.machine->filesystem_bytes);
       }},
      {"container_fs_inodes_total",
       kGauge,
       "Inodes of the container's file system",
       {"device"},
       [](const Subject& s) {
         s.emit({s.machine->filesystem_device}, s.machine->filesystem_inodes);
       }},
      {"container_fs_inodes_free",
       kGauge,
       "Inodes that are free",
       {"device"},
       [](const Subject& s) {
         s.emit({s.machine->filesystem_device}, s.machine->filesystem_inodes_free);
       }},

      {"container_processes",
       kGauge,
       "Processes",
       {},
       [](const Subject& s) {
         if (s.usage().processes) s.emit({}, *s.usage().processes);
       }},
      {"container_threads",
       kGauge,
       "Threads",
       {},
       [](const Subject& s) {
         if (s.usage().threads) s.emit({}, *s.usage().threads);
       }},
      {"container_threads_max",
       kGauge,
       "The most threads that may be, 0 without a limit",
       {},
       [](const Subject& s) { s.emit({}, s.usage().threads_limit.value_or(0)); }},
      {"container_file_descriptors",
       kGauge,
       "Open files of all processes",
       {},
       [](const Subject& s) {
         if (s.container->processes) s.emit({}, s.container->processes->open_files);
       }},
      {"container_sockets",
       kGauge,
       "Open sockets of all processes",
       {},
       [](const Subject& s) {
         if (s.container->processes) s.emit({}, s.container->processes->sockets);
       }},
      {"container_ulimits_soft",
       kGauge,
       "Soft limits of the first process",
       {"ulimit"},
       [](const Subject& s) {
         if (s.container->processes && s.container->processes->most_open_files)
           s.emit({"max_open_files"}, *s.container->processes->most_open_files);
       }},
      {"container_start_time_seconds",
       kGauge,
       "When the container was started, in seconds",
       {},
       [](const Subject& s) {
         s.emit({}, static_cast<uint64_t>(s.container->target->started_at) / kSecond);
       }},
      {"container_last_seen",
       kGauge,
       "When the container was last measured, in seconds",
       {},
       [](const Subject& s) { s.emit({}, static_cast<uint64_t>(s.usage().read_at) / kSecond); }},

      {"container_hugetlb_usage_bytes",
       kGauge,
       "Huge pages in use",
       {"pagesize"},
       [](const Subject& s) {
         for (const auto& [size, pages] : s.usage().huge_pages) s.emit({size}, pages.usage);
       }},
      {"container_hugetlb_max_usage_bytes",
       kGauge,
       "The most huge pages that were in use",
       {"pagesize"},
       [](const Subject& s) {
         for (const auto& [size, pages] : s.usage().huge_pages) s.emit({size}, pages.max_usage);
       }},
      {"container_pressure_cpu_waiting_seconds_total",
       kCounter,
       "Time in which some task waited for a processor, in seconds",
       {},
       PressureOf(&cgroup::Usage::cpu_pressure, &P::some)},
      {"container_pressure_cpu_stalled_seconds_total",
       kCounter,
       "Time in which all tasks waited for a processor, in seconds",
       {},
       PressureOf(&cgroup::Usage::cpu_pressure, &P::full)},
      {"container_pressure_memory_waiting_seconds_total",
       kCounter,
       "Time in which some task waited for memory, in seconds",
       {},
       PressureOf(&cgroup::Usage::memory_pressure, &P::some)},
      {"container_pressure_memory_stalled_seconds_total",
       kCounter,
       "Time in which all tasks waited for memory, in seconds",
       {},
       PressureOf(&cgroup::Usage::memory_pressure, &P::full)},
      {"container_pressure_io_waiting_seconds_total",
       kCounter,
       "Time in which some task waited for a disk, in seconds",
       {},
       PressureOf(&cgroup::Usage::io_pressure, &P::some)},
      {"container_pressure_io_stalled_seconds_total",
       kCounter,
       "Time in which all tasks waited for a disk, in seconds",
       {},
       PressureOf(&cgroup::Usage::io_pressure, &P::full)},
  };
}

std::vector<Family> MakePodFamilies() {
  constexpr bool kCounter = true;
  return {
      {"container_network_receive_bytes_total",
       kCounter,
       "Bytes received",
       {"interface"},
       LinkOf(&Link::rx_bytes)},
      {"container_network_receive_packets_total",
       kCounter,
       "Packets received",
       {"interface"},
       LinkOf(&Link::rx_packets)},
      {"container_network_receive_packets_dropped_total",
       kCounter,
       "Packets dropped on arrival",
       {"interface"},
       LinkOf(&Link::rx_dropped)},
      {"container_network_receive_errors_total",
       kCounter,
       "Errors while receiving",
       {"interface"},
       LinkOf(&Link::rx_errors)},
      {"container_network_transmit_bytes_total",
       kCounter,
       "Bytes sent",
       {"interface"},
       LinkOf(&Link::tx_bytes)},
      {"container_network_transmit_packets_total",
       kCounter,
       "Packets sent",
       {"interface"},
       LinkOf(&Link::tx_packets)},
      {"container_network_transmit_packets_dropped_total",
       kCounter,
       "Packets dropped before sending",
       {"interface"},
       LinkOf(&Link::tx_dropped)},
      {"container_network_transmit_errors_total",
       kCounter,
       "Errors while sending",
       {"interface"},
       LinkOf(&Link::tx_errors)},
  };
}

}  // namespace

const std::vector<Family>& ContainerFamilies() {
  static const std::vector<Family> families = MakeContainerFamilies();
  return families;
}

const std::vector<Family>& PodFamilies() {
  static const std::vector<Family> families = MakePodFamilies();
  return families;
}

}  // namespace keelson::stats
