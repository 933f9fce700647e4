// SPDX-License-Identifier: Apache-2.0
// What is wrong in a cluster, the worst first: a pure function of what the objects say and of the
// time. Pods of one owner with the same trouble are one finding. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "minimal-master/page/facts.h"

namespace keelson::page {

enum class Level {
  kBroken,   // something does not work
  kWarning,  // something may not work soon, or works less
  kNote,     // meant to be so, and worth knowing
};
std::string_view LevelText(Level level);  // "broken", "warning", "note"

struct Finding {
  Level level = Level::kBroken;
  std::string kind, ns, name;  // of the object; of pods that are many, their owner
  std::string says;            // "the image cannot be pulled"
  std::string detail;          // in the words of whoever noticed it
  int64_t count = 1;           // pods
  int64_t since = 0;           // of the oldest, seconds since 1970; 0: not told
  std::string pod, container;  // whose log may tell more
  int rank = 0;                // among its level
};

// `now`: seconds since 1970. What is only beginning is given a while before it is a finding.
// `levels`, when given, gets the pods that are in one, and all of lost nodes.
std::vector<Finding> Findings(const World& world, int64_t now,
                              std::map<const Pod*, Level>* levels = nullptr);

}  // namespace keelson::page
