// SPDX-License-Identifier: Apache-2.0
// Session keyrings: the keys that a process and all that it starts can find. A new one parts a
// process from the keys of whoever started it. Each call changes the calling process only, which
// has one thread. Where the kernel has no keys, or a filter forbids to ask for them (which what is
// started inherits), nothing is done and that is no error. The calling user's quota of keys used
// up: os_errno() is EDQUOT, and the session stays what it was. Source: keyctl(2),
// session-keyring(7).
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::keys {

// A new one, empty and without a name.
base::Status JoinFreshSession();

// The one of this name, or a new one: those of a user namespace are found by processes of the same
// user in it. Nobody else sees the name; who shall not join may not guess it either.
base::Status JoinSession(const std::string& name);

// What the one of a container is called, as other runtimes call it.
std::string SessionOf(const std::string& container_id);

}  // namespace keelson::keys
