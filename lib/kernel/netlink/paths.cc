// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/netlink/paths.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <cstring>

#include "lib/kernel/netlink/message.h"
#include "lib/kernel/netlink/route_socket.h"

namespace keelson::netlink {

using base::Result;
using base::Status;

namespace {

uint8_t FamilyOf(bool v6) { return v6 ? AF_INET6 : AF_INET; }

int CallEach(nl_msg* answer, void* each) {
  (*static_cast<const std::function<void(const nlmsghdr*)>*>(each))(nlmsg_hdr(answer));
  return NL_OK;
}

// The attribute as an address, if it is one of the family.
std::optional<base::IpAddress> AddressIn(const nlattr* attribute, bool v6) {
  if (attribute == nullptr || nla_len(attribute) != (v6 ? 16 : 4)) return std::nullopt;
  return base::IpAddress::FromBytes(
      {static_cast<const char*>(nla_data(attribute)), static_cast<size_t>(nla_len(attribute))});
}

void Put(nl_msg* message, int type, const base::IpAddress& address) {
  nla_put(message, type, static_cast<int>(address.size()), address.bytes.data());
}

const nlattr* Find(const nlmsghdr* header, size_t body, int type) {
  return nlmsg_find_attr(const_cast<nlmsghdr*>(header), static_cast<int>(body), type);
}

MessagePointer RouteMessage(int type, int flags, const Route& route) {
  MessagePointer message = NewMessage(type, NLM_F_REQUEST | flags);
  nl_msg* m = message.get();
  rtmsg body{};
  body.rtm_family = FamilyOf(route.to.address.v6);
  body.rtm_dst_len = static_cast<uint8_t>(route.to.bits);
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = route.protocol;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  if (route.onlink) body.rtm_flags = RTNH_F_ONLINK;
  nlmsg_append(m, &body, sizeof body, NLMSG_ALIGNTO);
  Put(m, RTA_DST, route.to.address);
  Put(m, RTA_GATEWAY, route.via);
  nla_put_u32(m, RTA_OIF, static_cast<uint32_t>(route.link));
  return message;
}

MessagePointer NeighbourMessage(int type, int flags, const Neighbour& neighbour, bool forwarding) {
  MessagePointer message = NewMessage(type, NLM_F_REQUEST | flags);
  nl_msg* m = message.get();
  ndmsg body{};
  body.ndm_family = forwarding ? AF_BRIDGE : FamilyOf(neighbour.address.v6);
  body.ndm_ifindex = neighbour.link;
  body.ndm_state = NUD_PERMANENT;
  body.ndm_flags = forwarding ? NTF_SELF : 0;
  nlmsg_append(m, &body, sizeof body, NLMSG_ALIGNTO);
  Put(m, NDA_DST, neighbour.address);
  nla_put(m, NDA_LLADDR, 6, neighbour.mac.data());
  return message;
}

MessagePointer AddressMessage(int type, int flags, const LinkAddress& address) {
  MessagePointer message = NewMessage(type, NLM_F_REQUEST | flags);
  nl_msg* m = message.get();
  ifaddrmsg body{};
  body.ifa_family = FamilyOf(address.address.v6);
  body.ifa_prefixlen = static_cast<uint8_t>(address.bits);
  body.ifa_index = static_cast<uint32_t>(address.link);
  if (address.address.v6) body.ifa_flags = IFA_F_NODAD;
  nlmsg_append(m, &body, sizeof body, NLMSG_ALIGNTO);
  Put(m, IFA_LOCAL, address.address);
  Put(m, IFA_ADDRESS, address.address);
  return message;
}

Status AbsentIsSuccess(const Status& status) {
  return !status.ok() && status.error().os_errno() == ENODEV ? base::Ok() : status;
}

}  // namespace

Status RouteSocket::Dump(nl_msg* message, const std::function<void(const nlmsghdr*)>& each,
                         const std::string& what) {
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, CallEach,
                      const_cast<std::function<void(const nlmsghdr*)>*>(&each));
  int failure = nl_send_auto(socket_.get(), message);
  if (failure >= 0) failure = nl_recvmsgs_default(socket_.get());
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_DEFAULT, nullptr, nullptr);
  if (failure < 0) return NetlinkError(failure, what);
  return base::Ok();
}

Result<std::vector<LinkAddress>> RouteSocket::ListAddresses() {
  const MessagePointer message = NewMessage(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  ifaddrmsg body{};
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  std::vector<LinkAddress> addresses;
  RETURN_IF_ERROR(Dump(
      message.get(),
      [&](const nlmsghdr* header) {
        if (header->nlmsg_type != RTM_NEWADDR) return;
        const auto* info = static_cast<const ifaddrmsg*>(nlmsg_data(header));
        if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) return;
        const bool v6 = info->ifa_family == AF_INET6;
        // The peer's address is what IFA_ADDRESS holds where a link has one.
        auto address = AddressIn(Find(header, sizeof *info, IFA_LOCAL), v6);
        if (!address) address = AddressIn(Find(header, sizeof *info, IFA_ADDRESS), v6);
        if (address)
          addresses.push_back({static_cast<int>(info->ifa_index), *address, info->ifa_prefixlen,
                               info->ifa_scope == RT_SCOPE_UNIVERSE,
                               (info->ifa_flags & IFA_F_PERMANENT) != 0});
      },
      "list addresses"));
  return addresses;
}

