// SPDX-License-Identifier: Apache-2.0
#include "proxy/inventory/observe.h"

#include <unistd.h>

#include <filesystem>
#include <map>

#include "lib/base/strings.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "proxy/address/address.h"
#include "proxy/routes/plan.h"

namespace keelson::proxy::inventory {

using base::Result;
using base::Status;

namespace {

std::string Target(const std::string& link) {
  std::error_code failed;
  return std::filesystem::read_symlink(link, failed);
}

// The first proxy in this network namespace but this process.
std::string FindProxy() {
  const std::string network = Target("/proc/thread-self/ns/net");
  for (const auto& [name, type] : os::ListDir("/proc").ValueOr({})) {
    const auto pid = base::ParseUint64(name);
    if (!pid || static_cast<pid_t>(*pid) == getpid()) continue;
    const std::string command =
        std::string(base::Trim(os::ReadFile("/proc/" + name + "/comm", 64).ValueOr("")));
    for (const char* proxy : {"keelson-proxy", "kube-proxy"})
      if (command == proxy && Target("/proc/" + name + "/ns/net") == network) return proxy;
  }
  return "";
}

void ReadTables(bool v6, Facts& facts) {
  for (const xtables::Flavour& flavour : xtables::FlavoursInUse(v6)) {
    if (!xtables::Installed(flavour)) continue;
    for (const char* table : {"nat", "filter", "mangle"}) {
      // A machine without the family has no tables of it.
      Result<std::string> saved = xtables::Save(flavour, table);
      if (!saved.ok()) break;
      facts.tables.push_back({flavour, table, std::move(*saved)});
    }
  }
}

Status ReadLinks(Facts& facts) {
  ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
  ASSIGN_OR_RETURN(const std::vector<netlink::Link> links, socket.ListLinks());
  ASSIGN_OR_RETURN(const std::vector<netlink::LinkAddress> addresses, socket.ListAddresses());
  std::map<int, std::string> names;
  for (const netlink::Link& link : links) {
    names[link.index] = link.name;
    if (link.name != address::kLink && link.name != routes::TunnelName(false) &&
        link.name != routes::TunnelName(true))
      continue;
    OwnLink own{link.name, {}};
    for (const netlink::LinkAddress& one : addresses)
      if (one.link == link.index) own.addresses.push_back(one.address.Text());
    facts.links.push_back(std::move(own));
  }
  for (const bool v6 : {false, true}) {
    ASSIGN_OR_RETURN(const std::vector<netlink::Route> routes,
                     socket.ListRoutes(v6, routes::kProtocol));
    for (const netlink::Route& route : routes)
      facts.routes.push_back({route, names.contains(route.link) ? names[route.link] : ""});
  }
  return base::Ok();
}

}  // namespace

Result<Facts> ReadThings() {
  Facts facts;
  // Before the things: one that begins meanwhile is seen or has made nothing.
  facts.runs = FindProxy();
  for (const bool v6 : {false, true}) ReadTables(v6, facts);
  RETURN_IF_ERROR(ReadLinks(facts));
  if (facts.runs.empty()) facts.runs = FindProxy();
  return facts;
}

}  // namespace keelson::proxy::inventory
