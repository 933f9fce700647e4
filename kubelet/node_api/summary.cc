// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/figures.h"
#include "lib/base/rfc3339.h"
#include "lib/json/value.h"

namespace keelson::node_api {
namespace {

using json::Value;

Value Time(int64_t nanos) { return Value(base::FormatRfc3339(nanos)); }

void Put(Value& object, std::string_view name, const Figure& figure) {
  if (figure) object.Set(name, Value(static_cast<int64_t>(*figure)));
}

void PutCpu(Value& object, const CpuFigures& cpu) {
  if (!cpu.core_nanos && !cpu.nano_cores) return;
  Value out = Value::Object({{"time", Time(cpu.at)}});
  Put(out, "usageNanoCores", cpu.nano_cores);
  Put(out, "usageCoreNanoSeconds", cpu.core_nanos);
  object.Set("cpu", std::move(out));
}

void PutMemory(Value& object, const MemoryFigures& memory) {
  if (!memory.working_set && !memory.usage) return;
  Value out = Value::Object({{"time", Time(memory.at)}});
  Put(out, "availableBytes", memory.available);
  Put(out, "usageBytes", memory.usage);
  Put(out, "workingSetBytes", memory.working_set);
  Put(out, "rssBytes", memory.rss);
  Put(out, "pageFaults", memory.faults);
  Put(out, "majorPageFaults", memory.major_faults);
  object.Set("memory", std::move(out));
}

void PutSwap(Value& object, const SwapFigures& swap) {
  if (!swap.usage) return;
  Value out = Value::Object({{"time", Time(swap.at)}});
  Put(out, "swapAvailableBytes", swap.available);
  Put(out, "swapUsageBytes", swap.usage);
  object.Set("swap", std::move(out));
}

Value Interface(const NetworkFigures& network) {
  Value out = Value::Object({{"name", Value(network.name)}});
  Put(out, "rxBytes", network.rx_bytes);
  Put(out, "rxErrors", network.rx_errors);
  Put(out, "txBytes", network.tx_bytes);
  Put(out, "txErrors", network.tx_errors);
  return out;
}

Value Container(const ContainerFigures& container, bool only) {
  Value out = Value::Object({{"name", Value(container.name)}});
  out.Set("startTime", container.started_at > 0 ? Time(container.started_at) : Value());
  PutCpu(out, container.cpu);
  PutMemory(out, container.memory);
  if (only) return out;
  if (container.disk_bytes) {
    Value rootfs = Value::Object({{"time", Time(container.disk_at)}});
    Put(rootfs, "usedBytes", container.disk_bytes);
    Put(rootfs, "inodesUsed", container.disk_inodes);
    out.Set("rootfs", std::move(rootfs));
  }
  PutSwap(out, container.swap);
  return out;
}

Value Pod(const PodFigures& pod, bool only) {
  Value out = Value::Object({{"podRef", Value::Object({{"name", Value(pod.name)},
                                                       {"namespace", Value(pod.ns)},
                                                       {"uid", Value(pod.uid)}})}});
  out.Set("startTime", pod.started_at > 0 ? Time(pod.started_at) : Value());
  Value containers = Value::Array();
  for (const ContainerFigures& one : pod.containers) containers.Append(Container(one, only));
  out.Set("containers", std::move(containers));
  PutCpu(out, pod.cpu);
  PutMemory(out, pod.memory);
  if (only) return out;
  if (!pod.networks.empty()) {
    Value network = Interface(pod.networks[0]);
    network.Set("time", Time(pod.network_at));
    Value all = Value::Array();
    for (const NetworkFigures& one : pod.networks) all.Append(Interface(one));
    network.Set("interfaces", std::move(all));
    out.Set("network", std::move(network));
  }
  if (pod.processes) {
    Value processes = Value::Object();
    Put(processes, "process_count", pod.processes);
    out.Set("process_stats", std::move(processes));
  }
  return out;
}

}  // namespace

std::string Summary(const Figures& figures, bool only) {
  Value node = Value::Object(
      {{"nodeName", Value(figures.node)}, {"startTime", Time(figures.machine.started_at)}});
  PutCpu(node, figures.machine.cpu);
  PutMemory(node, figures.machine.memory);
  if (!only) PutSwap(node, figures.machine.swap);
  Value pods = Value::Array();
  for (const PodFigures& pod : figures.pods) pods.Append(Pod(pod, only));
  return json::WriteJson(Value::Object({{"node", std::move(node)}, {"pods", std::move(pods)}}),
                         true) +
         "\n";
}

}  // namespace keelson::node_api
