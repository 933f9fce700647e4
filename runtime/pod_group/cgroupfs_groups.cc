// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/plan.h"
#include "runtime/pod_group/pod_groups.h"

namespace keelson::pod_group {
namespace {

using base::Result;
using base::Status;

constexpr char kOwnRoot[] = "/keelson";

class CgroupfsGroups final : public PodGroups {
 public:
  explicit CgroupfsGroups(cgroup::Layout layout) : layout_(std::move(layout)) {}

  std::string driver() const override { return "cgroupfs"; }

  Result<std::string> PathOf(const std::string& parent, const std::string& sandbox_id,
                             const std::string& name) const override {
    return container::CgroupPath(parent, sandbox_id, name);
  }

  Result<std::unique_ptr<Hold>> Make(const Pod& pod) override {
    ASSIGN_OR_RETURN(const std::string path, PathOf(pod.parent, pod.sandbox_id, pod.sandbox_id));
    RETURN_IF_ERROR(cgroup::Group(layout_, path).Create());
    return std::unique_ptr<Hold>();
  }

  // Making a container's group makes what is missing above it.
  Result<std::unique_ptr<Hold>> Ensure(const Pod&) override { return std::unique_ptr<Hold>(); }

  Status Remove(const Pod& pod) override {
    const Result<std::string> path = PathOf(pod.parent, pod.sandbox_id, pod.sandbox_id);
    if (!path.ok()) return {};  // it was refused before anything was made
    const std::string own = std::string(kOwnRoot) + "/" + pod.sandbox_id;
    return cgroup::Group(layout_, pod.parent.empty() ? own : *path).Remove();
  }

  Status RemoveOwnRoot() override { return cgroup::Group(layout_, kOwnRoot).RemoveIfEmpty(); }

 private:
  const cgroup::Layout layout_;
};

}  // namespace

std::unique_ptr<PodGroups> MakeCgroupfsGroups(cgroup::Layout layout) {
  return std::make_unique<CgroupfsGroups>(std::move(layout));
}

}  // namespace keelson::pod_group
