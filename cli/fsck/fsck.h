// SPDX-License-Identifier: Apache-2.0
// `keelson fsck`: asks each component of this node what of the machine is its own, whose everything
// is and what is wrong, and prints it. The components observe, judge and mend (runtime/inventory);
// here their reports are gathered and read to a person. Works with and without daemons.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "lib/inventory/report.h"

namespace CLI {
class App;
}

namespace keelson::cli {

struct FsckOptions {
  std::string state_dir = "/var/lib/keelson";
  std::string run_dir, config_dir;  // empty: the node's record, else the runtime's own
  std::string programs;             // their folder; empty: where this one is
  // The kubelet's; empty: the node's record's, or its own defaults.
  std::string kubelet_config, kubelet_root, kubelet_socket, cgroup_root, pod_logs, log_links;
  std::string output;  // json
  bool mend = false;
  bool all = false;  // what is in order as well
};

class FsckCommand {
 public:
  explicit FsckCommand(CLI::App& app);
  // The exit code, when it was asked for: 0: everything has an owner and is whole; 1: something is
  // not, or could not be looked at.
  std::optional<int> Run(const Console& console) const;

 private:
  const CLI::App* command_ = nullptr;
  FsckOptions options_;
};

// Pure: what people read, and programs.
std::string FsckText(const std::vector<inventory::Report>& reports, bool all);
std::string FsckJson(const std::vector<inventory::Report>& reports);

}  // namespace keelson::cli
