// SPDX-License-Identifier: Apache-2.0
// A terminal of a container: opened in the container's own devpts instance by a process that is in
// its mount namespace and not yet visible to it. The peer and /dev/console come from the master's
// descriptor, never from a path that the container could change (CVE-2025-52565). One thread.
// Source: ioctl_tty(2), pts(4).
#pragma once

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/spec/container_spec.h"

namespace keelson::launcher {

struct Terminal {
  os::UniqueFd master;
  os::UniqueFd peer;
};

// In the caller's root, 80 by 24 until somebody says otherwise.
base::Result<Terminal> OpenTerminal(const std::string& root);
// /dev/console becomes the terminal. A volume at /dev is its owner's: nothing is made in it.
base::Status BindConsole(const spec::ContainerSpec& spec, const std::string& root, int peer);
// In a session leader: its standard streams and its controlling terminal.
base::Status BecomeTerminalOf(const Terminal& terminal);

}  // namespace keelson::launcher
