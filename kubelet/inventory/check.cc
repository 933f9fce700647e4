// SPDX-License-Identifier: Apache-2.0
#include "kubelet/inventory/check.h"

#include "kubelet/inventory/plan.h"
#include "kubelet/volume/objects.h"
#include "kubelet/volume/volumes.h"
#include "lib/os/files.h"

namespace keelson::node_inventory {

using base::Status;
using Kind = Remedy::Kind;

namespace {

Status Carry(const Places& places, const Remedy& remedy) {
  switch (remedy.kind) {
    case Kind::kNone:
      return base::Ok();
    case Kind::kRemoveGroup: {
      const cgroup::Group group(places.cgroups, remedy.target);
      std::vector<std::string> directories = group.V1Directories();
      if (!group.UnifiedDirectory().empty()) directories.push_back(group.UnifiedDirectory());
      for (const std::string& directory : directories)
        RETURN_IF_ERROR(cgroup::RemoveDirectory(directory, std::chrono::milliseconds(500)));
      return base::Ok();
    }
    case Kind::kTearDownVolumes: {
      const volume::LocalObjects none("");
      return volume::Volumes(places.root, none).TearDown(remedy.target);
    }
    case Kind::kRemoveTree:
      return os::RemoveTree(remedy.target);
    case Kind::kRemoveFile:
      return os::RemoveFile(remedy.target);
  }
  return base::Ok();
}

}  // namespace

inventory::Report Check(const Places& places, const inventory::Report& runtime, bool mend) {
  Facts facts = ReadThings(places);
  ReadPods(places, runtime, facts);
  inventory::Report report{.component = "keelson-kubelet", .runs = !facts.runs.empty()};
  for (Judged& one : Judge(facts)) {
    if (mend && one.remedy.kind != Kind::kNone) {
      const Status done = Carry(places, one.remedy);
      one.item.mended = done.ok();
      if (!done.ok()) one.item.refused = done.error().message();
    }
    report.items.push_back(std::move(one.item));
  }
  return report;
}

}  // namespace keelson::node_inventory
