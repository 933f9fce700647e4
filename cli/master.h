// SPDX-License-Identifier: Apache-2.0
// `keelson backup` and `keelson restore`: what the control plane's own program does to its store,
// run from beside this one. Its words go to the person as they are. Blocks; one thread.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace keelson::cli {

struct MasterOptions {
  std::string state_dir = "/var/lib/keelson/master";
  std::string store = "sqlite";
  std::string ca, certificate, key;
  std::string file;
};

// Its arguments: "backup" or "restore" and the options that were given.
std::vector<std::string> MasterArguments(const std::string& command, const MasterOptions& options);
// The exit code: keelson-master's, or 1 when it cannot be started.
int RunMaster(const std::string& command, const MasterOptions& options, const Console& console);

}  // namespace keelson::cli
