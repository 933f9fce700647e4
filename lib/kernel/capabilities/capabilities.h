// SPDX-License-Identifier: Apache-2.0
// Capability names and bits, and giving a process exactly the sets asked for. Names through libcap;
// sets as 64-bit masks. Apply() changes the calling thread only. Source: capabilities(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::capabilities {

// "CAP_NET_RAW" or "NET_RAW", any case → its bit number.
std::optional<int> Find(std::string_view name);
std::string NameOf(int bit);  // "CAP_NET_RAW"
uint64_t AllOfThisKernel();   // every capability that the running kernel knows

struct Sets {
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
  uint64_t ambient = 0;
};
base::Result<uint64_t> OwnPermitted();     // what the calling thread may have
base::Status DropBounding(uint64_t keep);  // needs CAP_SETPCAP: before the user changes
base::Status RaiseAllPermitted();          // what is permitted takes effect
base::Status Apply(const Sets& sets);      // capset(2), then the ambient set
// For a daemon that begins, before it has other threads: of what it may do only `keep` stays, for
// it and for all that it starts, and no program gives more (no_new_privs). Nothing for a process
// that is not root: it has no capabilities.
base::Status KeepOnly(uint64_t keep);

}  // namespace keelson::capabilities
