// SPDX-License-Identifier: Apache-2.0
#include "proxy/address/address.h"

#include <algorithm>
#include <cerrno>

#include "lib/kernel/netlink/route_socket.h"

namespace keelson::proxy::address {

using base::IpAddress;
using base::Result;
using base::Status;
using netlink::LinkAddress;
using netlink::RouteSocket;

namespace {

// Any link that is up will do; not every kernel has the one that is meant for this.
Status Create(RouteSocket& socket) {
  const Status made = socket.CreateLink(kLink, "dummy");
  if (made.ok() || made.error().os_errno() != EOPNOTSUPP) return made;
  return socket.CreateBridge(kLink);
}

}  // namespace

Result<bool> Hold(const std::vector<IpAddress>& wanted) {
  ASSIGN_OR_RETURN(RouteSocket socket, RouteSocket::Open());
  ASSIGN_OR_RETURN(std::optional<netlink::Link> link, socket.FindLink(kLink));
  bool changed = !link || !link->up;
  if (!link) {
    RETURN_IF_ERROR(Create(socket));
    ASSIGN_OR_RETURN(link, socket.FindLink(kLink));
    if (!link) return base::Unavailable("link '{}' went away at once", kLink);
  } else if (!link->up) {
    RETURN_IF_ERROR(socket.SetUp(link->index));
  }
  ASSIGN_OR_RETURN(const std::vector<LinkAddress> all, socket.ListAddresses());
  std::vector<IpAddress> there;
  for (const LinkAddress& one : all) {
    if (one.link != link->index || (one.address.v6 && one.address.IsLinkLocal())) continue;
    if (one.bits == one.address.bits() &&
        std::find(wanted.begin(), wanted.end(), one.address) != wanted.end()) {
      there.push_back(one.address);
      continue;
    }
    RETURN_IF_ERROR(socket.DeleteAddress(one));
    changed = true;
  }
  for (const IpAddress& one : wanted) {
    if (std::find(there.begin(), there.end(), one) != there.end()) continue;
    RETURN_IF_ERROR(socket.AddAddress({link->index, one, one.bits()}));
    changed = true;
  }
  return changed;
}

Status Release() {
  ASSIGN_OR_RETURN(RouteSocket socket, RouteSocket::Open());
  return socket.DeleteLink(kLink);
}

}  // namespace keelson::proxy::address
