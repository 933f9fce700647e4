// SPDX-License-Identifier: Apache-2.0
// What of this network namespace is a service proxy's, as the kernel says it. Filled by observe.h,
// judged by plan.h.
#pragma once

#include <string>
#include <vector>

#include "lib/kernel/netlink/paths.h"
#include "lib/kernel/xtables/xtables.h"

namespace keelson::proxy::inventory {

struct SavedTable {
  xtables::Flavour flavour;
  std::string table;  // "nat"
  std::string saved;  // as `iptables-save` prints it
};

struct OwnRoute {
  netlink::Route route;
  std::string link;  // its name; empty: there is none of that index
};

struct OwnLink {
  std::string name;
  std::vector<std::string> addresses;  // "10.43.0.10"
};

struct Facts {
  std::string runs;   // "keelson-proxy", "kube-proxy"; empty: neither lives here
  bool kept = false;  // a proxy is set up here: what it made stays while it is away
  std::vector<SavedTable> tables;
  std::vector<OwnRoute> routes;
  std::vector<OwnLink> links;
};

}  // namespace keelson::proxy::inventory
