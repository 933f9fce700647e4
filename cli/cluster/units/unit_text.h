// SPDX-License-Identifier: Apache-2.0
// A process of the plan as a unit of systemd. Pure. Sources: systemd.service(5), systemd.unit(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/cluster/options.h"
#include "supervise/protocol/protocol.h"

namespace keelson::cluster {

inline constexpr char kUnitDir[] = "/etc/systemd/system";  // of the machine's administrator
inline constexpr char kSlice[] = "keelson.slice";          // of a node's processes, not of its pods

// "keelson-runtime.service"; of a node that is not in the usual folder with its name in it.
std::string UnitName(const NodeOptions& node, const std::string& process);
std::string UnitText(const NodeOptions& node, const supervise::Process& process,
                     int systemd_version);
// The slices that `cgroup_root` stands for, each before the one that holds it; "" has none.
std::vector<std::string> SlicesOf(const std::string& cgroup_root);
// Whether a unit's text was written for the node in this folder.
bool IsOurs(const NodeOptions& node, std::string_view text);

// One word, as it stands.
std::string Quoted(std::string_view word);

}  // namespace keelson::cluster
