// SPDX-License-Identifier: Apache-2.0
// Whose everything is, what is wrong, and what would mend it. Pure. Only what has no owner is ever
// mended, and while the daemon lives only that which cannot be on its way: see Refusal in plan.cc.
#pragma once

#include <string>
#include <vector>

#include "lib/inventory/report.h"
#include "runtime/inventory/facts.h"

namespace keelson::inventory {

struct Remedy {
  enum class Kind {
    kNone,
    kEndMonitor,       // target: sandbox id; `pid`, `start_time`
    kRemoveTree,       // target: path
    kUnpin,            // target: path of the pin
    kUnmount,          // target: mount point
    kDeleteLink,       // target: name
    kRemoveGroup,      // target: path within the trees; only while nobody is in it
    kEndGroup,         // the same, and who is in it is killed
    kForgetAddress,    // target: sandbox id
    kForgetHostPorts,  // target: sandbox id
    kWriteHostPorts,   // the chain anew from its record
    kRemoveChains,     // target: the bridge that they were for
    kRemoveRecord,     // target: path of a record that is begun anew when it is not there
  };
  Kind kind = Kind::kNone;
  std::string target;
  pid_t pid = 0;
  uint64_t start_time = 0;
  bool operator==(const Remedy&) const = default;
};

struct Judged {
  Item item;
  Remedy remedy;
};

// In the order in which mending goes: processes first, what they use after them.
std::vector<Judged> Judge(const Facts& facts);

// Pods that the runtime knows, whatever their state.
std::vector<Pod> KnownPods(const Facts& facts);

}  // namespace keelson::inventory
