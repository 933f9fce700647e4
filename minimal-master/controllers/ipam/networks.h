// SPDX-License-Identifier: Apache-2.0
// What the networks of nodes' pods are taken from, with upstream's sizes. Plain data.
#pragma once

#include <string>
#include <vector>

namespace keelson::controllers::ipam {

struct Networks {
  std::vector<std::string> cluster{
      "10.42.0.0/16"};                // one block, or one of each family; empty: none are given out
  std::vector<std::string> services;  // what must not be given out, where it overlaps
  int node_length_v4 = 24;
  int node_length_v6 = 64;
};

}  // namespace keelson::controllers::ipam
