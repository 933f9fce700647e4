// SPDX-License-Identifier: Apache-2.0
// What keelson-kubelet does at once and ends, beside running: the node is cleaned up, or looked
// over; and how settings come together, for all of them. Blocks; one thread.
#pragma once

#include <string>

#include "kubelet/config/config.h"
#include "kubelet/program/options.h"
#include "lib/base/result.h"

namespace keelson::task {

// The files of settings, and over them what the command line says.
base::Result<config::KubeletConfig> Configure(const program::Options& options);
std::string PodsCgroup(const config::KubeletConfig& config);

// What pods left on the node once no runtime runs them: volumes with their mounts, links to logs,
// cgroups.
base::Status CleanUp(const program::Options& options);
// What `keelson fsck` asks the kubelet: a report on standard output.
base::Status CheckNode(const program::Options& options);

}  // namespace keelson::task
