// SPDX-License-Identifier: Apache-2.0
// The commands: up, join, status, apply, leave, down. Each observes, plans, refuses or applies.
// Blocking; what they did or found is written to the console in people's words.
#pragma once

#include <string>

#include "cli/cluster/options.h"
#include "cli/console.h"
#include "lib/base/clock.h"

namespace keelson::cluster {

struct UpOptions : NodeOptions {
  bool wait = true;        // until the node is Ready
  bool print_join = true;  // the line for other machines
};
base::Status Up(UpOptions options, const base::Clock& clock, const cli::Console& console);

struct JoinOptions : NodeOptions {
  std::string token;
  std::string ca_hash;  // "sha256:…"
  bool wait = true;
};
base::Status Join(JoinOptions options, const base::Clock& clock, const cli::Console& console);

// False: something is wrong, and was said.
base::Result<bool> Status(const std::string& state_dir, const base::Clock& clock,
                          const cli::Console& console);

struct DownOptions {
  std::string state_dir = "/var/lib/keelson";
  bool keep_images = false;
  bool drain = false;  // leave: evict pods, delete the Node
  int grace_seconds = 30;
};
// Processes, pods, network, cgroups, and the state of the node.
base::Status Down(const DownOptions& options, const base::Clock& clock,
                  const cli::Console& console);

struct ApplyOptions {
  std::string state_dir = "/var/lib/keelson";
  std::string file;
  bool wait = false;  // until deployments have all their pods
};
// The objects of a file as they are there, by the administrator's access of this node.
base::Status Apply(const ApplyOptions& options, const cli::Console& console);

}  // namespace keelson::cluster
