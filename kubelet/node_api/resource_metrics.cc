// SPDX-License-Identifier: Apache-2.0
// Names and helps are upstream's; values of one reading carry the reading's time.
#include <fmt/format.h>

#include <functional>

#include "kubelet/node_api/exposition.h"
#include "kubelet/node_api/figures.h"

namespace keelson::node_api {
namespace {

constexpr double kNanos = 1e9;

class Family {
 public:
  Family(std::string& out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_(name), type_(type), help_(help) {}
  // `at`: wall nanoseconds; 0: none.
  void Add(const std::string& labels, double value, int64_t at) {
    if (!begun_) out_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name_, help_, type_);
    begun_ = true;
    out_ += fmt::format("{}{} {}", name_, labels, value);
    if (at > 0) out_ += fmt::format(" {}", at / 1'000'000);
    out_ += '\n';
  }
  void Add(const std::string& labels, const Figure& value, int64_t at, double unit = 1) {
    if (value) Add(labels, static_cast<double>(*value) / unit, at);
  }

 private:
  std::string& out_;
  const std::string_view name_, type_, help_;
  bool begun_ = false;
};

std::string LabelsOf(const PodFigures& pod) {
  return fmt::format("{{namespace=\"{}\",pod=\"{}\"}}", EscapedLabel(pod.ns),
                     EscapedLabel(pod.name));
}
std::string LabelsOf(const PodFigures& pod, const ContainerFigures& container) {
  return fmt::format("{{container=\"{}\",namespace=\"{}\",pod=\"{}\"}}",
                     EscapedLabel(container.name), EscapedLabel(pod.ns), EscapedLabel(pod.name));
}

using Each = std::function<void(const PodFigures&, const ContainerFigures&, const std::string&)>;
void ForContainers(const Figures& figures, const Each& each) {
  for (const PodFigures& pod : figures.pods)
    for (const ContainerFigures& one : pod.containers) each(pod, one, LabelsOf(pod, one));
}

void WriteContainers(const Figures& figures, std::string& out) {
  using Pod = PodFigures;
  using One = ContainerFigures;
  Family cpu(out, "container_cpu_usage_seconds_total", "counter",
             "[STABLE] Cumulative cpu time consumed by the container in core-seconds");
  ForContainers(figures, [&](const Pod&, const One& one, const std::string& labels) {
    cpu.Add(labels, one.cpu.core_nanos, one.cpu.at, kNanos);
  });
  Family memory(out, "container_memory_working_set_bytes", "gauge",
                "[STABLE] Current working set of the container in bytes");
  ForContainers(figures, [&](const Pod&, const One& one, const std::string& labels) {
    memory.Add(labels, one.memory.working_set, one.memory.at);
  });
  Family start(out, "container_start_time_seconds", "gauge",
               "[STABLE] Start time of the container since unix epoch in seconds");
  ForContainers(figures, [&](const Pod&, const One& one, const std::string& labels) {
    if (one.started_at > 0) start.Add(labels, static_cast<double>(one.started_at) / kNanos, 0);
  });
  Family limit(out, "container_swap_limit_bytes", "gauge",
               "[ALPHA] Current amount of the container swap limit in bytes. Reported only on "
               "non-windows systems");
  ForContainers(figures, [&](const Pod&, const One& one, const std::string& labels) {
    if (one.swap.usage && one.swap.available)
      limit.Add(labels, static_cast<double>(*one.swap.usage + *one.swap.available), one.swap.at);
  });
  Family swap(out, "container_swap_usage_bytes", "gauge",
              "[ALPHA] Current amount of the container swap usage in bytes. Reported only on "
              "non-windows systems");
  ForContainers(figures, [&](const Pod&, const One& one, const std::string& labels) {
    swap.Add(labels, one.swap.usage, one.swap.at);
  });
}

void WriteNode(const NodeFigures& node, std::string& out) {
  Family cpu(out, "node_cpu_usage_seconds_total", "counter",
             "[STABLE] Cumulative cpu time consumed by the node in core-seconds");
  cpu.Add("", node.cpu.core_nanos, node.cpu.at, kNanos);
  Family memory(out, "node_memory_working_set_bytes", "gauge",
                "[STABLE] Current working set of the node in bytes");
  memory.Add("", node.memory.working_set, node.memory.at);
  Family swap(
      out, "node_swap_usage_bytes", "gauge",
      "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems");
  swap.Add("", node.swap.usage, node.swap.at);
}

void WritePods(const Figures& figures, std::string& out) {
  Family cpu(out, "pod_cpu_usage_seconds_total", "counter",
             "[STABLE] Cumulative cpu time consumed by the pod in core-seconds");
  for (const PodFigures& pod : figures.pods)
    cpu.Add(LabelsOf(pod), pod.cpu.core_nanos, pod.cpu.at, kNanos);
  Family memory(out, "pod_memory_working_set_bytes", "gauge",
                "[STABLE] Current working set of the pod in bytes");
  for (const PodFigures& pod : figures.pods)
    memory.Add(LabelsOf(pod), pod.memory.working_set, pod.memory.at);
  Family swap(out, "pod_swap_usage_bytes", "gauge",
              "[ALPHA] Current amount of the pod swap usage in bytes. Reported only on "
              "non-windows systems");
  for (const PodFigures& pod : figures.pods) {
    Figure sum;  // runtimes tell it of containers alone
    int64_t at = 0;
    for (const ContainerFigures& one : pod.containers) {
      if (!one.swap.usage) continue;
      sum = sum.value_or(0) + *one.swap.usage;
      at = std::max(at, one.swap.at);
    }
    swap.Add(LabelsOf(pod), sum, at);
  }
}

}  // namespace

std::string ResourceMetrics(const base::Result<Figures>& figures) {
  std::string out;
  if (figures.ok()) {
    WriteContainers(*figures, out);
    WriteNode(figures->machine, out);
    WritePods(*figures, out);
  }
  const double failed = figures.ok() ? 0 : 1;
  Family(out, "resource_scrape_error", "gauge",
         "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise")
      .Add("", failed, 0);
  Family(out, "scrape_error", "gauge",
         "[ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting container "
         "metrics, 0 otherwise")
      .Add("", failed, 0);
  return out;
}

}  // namespace keelson::node_api
