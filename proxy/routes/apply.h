// SPDX-License-Identifier: Apache-2.0
// Brings this node's routes of one family to what a plan says. Ours are the routes of our protocol
// number in the main table and the devices of our names: what of them nothing plans any more is
// taken away, whoever ran before; nothing else is changed, not even a route that stands where one
// of ours should. Blocks; for the network namespace of the socket.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/netlink/route_socket.h"
#include "proxy/routes/plan.h"

namespace keelson::proxy::routes {

// Fills in links and addresses.
base::Status ReadLinks(netlink::RouteSocket& socket, Facts& facts);

struct Outcome {
  int changes = 0;
  std::vector<std::string> problems;  // what could not be done; the rest is
};
// An error: nothing could be read.
base::Result<Outcome> ApplyPlan(netlink::RouteSocket& socket, const Plan& plan, bool v6);

}  // namespace keelson::proxy::routes
