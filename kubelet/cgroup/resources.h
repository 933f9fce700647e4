// SPDX-License-Identifier: Apache-2.0
// What a pod and its containers get of the node: QoS class, shares, quota, limits, OOM score. Pure
// arithmetic, as upstream's kubelet has it (cpu.shares from milli-CPU, CFS period 100 ms, pod-level
// sums with the largest init container), so that a pod runs the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/kube/pod.h"

namespace keelson::node_cgroup {

enum class QosClass { kGuaranteed, kBurstable, kBestEffort };
QosClass QosOf(const kube::Pod& pod);
std::string QosName(QosClass qos);  // as in status.qosClass

struct NodeCapacity {
  int64_t milli_cpu = 0;
  int64_t memory_bytes = 0;
  int64_t pods = 110;
  int64_t storage_bytes = 0;  // of the disk that holds pods; 0: not counted
  // Bytes by resource ("hugepages-2Mi"), of every size that the machine knows.
  std::map<std::string, int64_t> huge_pages;
};

// How CPU limits are kept: cpuCFSQuota, cpuCFSQuotaPeriod.
struct CpuQuota {
  bool enforced = true;
  int64_t period = 100000;  // microseconds
};

struct Shares {
  int64_t cpu_shares = 2;
  int64_t cpu_quota = 0;  // microseconds per period; 0: none
  int64_t cpu_period = 100000;
  int64_t memory_bytes = 0;  // 0: none
};
int64_t SharesOf(int64_t milli_cpu);  // 2…262144; 1024 is one CPU
Shares SharesOfContainer(const kube::Container& container, const CpuQuota& rule = {});
Shares SharesOfPod(const kube::Pod& pod, const CpuQuota& rule = {});

// "hugepages-2Mi" for 2 MiB; "2MB", as the kernel's cgroups name that size; 0 of what is no such
// resource.
std::string HugePageResource(int64_t page_bytes);
std::string HugePageUnit(int64_t page_bytes);
int64_t HugePageSize(const std::string& resource);
// Bytes by the kernel's name, of every size that the node knows: none where nothing is said.
std::map<std::string, int64_t> HugePageLimits(const kube::ResourceList& amounts,
                                              const NodeCapacity& node);
int OomScoreAdjust(const kube::Pod& pod, const kube::Container& container,
                   const NodeCapacity& capacity);

// The pod's effective request (sum of regular containers and sidecars, or the largest init step,
// plus overhead).
kube::ResourceList PodRequests(const kube::Pod& pod);
// Where the pod's cgroup is below the root of all: {"burstable", "pod<uid>"}, {"besteffort",
// "pod<uid>"}, {"pod<uid>"}.
std::vector<std::string> PodGroup(const kube::Pod& pod);

}  // namespace keelson::node_cgroup
