// SPDX-License-Identifier: Apache-2.0
// What the page shows, as JSON: the worst first, and never more than a browser likes; beyond that
// it says how many there are. Pure, any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "minimal-master/page/facts.h"
#include "minimal-master/page/findings.h"
#include "minimal-master/usage/usage.h"

namespace keelson::page {

struct Bounds {
  size_t findings = 100, nodes = 200, pods = 400, workloads = 300, services = 300, events = 100;
};

struct ViewOf {
  const World& world;
  int64_t revision = 0;
  int64_t now = 0;  // seconds since 1970
  std::string version;
  std::string filter;  // pods with this in their namespace, name, node or state
  bool only_wrong = false;
  std::vector<usage::NodeUse> used;
  std::map<std::string, std::vector<usage::Point>> past;
  std::function<std::optional<usage::PodUse>(const Pod&)> use_of;  // may be empty
  Bounds bounds;
};

json::Value View(const ViewOf& of);
// The findings alone, for those who ask whether all is well.
json::Value Verdict(const World& world, int64_t now, size_t most = 100);

}  // namespace keelson::page
