// SPDX-License-Identifier: Apache-2.0
// A container's terminal, seen from the command: handed to whoever listens on --console-socket, or
// copied to and from the command's own terminal until the container ends. One thread. Source:
// runc's docs/terminals.md (the socket's protocol), ioctl_tty(2).
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "lib/base/result.h"
#include "lib/os/process.h"
#include "lib/os/unique_fd.h"
#include "oci/container/notify.h"

namespace keelson::oci {

base::Status SetSize(int terminal, std::pair<uint32_t, uint32_t> height_and_width);
// What the container writes is what comes out: no carriage returns for a file or a pipe. Before its
// program runs.
void KeepLineEnds(int terminal);
base::Status SendConsole(const std::string& socket_path, int master);
base::Status SendPidfd(const std::string& socket_path, int pidfd);

// From now on signals are read from the descriptor: before the process runs, so that none is lost.
base::Result<os::UniqueFd> HoldSignals();
// What run and exec do in the foreground: signals go on to the process, its terminal, when it has
// one, is copied, and what it says to a service manager goes on; returns when it has ended. It is
// the caller's child.
base::Result<os::ExitStatus> Attend(pid_t pid, int pidfd, const os::UniqueFd& signals,
                                    os::UniqueFd terminal, Notifier notifier = {});

}  // namespace keelson::oci
