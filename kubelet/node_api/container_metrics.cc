// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/container_metrics.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "kubelet/node_api/exposition.h"

namespace keelson::node_api {

using base::Result;

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string Shown(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels)
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "{" : ",", name, EscapedLabel(value));
  return out.empty() ? out : out + "}";
}

std::string Sample(const cri::MetricDescriptor& descriptor, const cri::Metric& metric) {
  Labels labels;
  for (int i = 0; i < descriptor.label_keys_size(); ++i)
    labels.emplace_back(descriptor.label_keys(i), metric.label_values(i));
  std::string line =
      fmt::format("{}{} {}", descriptor.name(), Shown(labels), metric.value().value());
  if (metric.timestamp() > 0) line += fmt::format(" {}", metric.timestamp() / 1'000'000);
  return line + "\n";
}

}  // namespace

std::string ContainerMetrics(const std::vector<cri::MetricDescriptor>& descriptors,
                             const std::vector<cri::PodSandboxMetrics>& pods) {
  struct Family {
    bool counter = false;
    std::string lines;
  };
  std::map<std::string, const cri::MetricDescriptor*> known;
  for (const cri::MetricDescriptor& one : descriptors) known.emplace(one.name(), &one);
  std::map<std::string, Family> families;
  const auto add = [&](const auto& metrics) {
    for (const cri::Metric& metric : metrics) {
      const auto found = known.find(metric.name());
      if (found == known.end() || found->second->label_keys_size() != metric.label_values_size())
        continue;
      Family& family = families[metric.name()];
      family.counter = metric.metric_type() == cri::COUNTER;
      family.lines += Sample(*found->second, metric);
    }
  };
  for (const cri::PodSandboxMetrics& pod : pods) {
    add(pod.metrics());
    for (const cri::ContainerMetrics& container : pod.container_metrics()) add(container.metrics());
  }
  std::string out;
  for (const cri::MetricDescriptor& one : descriptors) {
    const auto found = families.find(one.name());
    if (found == families.end()) continue;
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", one.name(), one.help(),
                       found->second.counter ? "counter" : "gauge");
    out += found->second.lines;
    families.erase(found);
  }
  return out;
}

std::string MachineMetrics(const MachineFacts& machine) {
  const std::string labels = Shown({{"boot_id", machine.boot_id},
                                    {"machine_id", machine.machine_id},
                                    {"system_uuid", machine.system_uuid}});
  const auto gauge = [&labels](const char* name, const char* help, int64_t value) {
    return fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0}{2} {3}\n", name, help, labels, value);
  };
  return gauge("machine_cpu_cores", "Number of logical CPU cores.", machine.processors) +
         gauge("machine_memory_bytes", "Amount of memory installed on the machine.",
               machine.memory_bytes) +
         gauge("machine_swap_bytes", "Amount of swap memory available on the machine.",
               machine.swap_bytes);
}

Result<std::string> ReadContainerMetrics(cri_client::RuntimeClient& runtime,
                                         const MachineFacts& machine) {
  ASSIGN_OR_RETURN(const std::vector<cri::MetricDescriptor> descriptors,
                   runtime.ListMetricDescriptors());
  ASSIGN_OR_RETURN(const std::vector<cri::PodSandboxMetrics> pods, runtime.ListPodSandboxMetrics());
  return ContainerMetrics(descriptors, pods) + MachineMetrics(machine);
}

}  // namespace keelson::node_api
