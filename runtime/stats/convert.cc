// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/convert.h"

#include <algorithm>

#include "cri-api/cri.h"
#include "cri-api/stats.pb.h"

namespace keelson::stats {

namespace {

void Fill(const cgroup::PressureLine& line, cri::PsiData& out) {
  out.set_total(line.total_us * 1000);  // the CRI counts nanoseconds
  out.set_avg10(line.avg10);
  out.set_avg60(line.avg60);
  out.set_avg300(line.avg300);
}

void Fill(const cgroup::Pressure& pressure, cri::PsiStats& out) {
  Fill(pressure.full, *out.mutable_full());
  Fill(pressure.some, *out.mutable_some());
}

void Fill(const cgroup::Usage& usage, const std::optional<uint64_t>& nano_cores,
          cri::CpuUsage& out) {
  out.set_timestamp(usage.read_at);
  out.mutable_usage_core_nano_seconds()->set_value(usage.cpu->total_ns);
  if (nano_cores) out.mutable_usage_nano_cores()->set_value(*nano_cores);
  if (usage.cpu_pressure) Fill(*usage.cpu_pressure, *out.mutable_psi());
}

void Fill(const cgroup::Usage& usage, cri::MemoryUsage& out) {
  const cgroup::MemoryUsage& memory = *usage.memory;
  const uint64_t working_set = memory.WorkingSet();
  out.set_timestamp(usage.read_at);
  out.mutable_working_set_bytes()->set_value(working_set);
  if (memory.limit) {
    out.mutable_available_bytes()->set_value(
        *memory.limit > working_set ? *memory.limit - working_set : 0);
  }
  out.mutable_usage_bytes()->set_value(memory.usage);
  out.mutable_rss_bytes()->set_value(memory.anonymous);
  out.mutable_page_faults()->set_value(memory.page_faults);
  out.mutable_major_page_faults()->set_value(memory.major_page_faults);
  if (usage.memory_pressure) Fill(*usage.memory_pressure, *out.mutable_psi());
}

void Fill(const cgroup::Usage& usage, cri::SwapUsage& out) {
  const cgroup::MemoryUsage& memory = *usage.memory;
  out.set_timestamp(usage.read_at);
  out.mutable_swap_usage_bytes()->set_value(*memory.swap);
  if (memory.swap_limit) {
    out.mutable_swap_available_bytes()->set_value(
        *memory.swap_limit > *memory.swap ? *memory.swap_limit - *memory.swap : 0);
  }
}

void Fill(const Link& link, cri::NetworkInterfaceUsage& out) {
  out.set_name(link.name);
  out.mutable_rx_bytes()->set_value(link.rx_bytes);
  out.mutable_rx_errors()->set_value(link.rx_errors);
  out.mutable_tx_bytes()->set_value(link.tx_bytes);
  out.mutable_tx_errors()->set_value(link.tx_errors);
}

// The sum of what the containers used, where the pod's own group says nothing of it.
void Add(const cgroup::Usage& from, cgroup::Usage& sum) {
  sum.read_at = std::max(sum.read_at, from.read_at);
  if (from.cpu) {
    if (!sum.cpu) sum.cpu.emplace();
    sum.cpu->total_ns += from.cpu->total_ns;
  }
  if (from.memory) {
    if (!sum.memory) sum.memory.emplace();
    cgroup::MemoryUsage& memory = *sum.memory;
    memory.usage += from.memory->usage;
    memory.inactive_file += from.memory->inactive_file;
    memory.anonymous += from.memory->anonymous;
    memory.page_faults += from.memory->page_faults;
    memory.major_page_faults += from.memory->major_page_faults;
  }
}

}  // namespace

void AppendField(int number, std::string_view bytes, std::string& out) {
  constexpr unsigned kLengthDelimited = 2;
  const auto varint = [&out](uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
  };
  varint(static_cast<uint64_t>(number) << 3 | kLengthDelimited);
  varint(bytes.size());
  out.append(bytes);
}

std::string ContainerMessage(const ContainerSample& sample, const std::string& filesystem) {
  cri::ContainerStats figures;
  if (sample.usage) {
    const cgroup::Usage& usage = *sample.usage;
    if (usage.cpu) Fill(usage, sample.nano_cores, *figures.mutable_cpu());
    if (usage.memory) {
      Fill(usage, *figures.mutable_memory());
      if (usage.memory->swap) Fill(usage, *figures.mutable_swap());
    }
    if (usage.io_pressure) {
      figures.mutable_io()->set_timestamp(usage.read_at);
      Fill(*usage.io_pressure, *figures.mutable_io()->mutable_psi());
    }
  }
  if (sample.disk) {
    cri::FilesystemUsage& layer = *figures.mutable_writable_layer();
    layer.set_timestamp(sample.disk->counted_at);
    layer.mutable_fs_id()->set_mountpoint(filesystem);
    layer.mutable_used_bytes()->set_value(sample.disk->bytes);
    layer.mutable_inodes_used()->set_value(sample.disk->inodes);
  }
  std::string bytes = sample.target->attributes;
  figures.AppendToString(&bytes);
  return bytes;
}

std::string PodMessage(const PodSample& sample) {
  cri::LinuxPodSandboxStats figures;
  cgroup::Usage usage;
  std::optional<uint64_t> nano_cores = sample.nano_cores;
  if (sample.usage) {
    usage = *sample.usage;
  } else {
    for (const ContainerSamplePtr& container : sample.containers) {
      if (container->usage) Add(*container->usage, usage);
      if (container->nano_cores) nano_cores = nano_cores.value_or(0) + *container->nano_cores;
    }
  }
  if (usage.cpu) Fill(usage, nano_cores, *figures.mutable_cpu());
  if (usage.memory) Fill(usage, *figures.mutable_memory());
  if (usage.io_pressure) {
    figures.mutable_io()->set_timestamp(usage.read_at);
    Fill(*usage.io_pressure, *figures.mutable_io()->mutable_psi());
  }
  if (sample.links_at != 0) {
    cri::NetworkUsage& network = *figures.mutable_network();
    network.set_timestamp(sample.links_at);
    for (const Link& link : sample.links) {
      Fill(link,
           link.name == "eth0" ? *network.mutable_default_interface() : *network.add_interfaces());
    }
  }
  uint64_t processes = 0;
  int64_t counted_at = usage.read_at;
  for (const ContainerSamplePtr& container : sample.containers) {
    if (!container->usage || !container->usage->processes) continue;
    processes += *container->usage->processes;
    counted_at = std::max(counted_at, container->usage->read_at);
  }
  if (counted_at != 0) {
    figures.mutable_process()->set_timestamp(counted_at);
    figures.mutable_process()->mutable_process_count()->set_value(processes);
  }
  std::string linux = figures.SerializeAsString();
  for (const ContainerSamplePtr& container : sample.containers)
    AppendField(cri::LinuxPodSandboxStats::kContainersFieldNumber, container->message, linux);
  std::string bytes = sample.target->attributes;
  AppendField(cri::PodSandboxStats::kLinuxFieldNumber, linux, bytes);
  return bytes;
}

}  // namespace keelson::stats
