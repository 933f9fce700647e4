// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/cri_figures.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "kubelet/pod/names.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::node_api {

using base::Result;

namespace {

constexpr uint64_t kNanos = 1'000'000'000;

template <typename T>
Figure Of(const T& message, bool there) {
  return there ? Figure(message.value()) : Figure();
}
#define KEELSON_FIGURE(message, field) Of((message).field(), (message).has_##field())

CpuFigures Cpu(const cri::CpuUsage& cpu) {
  return {cpu.timestamp(), KEELSON_FIGURE(cpu, usage_core_nano_seconds),
          KEELSON_FIGURE(cpu, usage_nano_cores)};
}

MemoryFigures Memory(const cri::MemoryUsage& memory) {
  return {.at = memory.timestamp(),
          .available = KEELSON_FIGURE(memory, available_bytes),
          .usage = KEELSON_FIGURE(memory, usage_bytes),
          .working_set = KEELSON_FIGURE(memory, working_set_bytes),
          .rss = KEELSON_FIGURE(memory, rss_bytes),
          .faults = KEELSON_FIGURE(memory, page_faults),
          .major_faults = KEELSON_FIGURE(memory, major_page_faults)};
}

ContainerFigures Container(const cri::ContainerStats& stats) {
  ContainerFigures out;
  const auto name = stats.attributes().labels().find(pod::kContainerNameLabel);
  out.name = name == stats.attributes().labels().end() ? stats.attributes().metadata().name()
                                                       : name->second;
  out.cpu = Cpu(stats.cpu());
  out.memory = Memory(stats.memory());
  out.swap = {stats.swap().timestamp(), KEELSON_FIGURE(stats.swap(), swap_available_bytes),
              KEELSON_FIGURE(stats.swap(), swap_usage_bytes)};
  out.disk_at = stats.writable_layer().timestamp();
  out.disk_bytes = KEELSON_FIGURE(stats.writable_layer(), used_bytes);
  out.disk_inodes = KEELSON_FIGURE(stats.writable_layer(), inodes_used);
  return out;
}

NetworkFigures Network(const cri::NetworkInterfaceUsage& usage) {
  return {usage.name(), KEELSON_FIGURE(usage, rx_bytes), KEELSON_FIGURE(usage, rx_errors),
          KEELSON_FIGURE(usage, tx_bytes), KEELSON_FIGURE(usage, tx_errors)};
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : base::Split(line, ' '))
    if (!word.empty()) words.push_back(word);
  return words;
}

std::map<std::string_view, uint64_t> ReadMeminfo(std::string_view text) {
  std::map<std::string_view, uint64_t> out;
  for (const std::string_view line : base::Split(text, '\n')) {
    const std::vector<std::string_view> words = Words(line);
    if (words.size() < 2 || !words[0].ends_with(':')) continue;
    if (const auto value = base::ParseUint64(words[1]))
      out[words[0].substr(0, words[0].size() - 1)] = *value * 1024;
  }
  return out;
}

uint64_t Less(uint64_t from, uint64_t what) { return from > what ? from - what : 0; }

}  // namespace

PodFigures FiguresOf(const cri::PodSandboxStats& stats) {
  PodFigures out;
  const cri::PodSandboxMetadata& metadata = stats.attributes().metadata();
  out.ns = metadata.namespace_();
  out.name = metadata.name();
  out.uid = metadata.uid();
  const cri::LinuxPodSandboxStats& figures = stats.linux();
  out.cpu = Cpu(figures.cpu());
  out.memory = Memory(figures.memory());
  out.network_at = figures.network().timestamp();
  if (figures.network().has_default_interface())
    out.networks.push_back(Network(figures.network().default_interface()));
  for (const cri::NetworkInterfaceUsage& one : figures.network().interfaces()) {
    if (out.networks.empty() || one.name() != out.networks[0].name)
      out.networks.push_back(Network(one));
  }
  out.processes = KEELSON_FIGURE(figures.process(), process_count);
  for (const cri::ContainerStats& one : figures.containers())
    out.containers.push_back(Container(one));
  return out;
}

NodeFigures MachineFigures(std::string_view stat, std::string_view meminfo, int64_t ticks,
                           int64_t now) {
  NodeFigures out;
  out.cpu.at = out.memory.at = out.swap.at = now;
  for (const std::string_view line : base::Split(stat, '\n')) {
    const std::vector<std::string_view> words = Words(line);
    if (words.size() >= 8 && words[0] == "cpu" && ticks > 0) {
      uint64_t sum = 0;
      for (const size_t i : {1, 2, 3, 6, 7}) sum += base::ParseUint64(words[i]).value_or(0);
      const auto rate = static_cast<uint64_t>(ticks);
      out.cpu.core_nanos = sum / rate * kNanos + sum % rate * kNanos / rate;
    } else if (words.size() == 2 && words[0] == "btime") {
      out.started_at =
          static_cast<int64_t>(base::ParseUint64(words[1]).value_or(0)) * int64_t{kNanos};
    }
  }
  const std::map<std::string_view, uint64_t> memory = ReadMeminfo(meminfo);
  const auto value = [&memory](std::string_view name) {
    const auto found = memory.find(name);
    return found == memory.end() ? uint64_t{0} : found->second;
  };
  if (const uint64_t total = value("MemTotal"); total > 0) {
    const uint64_t usage = Less(total, value("MemFree"));
    const uint64_t working_set = Less(usage, value("Inactive(file)"));
    out.memory.usage = usage;
    out.memory.working_set = working_set;
    out.memory.available = Less(total, working_set);
    out.memory.rss = value("AnonPages");
    out.swap.usage = Less(value("SwapTotal"), value("SwapFree"));
    out.swap.available = value("SwapFree");
  }
  return out;
}

Result<Figures> CriFigures::Read() {
  Figures out;
  out.node = node_;
  ASSIGN_OR_RETURN(const std::vector<cri::PodSandboxStats> pods, runtime_.ListPodSandboxStats());
  ASSIGN_OR_RETURN(const std::vector<cri::Container> containers, runtime_.ListContainers());
  ASSIGN_OR_RETURN(const std::vector<cri::PodSandbox> sandboxes, runtime_.ListPodSandboxes());
  std::map<std::string, int64_t> began;
  for (const cri::Container& one : containers) began[one.id()] = one.created_at();
  for (const cri::PodSandbox& one : sandboxes) began[one.id()] = one.created_at();
  for (const cri::PodSandboxStats& stats : pods) {
    PodFigures& pod = out.pods.emplace_back(FiguresOf(stats));
    pod.started_at = began[stats.attributes().id()];
    for (int i = 0; i < stats.linux().containers_size(); ++i)
      pod.containers[static_cast<size_t>(i)].started_at =
          began[stats.linux().containers(i).attributes().id()];
  }
  ASSIGN_OR_RETURN(const std::string stat, os::ReadFile("/proc/stat"));
  ASSIGN_OR_RETURN(const std::string meminfo, os::ReadFile("/proc/meminfo"));
  out.machine = MachineFigures(stat, meminfo, sysconf(_SC_CLK_TCK), clock_.WallNanos());
  return out;
}

}  // namespace keelson::node_api
