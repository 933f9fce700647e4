// SPDX-License-Identifier: Apache-2.0
// From the units that are there and the processes that are to be: what is to be done. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/cluster/options.h"
#include "lib/systemd/services.h"
#include "supervise/protocol/protocol.h"

namespace keelson::cluster {

// All processes that a node can have, in the order in which they are started and told.
inline constexpr const char* kProcesses[] = {"master", "runtime", "dns", "kubelet", "proxy"};

struct SeenUnit {
  std::string process;
  std::string text;       // of the file in kUnitDir; empty: there is none
  bool enabled = false;   // multi-user.target wants it
  systemd::Service unit;  // what systemd says
};

struct UnitActions {
  std::vector<std::string> refusals;  // sentences; nothing else then
  // Units by name, in the order in which this is done:
  std::vector<std::string> stop;  // no longer named; disabled and removed too
  std::vector<std::pair<std::string, std::string>> write;
  std::vector<std::string> enable;
  bool reload = false;
  std::vector<std::string> start, restart;
  bool operator==(const UnitActions&) const = default;
};

UnitActions PlanUnits(const NodeOptions& node, const supervise::Layout& wanted,
                      const std::vector<SeenUnit>& seen, int systemd_version);

// As keelson-supervise would say it.
supervise::ProcessStatus StatusOf(const std::string& process, const systemd::Service& unit);
// What is wrong with the unit itself; empty: nothing.
std::string ProblemOf(const std::string& name, const SeenUnit& seen);

}  // namespace keelson::cluster
