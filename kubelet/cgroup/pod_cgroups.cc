// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cgroup/pod_cgroups.h"

#include <dirent.h>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/kernel/cgroup/usage.h"
#include "lib/os/files.h"
#include "lib/systemd/bus.h"

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

Result<Parts> RootParts(const std::string& root) {
  if (root.size() < 2 || root.front() != '/')
    return base::InvalidArgument("cgroup root '{}': give an absolute path like /kubepods", root);
  Parts parts;
  for (const std::string_view part : base::Split(std::string_view(root).substr(1), '/'))
    parts.emplace_back(part);
  return parts;
}

Result<std::unique_ptr<Tree>> MakeTree(const cgroup::Layout& layout, Driver driver) {
  if (driver == Driver::kCgroupfs) return MakeCgroupfsTree(layout);
  if (!layout.v2 || !systemd::IsBooted()) {
    return base::FailedPrecondition(
        "the runtime's cgroup driver is systemd, which needs systemd as process 1 and cgroup v2");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<systemd::BusUnits> units, systemd::ConnectUnits());
  return MakeSystemdTree(layout, std::move(units));
}

}  // namespace

Result<std::unique_ptr<PodCgroups>> PodCgroups::Create(const std::string& root,
                                                       const NodeCapacity& allocatable,
                                                       int64_t pids, const CpuQuota& cpu,
                                                       DriverSource driver) {
  ASSIGN_OR_RETURN(Parts parts, RootParts(root));
  ASSIGN_OR_RETURN(cgroup::Layout layout, cgroup::DetectLayout());
  std::unique_ptr<PodCgroups> made(new PodCgroups(std::move(layout), std::move(parts), allocatable,
                                                  pids, cpu, std::move(driver)));
  const Result<Tree*> opened = made->Opened();
  if (!opened.ok() && opened.error().code() != base::Code::kUnavailable) return opened.error();
  return made;
}

Result<Tree*> PodCgroups::Opened() {
  const std::lock_guard lock(mutex_);
  if (tree_) return tree_.get();
  Driver driver = Driver::kCgroupfs;
  if (driver_) {
    ASSIGN_OR_RETURN(driver, driver_());
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Tree> tree, MakeTree(layout_, driver));
  cgroup::Resources resources;
  resources.oom_group = false;
  resources.cpu_shares = SharesOf(node_.milli_cpu);
  resources.memory_limit = node_.memory_bytes;
  for (const auto& [resource, bytes] : node_.huge_pages)
    resources.hugepages[HugePageUnit(HugePageSize(resource))] = bytes;
  RETURN_IF_ERROR(tree->Ensure(root_, resources).WithContext("the node's pods"));
  for (const char* tier : {kBurstable, kBestEffort})
    RETURN_IF_ERROR(tree->Ensure(Below({tier}), SharesOnly(SharesOf(0))));
  tree_ = std::move(tree);
  return tree_.get();
}

Parts PodCgroups::Below(const std::vector<std::string>& parts) const {
  Parts out = root_;
  out.insert(out.end(), parts.begin(), parts.end());
  return out;
}

Result<std::string> PodCgroups::Ensure(const kube::Pod& pod) {
  ASSIGN_OR_RETURN(Tree * tree, Opened());
  const Parts parts = Below(PodGroup(pod));
  cgroup::Resources resources = ResourcesOf(SharesOfPod(pod, cpu_));
  resources.hugepages = HugePageLimits(PodRequests(pod), node_);
  if (pids_ != 0) resources.pids_limit = pids_;
  RETURN_IF_ERROR(tree->Ensure(parts, resources));
  return tree->PathOf(parts);
}

Status PodCgroups::Remove(const std::string& pod_uid) {
  ASSIGN_OR_RETURN(Tree * tree, Opened());
  const std::string name = std::string(kPodPrefix) + pod_uid;
  for (const Parts& parts : {Parts{name}, Parts{kBurstable, name}, Parts{kBestEffort, name}})
    RETURN_IF_ERROR(tree->Remove(Below(parts)));
  return {};
}

Result<std::set<std::string>> PodCgroups::PodsOnNode() {
  ASSIGN_OR_RETURN(Tree * tree, Opened());
  std::set<std::string> uids;
  for (const Parts& tier : {root_, Below({kBurstable}), Below({kBestEffort})}) {
    ASSIGN_OR_RETURN(const std::string path, tree->PathOf(tier));
    const cgroup::Group group(layout_, path);
    std::vector<std::string> directories = group.V1Directories();
    if (directories.empty()) directories.push_back(group.UnifiedDirectory());
    for (const std::string& directory : directories) {
      const Result<std::vector<os::DirEntry>> entries = os::ListDir(directory);
      if (!entries.ok() && entries.error().code() == base::Code::kNotFound) continue;
      if (!entries.ok()) return entries.error();
      for (const os::DirEntry& entry : *entries) {
        if (entry.type != DT_DIR) continue;
        const std::optional<std::string> part = tree->PartOf(tier, entry.name);
        if (part && part->starts_with(kPodPrefix)) uids.insert(part->substr(kPodPrefix.size()));
      }
    }
  }
  return uids;
}

Status PodCgroups::SetBurstableShares(int64_t milli_cpu) {
  ASSIGN_OR_RETURN(Tree * tree, Opened());
  return tree->Ensure(Below({kBurstable}), SharesOnly(SharesOf(milli_cpu)));
}

Result<int64_t> PodCgroups::WorkingSet() {
  ASSIGN_OR_RETURN(Tree * tree, Opened());
  ASSIGN_OR_RETURN(const std::string path, tree->PathOf(root_));
  static const base::SystemClock kClock;
  cgroup::DescriptorBudget none(0);  // it is read too seldom to keep files open
  ASSIGN_OR_RETURN(const cgroup::Usage usage,
                   cgroup::UsageReader(layout_, path, none, kClock).Read(cgroup::Detail::kTotals));
  if (!usage.memory) return base::NotFound("the kernel does not count the memory of '{}'", path);
  return static_cast<int64_t>(usage.memory->WorkingSet());
}

Status PodCgroups::RemoveAll() {
  ASSIGN_OR_RETURN(Tree * tree, Opened());
  return tree->Remove(root_);
}

Status PodCgroups::RemoveLeftovers(const std::string& root) {
  ASSIGN_OR_RETURN(const Parts parts, RootParts(root));
  ASSIGN_OR_RETURN(const cgroup::Layout layout, cgroup::DetectLayout());
  RETURN_IF_ERROR(MakeCgroupfsTree(layout)->Remove(parts));
  if (!layout.v2 || !systemd::IsBooted()) return {};
  ASSIGN_OR_RETURN(const std::unique_ptr<Tree> slices, MakeTree(layout, Driver::kSystemd));
  return slices->Remove(parts);
}

}  // namespace keelson::node_cgroup
