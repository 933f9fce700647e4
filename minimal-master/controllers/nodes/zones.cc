// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodes/zones.h"

#include <algorithm>
#include <utility>

namespace keelson::controllers::nodes {

ZoneState StateOfZone(size_t ready, size_t silent, const Rates& rates) {
  if (ready == 0 && silent > 0) return ZoneState::kFull;
  const double share = static_cast<double>(silent) / static_cast<double>(ready + silent);
  return silent > 2 && share >= rates.unhealthy_threshold ? ZoneState::kPartial
                                                          : ZoneState::kNormal;
}

void Zones::Count(const Node& node, int by) {
  Zone& zone = zones_[node.zone];
  size_t& count = node.ready ? zone.ready : zone.silent;
  count = by > 0 ? count + 1 : count - 1;
  if (zone.ready + zone.silent == 0) zones_.erase(node.zone);
}

void Zones::Put(const std::string& node, const std::string& zone, bool ready) {
  const auto there = nodes_.find(node);
  if (there != nodes_.end()) {
    if (there->second.zone == zone && there->second.ready == ready) return;
    // The new one first: a zone that has but this node keeps its time.
    const Node old = std::exchange(there->second, {zone, ready});
    Count(there->second, 1);
    Count(old, -1);
    return;
  }
  Count(nodes_[node] = {zone, ready}, 1);
}

void Zones::Remove(const std::string& node) {
  const auto there = nodes_.find(node);
  if (there == nodes_.end()) return;
  Count(there->second, -1);
  nodes_.erase(there);
}

ZoneState Zones::StateOf(const std::string& zone) const {
  const auto there = zones_.find(zone);
  return there == zones_.end() ? ZoneState::kNormal
                               : StateOfZone(there->second.ready, there->second.silent, rates_);
}

bool Zones::AllDown() const {
  return !zones_.empty() && std::all_of(zones_.begin(), zones_.end(),
                                        [&](const auto& one) { return one.second.ready == 0; });
}

double Zones::RateOf(const Zone& zone) const {
  if (StateOfZone(zone.ready, zone.silent, rates_) != ZoneState::kPartial)
    return rates_.evictions_per_second;
  return zone.ready + zone.silent > rates_.large_zone ? rates_.secondary_evictions_per_second : 0;
}

bool Zones::Take(const std::string& zone, base::SteadyTime now) {
  const auto there = zones_.find(zone);
  if (there == zones_.end() || AllDown()) return false;
  const double rate = RateOf(there->second);
  if (rate <= 0 || now < there->second.next) return false;
  there->second.next = now + std::chrono::nanoseconds(static_cast<int64_t>(1e9 / rate));
  return true;
}

}  // namespace keelson::controllers::nodes