Status RouteSocket::AddAddress(const LinkAddress& address) {
  const MessagePointer message = AddressMessage(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address);
  const Status status = Send(message.get(), "add address " + address.address.Text());
  return !status.ok() && status.error().os_errno() == EEXIST ? base::Ok() : status;
}

Status RouteSocket::DeleteAddress(const LinkAddress& address) {
  const MessagePointer message = AddressMessage(RTM_DELADDR, 0, address);
  const Status status = Send(message.get(), "delete address " + address.address.Text());
  return !status.ok() && status.error().os_errno() == EADDRNOTAVAIL ? base::Ok() : status;
}

Result<std::vector<Route>> RouteSocket::ListRoutes(bool v6, uint8_t protocol) {
  const MessagePointer message = NewMessage(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
  rtmsg body{};
  body.rtm_family = FamilyOf(v6);
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  std::vector<Route> routes;
  RETURN_IF_ERROR(Dump(
      message.get(),
      [&](const nlmsghdr* header) {
        if (header->nlmsg_type != RTM_NEWROUTE) return;
        const auto* info = static_cast<const rtmsg*>(nlmsg_data(header));
        if (info->rtm_family != FamilyOf(v6) || info->rtm_protocol != protocol ||
            info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST)
          return;
        Route route;
        route.protocol = protocol;
        route.to.address.v6 = v6;
        route.to.bits = info->rtm_dst_len;
        if (const auto to = AddressIn(Find(header, sizeof *info, RTA_DST), v6))
          route.to.address = *to;
        route.via.v6 = v6;
        if (const auto via = AddressIn(Find(header, sizeof *info, RTA_GATEWAY), v6))
          route.via = *via;
        if (const nlattr* link = Find(header, sizeof *info, RTA_OIF))
          route.link = static_cast<int>(nla_get_u32(link));
        route.onlink = (info->rtm_flags & RTNH_F_ONLINK) != 0;
        routes.push_back(route);
      },
      "list routes"));
  return routes;
}

Status RouteSocket::AddRoute(const Route& route) {
  return Send(RouteMessage(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route).get(),
              "add the route to " + route.to.Text());
}

Status RouteSocket::ReplaceRoute(const Route& route) {
  return Send(RouteMessage(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route).get(),
              "change the route to " + route.to.Text());
}

Status RouteSocket::DeleteRoute(const Route& route) {
  return AbsentIsSuccess(
      Send(RouteMessage(RTM_DELROUTE, 0, route).get(), "delete the route to " + route.to.Text()));
}

Result<std::vector<Neighbour>> RouteSocket::ListNeighbours(int link, bool v6, bool forwarding) {
  const MessagePointer message = NewMessage(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP);
  ndmsg body{};
  body.ndm_family = forwarding ? AF_BRIDGE : FamilyOf(v6);
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  std::vector<Neighbour> neighbours;
  RETURN_IF_ERROR(Dump(
      message.get(),
      [&](const nlmsghdr* header) {
        if (header->nlmsg_type != RTM_NEWNEIGH) return;
        const auto* info = static_cast<const ndmsg*>(nlmsg_data(header));
        if (info->ndm_ifindex != link || (info->ndm_state & NUD_PERMANENT) == 0) return;
        const nlattr* mac = Find(header, sizeof *info, NDA_LLADDR);
        const auto address = AddressIn(Find(header, sizeof *info, NDA_DST), v6);
        if (mac == nullptr || nla_len(mac) != 6 || !address) return;
        Neighbour one{link, {}, *address};
        std::memcpy(one.mac.data(), nla_data(mac), 6);
        neighbours.push_back(one);
      },
      "list the neighbours behind link " + std::to_string(link)));
  return neighbours;
}

Status RouteSocket::SetNeighbour(const Neighbour& neighbour) {
  return Send(NeighbourMessage(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbour, false).get(),
              "tell where " + neighbour.address.Text() + " is");
}

Status RouteSocket::DeleteNeighbour(const Neighbour& neighbour) {
  return AbsentIsSuccess(Send(NeighbourMessage(RTM_DELNEIGH, 0, neighbour, false).get(),
                              "forget where " + neighbour.address.Text() + " is"));
}

Status RouteSocket::SetForwarding(const Neighbour& peer) {
  return Send(NeighbourMessage(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, peer, true).get(),
              "forward to " + peer.address.Text());
}

Status RouteSocket::DeleteForwarding(const Neighbour& peer) {
  return AbsentIsSuccess(Send(NeighbourMessage(RTM_DELNEIGH, 0, peer, true).get(),
                              "forward no more to " + peer.address.Text()));
}

}  // namespace keelson::netlink
