// SPDX-License-Identifier: Apache-2.0
#include "proxy/routes/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace keelson::proxy::routes {

using base::Result;
using base::Status;
using netlink::LinkAddress;
using netlink::Neighbour;
using netlink::Route;
using netlink::RouteSocket;
using netlink::VxlanLink;

namespace {

bool Same(const VxlanLink& there, const VxlanLink& wanted) {
  return there.vni == wanted.vni && there.port == wanted.port && there.local == wanted.local &&
         there.below == wanted.below && there.learning == wanted.learning &&
         there.mac == wanted.mac && there.mtu == wanted.mtu;
}

class Run {
 public:
  Run(RouteSocket& socket, const Plan& plan, bool v6) : socket_(socket), plan_(plan), v6_(v6) {}

  Result<Outcome> Do() {
    RETURN_IF_ERROR(Device());
    if (device_ != 0) RETURN_IF_ERROR(Meet());
    RETURN_IF_ERROR(Routes());
    // Only now nothing goes their way any more.
    for (const Neighbour& one : old_neighbours_) Try(socket_.DeleteNeighbour(one));
    for (const Neighbour& one : old_forwarding_) Try(socket_.DeleteForwarding(one));
    return std::move(outcome_);
  }

 private:
  bool Try(const Status& status) {
    if (status.ok()) {
      ++outcome_.changes;
    } else {
      outcome_.problems.push_back(status.error().message());
    }
    return status.ok();
  }

  // The tunnel's own device as planned, made anew where it is another.
  Status Device() {
    const std::string name = TunnelName(v6_);
    ASSIGN_OR_RETURN(const std::optional<VxlanLink> there, socket_.FindVxlan(name));
    if (!plan_.tunnel) {
      if (there && there->vni == kVni) Try(socket_.DeleteLink(there->index));
      return base::Ok();
    }
    const Tunnel& tunnel = *plan_.tunnel;
    if (there && there->vni == 0) {
      outcome_.problems.push_back(fmt::format("link '{}' is somebody else's", name));
      return base::Ok();
    }
    ASSIGN_OR_RETURN(const std::vector<LinkAddress> addresses, socket_.ListAddresses());
    bool fits = there && Same(*there, tunnel.device), has_address = false;
    for (const LinkAddress& own : addresses) {
      if (!there || own.link != there->index || own.address.v6 != v6_ ||
          (v6_ && own.address.IsLinkLocal()))
        continue;
      (own.address == tunnel.inside ? has_address : fits) = own.address == tunnel.inside;
    }
    if (there && !fits && !Try(socket_.DeleteLink(there->index))) return base::Ok();
    if (!there || !fits) {
      if (!Try(socket_.CreateVxlan(tunnel.device))) return base::Ok();
      has_address = false;
    } else if (!there->up) {
      Try(socket_.SetUp(there->index));
    }
    ASSIGN_OR_RETURN(device_, socket_.IndexOf(name));
    if (!has_address) Try(AddAddress(tunnel.inside));
    return base::Ok();
  }

  Status AddAddress(const base::IpAddress& address) {
    if (v6_) return socket_.AddAddress(device_, address.bytes, 128);
    const auto& b = address.bytes;
    return socket_.AddAddress(
        device_, uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | b[3], 32);
  }

  // Every peer's entries; what is too many is remembered.
  Status Meet() {
    ASSIGN_OR_RETURN(const std::vector<Neighbour> neighbours,
                     socket_.ListNeighbours(device_, v6_, false));
    ASSIGN_OR_RETURN(const std::vector<Neighbour> forwarding,
                     socket_.ListNeighbours(device_, v6_, true));
    const std::set<Neighbour> near(neighbours.begin(), neighbours.end());
    const std::set<Neighbour> far(forwarding.begin(), forwarding.end());
    std::set<base::IpAddress> inside;
    std::set<netlink::Mac> macs;
    for (const Peer& peer : plan_.tunnel->peers) {
      const Neighbour behind{device_, peer.mac, peer.inside};
      const Neighbour at{device_, peer.mac, peer.outside};
      inside.insert(peer.inside);
      macs.insert(peer.mac);
      if (far.count(at) == 0) Try(socket_.SetForwarding(at));
      if (near.count(behind) == 0) Try(socket_.SetNeighbour(behind));
    }
    for (const Neighbour& one : neighbours)
      if (inside.count(one.address) == 0) old_neighbours_.push_back(one);
    for (const Neighbour& one : forwarding)
      if (macs.count(one.mac) == 0) old_forwarding_.push_back(one);
    return base::Ok();
  }

  Status Routes() {
    ASSIGN_OR_RETURN(const std::vector<Route> there, socket_.ListRoutes(v6_, kProtocol));
    std::map<base::IpBlock, Route> wanted;
    for (const Path& path : plan_.paths) {
      const int link = path.link == 0 ? device_ : path.link;
      if (link == 0) continue;  // said already: there is no tunnel
      wanted[path.to] = {path.to, path.via, link, path.link == 0 && !v6_, kProtocol};
    }
    std::map<base::IpBlock, Route> ours;
    for (const Route& route : there) {
      // What goes goes first: it may hide what comes.
      if (wanted.count(route.to) == 0)
        Try(socket_.DeleteRoute(route));
      else
        ours[route.to] = route;
    }
    for (const auto& [to, route] : wanted) {
      const auto old = ours.find(to);
      if (old != ours.end() && old->second == route) continue;
      const Status done = old != ours.end() ? socket_.ReplaceRoute(route) : socket_.AddRoute(route);
      if (!done.ok() && done.error().os_errno() == EEXIST) {
        outcome_.problems.push_back("somebody else's route to " + to.Text() + " is left as it is");
      } else {
        Try(done);
      }
    }
    return base::Ok();
  }

  RouteSocket& socket_;
  const Plan& plan_;
  const bool v6_;
  int device_ = 0;
  std::vector<Neighbour> old_neighbours_, old_forwarding_;
  Outcome outcome_;
};

}  // namespace

Status ReadLinks(RouteSocket& socket, Facts& facts) {
  ASSIGN_OR_RETURN(const std::vector<netlink::Link> links, socket.ListLinks());
  facts.links.clear();
  for (const netlink::Link& link : links)
    if (link.up && link.name != TunnelName(false) && link.name != TunnelName(true))
      facts.links[link.index] = {link.index, link.mtu};
  ASSIGN_OR_RETURN(facts.addresses, socket.ListAddresses());
  return base::Ok();
}

Result<Outcome> ApplyPlan(RouteSocket& socket, const Plan& plan, bool v6) {
  return Run(socket, plan, v6).Do();
}

}  // namespace keelson::proxy::routes
