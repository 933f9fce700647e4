// SPDX-License-Identifier: Apache-2.0
#include "proxy/inventory/check.h"

#include "lib/kernel/netlink/route_socket.h"
#include "proxy/inventory/observe.h"
#include "proxy/inventory/plan.h"

namespace keelson::proxy::inventory {

using base::Result;
using base::Status;

namespace {

struct Carry {
  Status operator()(std::monostate) const { return base::Ok(); }
  Status operator()(const RemoveChain& one) const {
    ASSIGN_OR_RETURN(const bool gone, xtables::RemoveChain(one.flavour, one.table, one.chain));
    if (!gone) return base::FailedPrecondition("a rule leads to it by now");
    return base::Ok();
  }
  Status operator()(const RemoveRoute& one) const {
    ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
    return socket.DeleteRoute(one.route);
  }
  Status operator()(const RemoveLink& one) const {
    ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
    return socket.DeleteLink(one.name);
  }
};

}  // namespace

Result<keelson::inventory::Report> Check(bool kept, bool mend) {
  ASSIGN_OR_RETURN(Facts facts, ReadThings());
  facts.kept = kept;
  keelson::inventory::Report report{.component = "keelson-proxy",
                                    .runs = facts.runs == "keelson-proxy"};
  bool links_gone = true;
  for (Judged& one : Judge(facts)) {
    if (mend && !std::holds_alternative<std::monostate>(one.remedy)) {
      const Status done = std::visit(Carry(), one.remedy);
      one.item.mended = done.ok();
      if (!done.ok()) one.item.refused = done.error().message();
      if (std::holds_alternative<RemoveLink>(one.remedy)) links_gone = done.ok();
    } else if (mend && one.item.kind == "address" && !one.item.problem.empty()) {
      one.item.mended = links_gone;  // its link comes before it
    }
    report.items.push_back(std::move(one.item));
  }
  return report;
}

}  // namespace keelson::proxy::inventory
