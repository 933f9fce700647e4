// SPDX-License-Identifier: Apache-2.0
// The last words of a container: the file it may write, or the end of its log where its pod asks
// for that. What a container wrote is never followed as a link and never read beyond 4096 bytes.
// Blocks on disk.
#pragma once

#include <string>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"

namespace keelson::pleg {

std::string TerminationMessage(const cri::ContainerStatus& status);

// The text of the last lines of a CRI log, at most `lines` and `bytes`.
std::string LogTail(const std::string& path, size_t lines, size_t bytes);

}  // namespace keelson::pleg
