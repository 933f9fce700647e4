// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/shares.h"

#include <algorithm>

#include "kubelet/image/collector.h"
#include "kubelet/node/machine.h"

namespace keelson::node {

base::Result<Shares> SharesOf(const config::KubeletConfig& config, const std::string& root_dir) {
  Shares shares;
  ASSIGN_OR_RETURN(shares.capacity, Capacity());
  shares.limits = Allocatable(shares.capacity, config.system_reserved, config.kube_reserved,
                              config.max_pods, config.pods_per_core);
  shares.allocatable = shares.limits;
  shares.allocatable.memory_bytes =
      WithoutHugePages(shares.limits.memory_bytes - config::KeptFree(config, "memory.available",
                                                                     shares.capacity.memory_bytes),
                       shares.capacity);
  if (const base::Result<image_gc::Disk> disk = image_gc::DiskOf(root_dir); disk.ok()) {
    shares.capacity.storage_bytes = disk->capacity;
    shares.allocatable.storage_bytes = std::max<int64_t>(
        0, disk->capacity - config::KeptFree(config, "nodefs.available", disk->capacity));
    for (const kube::ResourceList* reserved : {&config.system_reserved, &config.kube_reserved}) {
      if (const auto storage = reserved->find("ephemeral-storage"); storage != reserved->end())
        shares.allocatable.storage_bytes -= storage->second.Value();
    }
    shares.allocatable.storage_bytes = std::max<int64_t>(1, shares.allocatable.storage_bytes);
  }
  return shares;
}

}  // namespace keelson::node
