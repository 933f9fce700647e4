// SPDX-License-Identifier: Apache-2.0
// What a node, its pods and their containers use, and its texts: /metrics/resource and
// /stats/summary. Plain data and pure functions; a FiguresView may block and is thread-safe.
// Source: KEP-727, k8s.io/kubelet/pkg/apis/stats/v1alpha1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace keelson::node_api {

using Figure = std::optional<uint64_t>;

// `at`: wall nanoseconds of the reading.
struct CpuFigures {
  int64_t at = 0;
  Figure core_nanos;  // used since it began
  Figure nano_cores;
};
struct MemoryFigures {
  int64_t at = 0;
  Figure available, usage, working_set, rss, faults, major_faults;
};
struct SwapFigures {
  int64_t at = 0;
  Figure available, usage;
};
struct ContainerFigures {
  std::string name;
  int64_t started_at = 0;  // 0: not known
  CpuFigures cpu;
  MemoryFigures memory;
  SwapFigures swap;
  int64_t disk_at = 0;
  Figure disk_bytes, disk_inodes;  // of its writable layer
};
struct NetworkFigures {
  std::string name;
  Figure rx_bytes, rx_errors, tx_bytes, tx_errors;
};
struct PodFigures {
  std::string ns, name, uid;
  int64_t started_at = 0;
  CpuFigures cpu;
  MemoryFigures memory;
  int64_t network_at = 0;
  std::vector<NetworkFigures> networks;  // the pod's own first
  Figure processes;
  std::vector<ContainerFigures> containers;
};
struct NodeFigures {
  int64_t started_at = 0;
  CpuFigures cpu;
  MemoryFigures memory;
  SwapFigures swap;
};
struct Figures {
  std::string node;
  NodeFigures machine;
  std::vector<PodFigures> pods;
};

class FiguresView {
 public:
  virtual ~FiguresView() = default;
  virtual base::Result<Figures> Read() = 0;
};

// What a scraper gets; an error says that the reading failed.
std::string ResourceMetrics(const base::Result<Figures>& figures);
std::string Summary(const Figures& figures, bool only_cpu_and_memory);

}  // namespace keelson::node_api
