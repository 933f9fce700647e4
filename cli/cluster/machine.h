// SPDX-License-Identifier: Apache-2.0
// What is there, and small effects: looks at ports and routes in a node's network,
// folders and files. Blocking; a look inside another network namespace happens on a throw-away
// thread.
#pragma once

#include <functional>
#include <string>

#include "cli/cluster/plan.h"
#include "lib/os/unique_fd.h"

namespace keelson::cluster {

// The machine's name as a node's; the address that leads outside; the folder of this program.
base::Status FillIn(NodeOptions& options);
// Keeps the node's network reachable while the file that names it is a namespace no longer: then
// options.network leads to the one in which its supervisor lives. For as long as the descriptor.
base::Result<os::UniqueFd> HoldNetwork(NodeOptions& options);
base::Status InNetwork(const std::string& network, const std::function<base::Status()>& work);
// `running`: names of ours that run already, whose ports are theirs.
base::Result<Facts> Observe(const NodeOptions& options, bool running);

// Folders and files of the plan.
base::Status Write(const Plan& plan);

// One of our programs, to its end.
base::Status RunProgram(const NodeOptions& options, std::vector<std::string> argv);

// The group below which the node's pods lived, in every hierarchy, where nothing is in it any more.
void RemoveCgroup(const std::string& root);

// Waits with ever longer looks; false after `patience`.
bool Eventually(std::chrono::seconds patience, const std::function<bool()>& done);
bool Listens(const NodeOptions& options, const std::string& address, int port);
std::string LastLines(const std::string& file, int lines);

}  // namespace keelson::cluster
