// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/empty_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "kubelet/volume/mounts.h"
#include "lib/base/fail_point.h"
#include "lib/os/files.h"

namespace keelson::volume {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kHugePages = "HugePages";
constexpr std::string_view kHugePagesPrefix = "hugepages-";

// The sum of a resource's limits over the containers; nothing when one that runs has none.
std::optional<int64_t> SumOfLimits(const kube::Pod& pod, const std::string& resource) {
  int64_t sum = 0;
  for (const kube::Container& container : pod.spec.containers) {
    const auto found = container.resources.limits.find(resource);
    if (found == container.resources.limits.end()) return std::nullopt;
    sum += found->second.Value();
  }
  return sum;
}

Result<EmptyDirPlan> PlanHugePages(const kube::EmptyDirVolume& volume, const kube::Pod& pod) {
  std::set<std::string> sizes;
  for (const kube::Container& container : pod.spec.containers) {
    for (const auto& [name, quantity] : container.resources.limits) {
      if (name.starts_with(kHugePagesPrefix)) sizes.insert(name.substr(kHugePagesPrefix.size()));
    }
  }
  std::string size;
  if (volume.medium != kHugePages) {
    size = volume.medium.substr(kHugePages.size() + 1);
    if (!sizes.contains(size))
      return base::InvalidArgument("medium {}: no container has a limit of hugepages-{}",
                                   volume.medium, size);
  } else if (sizes.size() == 1) {
    size = *sizes.begin();
  } else {
    return base::InvalidArgument(
        "medium HugePages: the containers' limits name {} page sizes, not one", sizes.size());
  }
  ASSIGN_OR_RETURN(const kube::Quantity page, kube::Quantity::Parse(size));
  EmptyDirPlan plan;
  plan.medium = EmptyDirPlan::Medium::kHugePages;
  plan.page_bytes = static_cast<uint64_t>(page.Value());
  for (const kube::Container& container : pod.spec.containers) {
    const auto found = container.resources.limits.find(std::string(kHugePagesPrefix) + size);
    if (found != container.resources.limits.end())
      plan.bytes += static_cast<uint64_t>(found->second.Value());
  }
  return plan;
}

}  // namespace

Result<EmptyDirPlan> PlanEmptyDir(const kube::EmptyDirVolume& volume, const kube::Pod& pod) {
  EmptyDirPlan plan;
  if (volume.medium.empty()) return plan;
  if (volume.medium.starts_with(kHugePages)) return PlanHugePages(volume, pod);
  if (volume.medium != "Memory")
    return base::InvalidArgument("medium '{}' is not known", volume.medium);
  plan.medium = EmptyDirPlan::Medium::kMemory;
  std::optional<int64_t> bytes = SumOfLimits(pod, "memory");
  if (volume.size_limit && !volume.size_limit->IsZero())
    bytes = std::min(volume.size_limit->Value(), bytes.value_or(volume.size_limit->Value()));
  plan.bytes = static_cast<uint64_t>(bytes.value_or(0));
  return plan;
}

Status MakeEmptyDir(const std::string& directory, const EmptyDirPlan& plan,
                    std::optional<gid_t> group) {
  RETURN_IF_ERROR(os::MakeDirs(directory.substr(0, directory.rfind('/')), 0750));
  RETURN_IF_ERROR(os::MakeDir(directory, 0777));
  FAIL_POINT("kubelet.volume.empty_directory");
  if (plan.medium != EmptyDirPlan::Medium::kDisk && !IsMountPoint(directory)) {
    RETURN_IF_ERROR(plan.medium == EmptyDirPlan::Medium::kMemory
                        ? MountMemory(directory, {plan.bytes, true})
                        : MountHugePages(directory, plan.page_bytes, plan.bytes));
  }
  FAIL_POINT("kubelet.volume.empty_mounted");
  // By descriptor: the mode that the umask took from mkdir(2) is given back to this very directory.
  ASSIGN_OR_RETURN(const os::UniqueFd opened,
                   os::Open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat st{};
  if (fstat(opened.get(), &st) != 0)
    return base::Error::FromErrno(errno, "look at '{}'", directory);
  const mode_t wanted = group ? 02777 : 0777;
  if (group && st.st_gid != *group && fchown(opened.get(), static_cast<uid_t>(-1), *group) != 0) {
    return base::Error::FromErrno(errno, "give '{}' to group {}", directory, *group);
  }
  if ((st.st_mode & wanted) != wanted && fchmod(opened.get(), st.st_mode | wanted) != 0) {
    return base::Error::FromErrno(errno, "set the mode of '{}'", directory);
  }
  return {};
}

}  // namespace keelson::volume
