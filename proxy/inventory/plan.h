// SPDX-License-Identifier: Apache-2.0
// Whose a service proxy's chains, routes and links are, and what would mend those that are
// nobody's. Pure. Chains have kube-proxy's names: where neither proxy lives and none is set up they
// are named, and left to who knows whose they are.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "lib/inventory/report.h"
#include "proxy/inventory/facts.h"

namespace keelson::proxy::inventory {

struct RemoveChain {
  xtables::Flavour flavour;
  std::string table, chain;
  bool operator==(const RemoveChain&) const = default;
};
struct RemoveRoute {
  netlink::Route route;
  bool operator==(const RemoveRoute&) const = default;
};
struct RemoveLink {
  std::string name;
  bool operator==(const RemoveLink&) const = default;
};
using Remedy = std::variant<std::monostate, RemoveChain, RemoveRoute, RemoveLink>;

struct Judged {
  keelson::inventory::Item item;
  Remedy remedy;
};

std::vector<Judged> Judge(const Facts& facts);

}  // namespace keelson::proxy::inventory
