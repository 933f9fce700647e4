// SPDX-License-Identifier: Apache-2.0
// Sends a container's log file to a reader, once or for as long as the container runs. Following
// survives rotation: the file under the name is looked at at every poll, and a new one is read
// after the old one was read to its end twice. Blocks; one thread a reader. Files below a pod's log
// directory are opened without following symlinks: a container may have that directory mounted.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "kubelet/server/log_options.h"
#include "kubelet/server/node_view.h"
#include "lib/base/result.h"
#include "lib/http/server/server.h"
#include "lib/os/unique_fd.h"

namespace keelson::server {

// ".../<pod>/<container>/<n>.log": a regular file, neither it nor the two directories above it a
// symlink.
base::Result<os::UniqueFd> OpenLog(const std::string& path);

// The container whose log it is, asked again at every poll: another path, not running or an error
// mean that the run has ended.
using LookAtLog = std::function<base::Result<NodeView::LogFile>()>;

// `file` may be invalid when following: the log has not been made yet.
void SendLog(os::UniqueFd file, const std::string& path, const LogOptions& options,
             const LookAtLog& look, http::BodyWriter& writer,
             std::chrono::milliseconds poll = std::chrono::milliseconds(200));

}  // namespace keelson::server
