// SPDX-License-Identifier: Apache-2.0
// How many nodes of each zone report, and how fast its nodes may be emptied: a zone that loses most
// of its nodes at once is more likely cut off than dead. Not thread-safe. Source:
// k8s.io/kubernetes, pkg/controller/nodelifecycle (1.35).
#pragma once

#include <map>
#include <string>

#include "lib/base/clock.h"
#include "minimal-master/controllers/nodes/rates.h"

namespace keelson::controllers::nodes {

enum class ZoneState { kNormal, kPartial, kFull };
// `silent` of `silent + ready` nodes do not report.
ZoneState StateOfZone(size_t ready, size_t silent, const Rates& rates);

class Zones {
 public:
  explicit Zones(const Rates& rates) : rates_(rates) {}

  void Put(const std::string& node, const std::string& zone, bool ready);
  void Remove(const std::string& node);
  ZoneState StateOf(const std::string& zone) const;
  // In no zone is there a node that reports: it is rather us who are cut off.
  bool AllDown() const;
  // True: one node of the zone may be emptied, and that is counted.
  bool Take(const std::string& zone, base::SteadyTime now);

 private:
  struct Zone {
    size_t ready = 0;
    size_t silent = 0;
    base::SteadyTime next{};  // when another may be emptied
  };
  struct Node {
    std::string zone;
    bool ready = false;
  };
  double RateOf(const Zone& zone) const;
  void Count(const Node& node, int by);

  const Rates rates_;
  std::map<std::string, Zone> zones_;
  std::map<std::string, Node> nodes_;
};

}  // namespace keelson::controllers::nodes
