// SPDX-License-Identifier: Apache-2.0
// Whose a kubelet's things are, and what would mend those that are nobody's. Pure. Nothing is
// mended while a kubelet of the same root lives, nor what belongs to a pod in whose group a process
// lives, nor while it is not known which pods there are.
#pragma once

#include <string>
#include <vector>

#include "kubelet/inventory/facts.h"
#include "lib/inventory/report.h"

namespace keelson::node_inventory {

struct Remedy {
  enum class Kind { kNone, kRemoveGroup, kTearDownVolumes, kRemoveTree, kRemoveFile };
  Kind kind = Kind::kNone;
  std::string target;  // a group's path within the trees, a pod's uid, a path
  bool operator==(const Remedy&) const = default;
};

struct Judged {
  inventory::Item item;
  Remedy remedy;
};

std::vector<Judged> Judge(const Facts& facts);

}  // namespace keelson::node_inventory
