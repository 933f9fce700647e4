// SPDX-License-Identifier: Apache-2.0
// Runs hooks one after the other, each to its end, with the container's state on standard input.
// The first that fails ends it: the error names the hook, what became of it and what it said. A
// hook has its own variables (where it names none, the caller's PATH), three streams of ours and a
// session; of whoever called, the limits and the working directory alone. Past its timeout its
// whole group is killed; without one it has as long as it wants, as the specification says. Fork
// and exec: for processes of one thread, as the command and a container's first process are.
// Source: runtime-spec config.md#posix-platform-hooks.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "oci/config/config.h"

namespace keelson::oci {

base::Status RunHooks(const char* kind, const std::vector<Hook>& hooks, const std::string& state);

}  // namespace keelson::oci
