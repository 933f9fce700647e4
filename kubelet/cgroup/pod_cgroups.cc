// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cgroup/pod_cgroups.h"

#include <dirent.h>

#include "lib/os/files.h"

namespace keelson::node_cgroup {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kPodPrefix = "pod";
constexpr const char* kBurstable = "burstable";
constexpr const char* kBestEffort = "besteffort";

cgroup::Resources ResourcesOf(const Shares& shares) {
  cgroup::Resources out;
  out.cpu_shares = shares.cpu_shares;
  out.cpu_quota = shares.cpu_quota == 0 ? -1 : shares.cpu_quota;
  out.cpu_period = shares.cpu_period;
  out.memory_limit = shares.memory_bytes == 0 ? -1 : shares.memory_bytes;
  // A pod's containers die one by one: which of them is "the whole container" is decided in their
  // own groups.
  out.oom_group = false;
  return out;
}

cgroup::Resources SharesOnly(int64_t shares) {
  cgroup::Resources out;
  out.cpu_shares = shares;
  out.oom_group = false;
  return out;
}

}  // namespace

Result<std::unique_ptr<PodCgroups>> PodCgroups::Create(const std::string& root,
                                                       const NodeCapacity& allocatable,
                                                       int64_t pids, const CpuQuota& cpu) {
  if (root.size() < 2 || root.front() != '/')
    return base::InvalidArgument("cgroup root '{}': give an absolute path like /kubepods", root);
  ASSIGN_OR_RETURN(cgroup::Layout layout, cgroup::DetectLayout());
  const cgroup::Group group(layout, root);
  RETURN_IF_ERROR(group.Create().WithContext("the node's pods"));
  cgroup::Resources resources;
  resources.oom_group = false;
  resources.cpu_shares = SharesOf(allocatable.milli_cpu);
  resources.memory_limit = allocatable.memory_bytes;
  for (const auto& [resource, bytes] : allocatable.huge_pages)
    resources.hugepages[HugePageUnit(HugePageSize(resource))] = bytes;
  RETURN_IF_ERROR(group.Apply(resources).WithContext("the node's pods"));
  for (const char* tier : {kBurstable, kBestEffort}) {
    const cgroup::Group made(layout, root + "/" + tier);
    RETURN_IF_ERROR(made.Create());
    RETURN_IF_ERROR(made.Apply(SharesOnly(SharesOf(0))));
  }
  return std::unique_ptr<PodCgroups>(
      new PodCgroups(std::move(layout), root, allocatable, pids, cpu));
}

Result<std::string> PodCgroups::Ensure(const kube::Pod& pod) {
  const std::string path = PodCgroupPath(root_, pod);
  const cgroup::Group group(layout_, path);
  RETURN_IF_ERROR(group.Create());
  cgroup::Resources resources = ResourcesOf(SharesOfPod(pod, cpu_));
  resources.hugepages = HugePageLimits(PodRequests(pod), node_);
  if (pids_ != 0) resources.pids_limit = pids_;
  RETURN_IF_ERROR(group.Apply(resources));
  return path;
}

Status PodCgroups::Remove(const std::string& pod_uid) {
  for (const std::string& tier : {root_, root_ + "/" + kBurstable, root_ + "/" + kBestEffort}) {
    ASSIGN_OR_RETURN(const std::string path,
                     cgroup::JoinPath(tier, std::string(kPodPrefix) + pod_uid));
    RETURN_IF_ERROR(cgroup::Group(layout_, path).Remove());
  }
  return {};
}

Result<std::set<std::string>> PodCgroups::PodsOnNode() const {
  std::set<std::string> uids;
  for (const std::string& tier : {root_, root_ + "/" + kBurstable, root_ + "/" + kBestEffort}) {
    const cgroup::Group group(layout_, tier);
    std::vector<std::string> directories = group.V1Directories();
    if (directories.empty()) directories.push_back(group.UnifiedDirectory());
    for (const std::string& directory : directories) {
      const Result<std::vector<os::DirEntry>> entries = os::ListDir(directory);
      if (!entries.ok() && entries.error().code() == base::Code::kNotFound) continue;
      if (!entries.ok()) return entries.error();
      for (const os::DirEntry& entry : *entries) {
        if (entry.type == DT_DIR && entry.name.starts_with(kPodPrefix))
          uids.insert(entry.name.substr(kPodPrefix.size()));
      }
    }
  }
  return uids;
}

Status PodCgroups::SetBurstableShares(int64_t milli_cpu) {
  return cgroup::Group(layout_, root_ + "/" + kBurstable).Apply(SharesOnly(SharesOf(milli_cpu)));
}

Status PodCgroups::RemoveAll() { return cgroup::Group(layout_, root_).Remove(); }

}  // namespace keelson::node_cgroup
