// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cgroup/tree.h"

namespace keelson::node_cgroup {
namespace {

using base::Result;
using base::Status;

class CgroupfsTree final : public Tree {
 public:
  explicit CgroupfsTree(cgroup::Layout layout) : layout_(std::move(layout)) {}

  Result<std::string> PathOf(const Parts& parts) const override {
    std::string path = "/";
    for (const std::string& part : parts) {
      ASSIGN_OR_RETURN(path, cgroup::JoinPath(path, part));
    }
    return path;
  }

  std::optional<std::string> PartOf(const Parts&, const std::string& directory) const override {
    return directory;
  }

  Status Ensure(const Parts& parts, const cgroup::Resources& resources) override {
    ASSIGN_OR_RETURN(const std::string path, PathOf(parts));
    const cgroup::Group group(layout_, path);
    RETURN_IF_ERROR(group.Create());
    return group.Apply(resources);
  }

  Status Remove(const Parts& parts) override {
    ASSIGN_OR_RETURN(const std::string path, PathOf(parts));
    return cgroup::Group(layout_, path).Remove();
  }

 private:
  const cgroup::Layout layout_;
};

}  // namespace

std::unique_ptr<Tree> MakeCgroupfsTree(cgroup::Layout layout) {
  return std::make_unique<CgroupfsTree>(std::move(layout));
}

}  // namespace keelson::node_cgroup
