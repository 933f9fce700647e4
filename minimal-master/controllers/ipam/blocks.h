// SPDX-License-Identifier: Apache-2.0
// A block of addresses cut into smaller ones of one size, of which free ones are given out in turn,
// so that what was just given back rests for a while. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/ip_address.h"
#include "lib/base/result.h"
#include "minimal-master/controllers/ipam/networks.h"

namespace keelson::controllers::ipam {

class Blocks {
 public:
  // Refuses what is no block, pieces larger than it, and more than 65,536 of them.
  static base::Result<Blocks> Parse(std::string_view block, int v4_length, int v6_length);

  bool v6() const { return block_.address.v6; }
  size_t size() const { return taken_.size(); }
  // Nothing: all are taken.
  std::optional<std::string> Take();
  // Every piece that overlaps it; what lies elsewhere does not matter. Counted: what was occupied
  // twice is free when it was released twice.
  void Occupy(std::string_view block) { Mark(block, 1); }
  void Release(std::string_view block) { Mark(block, -1); }

 private:
  void Mark(std::string_view block, int by);

  base::IpBlock block_;
  int piece_length_ = 0;
  std::vector<int> taken_;  // by how many
  size_t next_ = 0;
};

// One of each family at most; without what services have.
base::Result<std::vector<Blocks>> ReadNetworks(const Networks& networks);

}  // namespace keelson::controllers::ipam
