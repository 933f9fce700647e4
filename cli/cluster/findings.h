// SPDX-License-Identifier: Apache-2.0
// What is wrong in the cluster, as its page says it (docs/page.md), for a terminal. Pure.
#pragma once

#include <string>
#include <vector>

#include "lib/json/value.h"

namespace keelson::cluster {

// Of /ui/findings.json: a line each, the worst first; notes are left out.
std::vector<std::string> FindingLines(const json::Value& verdict);
// Where people look at it: the page of the node that has the control plane.
std::string PageUrl(int port, bool own_network);

}  // namespace keelson::cluster
