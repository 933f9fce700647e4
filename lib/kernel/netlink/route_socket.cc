// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/netlink/route_socket.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <thread>

#include "lib/kernel/netlink/message.h"

namespace keelson::netlink {

using base::Error;
using base::Result;
using base::Status;

// libnl has errors of its own, negative; those of the kernel it translates, so the text is all
// there is.
Error NetlinkError(int code, const std::string& what) {
  switch (-code) {
    case NLE_EXIST:
      return Error::FromErrno(EEXIST, what);
    case NLE_OBJ_NOTFOUND:
    case NLE_NODEV:
      return Error::FromErrno(ENODEV, what);
    case NLE_PERM:
      return Error::FromErrno(EPERM, what);
    case NLE_BUSY:
      return Error::FromErrno(EBUSY, what);
    case NLE_INVAL:
      return Error::FromErrno(EINVAL, what);
    case NLE_OPNOTSUPP:
      return Error::FromErrno(EOPNOTSUPP, what);
    case NLE_RANGE:
      return Error::FromErrno(ERANGE, what);
    default:
      return base::Internal("{}: {}", what, nl_geterror(code));
  }
}

void RouteSocket::Closer::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<RouteSocket> RouteSocket::Open() {
  nl_sock* raw = nl_socket_alloc();
  if (raw == nullptr) return base::ResourceExhausted("netlink socket: out of memory");
  RouteSocket socket(raw);
  if (const int failure = nl_connect(raw, NETLINK_ROUTE); failure < 0)
    return NetlinkError(failure, "open a netlink socket");
  return socket;
}

Result<RouteSocket> RouteSocket::OpenIn(int netns, const std::function<void()>& also) {
  std::optional<Result<RouteSocket>> result;
  // setns(2) would move a pool thread for good; this one ends.
  std::thread thread([&] {
    if (setns(netns, CLONE_NEWNET) != 0) {
      result = Result<RouteSocket>(Error::FromErrno(errno, "enter the network namespace"));
    } else {
      result = Open();
      if (also) also();
    }
  });
  thread.join();
  return std::move(*result);
}

Status RouteSocket::Send(nl_msg* message, const std::string& what) {
  if (const int failure = nl_send_auto(socket_.get(), message); failure < 0)
    return NetlinkError(failure, what);
  if (const int failure = nl_wait_for_ack(socket_.get()); failure < 0)
    return NetlinkError(failure, what);
  return base::Ok();
}

namespace {

// Collects every link that an answer describes into the vector `argument`.
int CollectLink(nl_msg* answer, void* argument) {
  const nlmsghdr* header = nlmsg_hdr(answer);
  if (header->nlmsg_type != RTM_NEWLINK) return NL_OK;
  const auto* info = static_cast<const ifinfomsg*>(nlmsg_data(header));
  const nlattr* name =
      nlmsg_find_attr(const_cast<nlmsghdr*>(header), sizeof(ifinfomsg), IFLA_IFNAME);
  if (name == nullptr) return NL_OK;
  const nlattr* mtu = nlmsg_find_attr(const_cast<nlmsghdr*>(header), sizeof(ifinfomsg), IFLA_MTU);
  const nlattr* master =
      nlmsg_find_attr(const_cast<nlmsghdr*>(header), sizeof(ifinfomsg), IFLA_MASTER);
  static_cast<std::vector<Link>*>(argument)->push_back(
      {info->ifi_index, nla_get_string(name), (info->ifi_flags & IFF_UP) != 0,
       mtu == nullptr ? 0 : nla_get_u32(mtu),
       master == nullptr ? 0 : static_cast<int>(nla_get_u32(master))});
  return NL_OK;
}

}  // namespace

// A list ends by itself; a single answer is followed by an acknowledgement, which libnl needs to
// count on.
Result<std::vector<Link>> RouteSocket::AskLinks(nl_msg* message, const std::string& what) {
  std::vector<Link> links;
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, CollectLink, &links);
  const bool single = (nlmsg_hdr(message)->nlmsg_flags & NLM_F_DUMP) == 0;
  int failure = nl_send_auto(socket_.get(), message);
  if (failure >= 0) failure = nl_recvmsgs_default(socket_.get());
  if (failure >= 0 && single) failure = nl_recvmsgs_default(socket_.get());
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_DEFAULT, nullptr, nullptr);
  if (failure < 0) return NetlinkError(failure, what);
  return links;
}

Result<std::optional<Link>> RouteSocket::FindLink(const std::string& name) {
  const MessagePointer message = NewMessage(RTM_GETLINK, NLM_F_REQUEST);
  ifinfomsg body{};
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  nla_put_u32(message.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  const Result<std::vector<Link>> links = AskLinks(message.get(), "find link '" + name + "'");
  if (links.ok() && !links->empty()) return std::optional<Link>(links->front());
  if (links.ok() || links.error().os_errno() == ENODEV) return std::optional<Link>();
  return links.error();
}

Result<int> RouteSocket::IndexOf(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ)
    return base::InvalidArgument("'{}' cannot be the name of a link", name);
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(nl_socket_get_fd(socket_.get()), SIOCGIFINDEX, &request) == 0)
    return request.ifr_ifindex;
  if (errno == ENODEV) return 0;
  return Error::FromErrno(errno, "look for link '{}'", name);
}

Result<std::vector<Link>> RouteSocket::ListLinks() {
  const MessagePointer message = NewMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
  ifinfomsg body{};
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_u32(message.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return AskLinks(message.get(), "list links");
}

Status RouteSocket::CreateBridge(const std::string& name) { return CreateLink(name, "bridge"); }

Status RouteSocket::KeepMacAddress(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ)
    return base::InvalidArgument("'{}' cannot be the name of a link", name);
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  // The kernel remembers that it was set, though it is the same.
  if (ioctl(nl_socket_get_fd(socket_.get()), SIOCGIFHWADDR, &request) != 0 ||
      ioctl(nl_socket_get_fd(socket_.get()), SIOCSIFHWADDR, &request) != 0)
    return Error::FromErrno(errno, "set the MAC address of link '{}'", name);
  return base::Ok();
}

Status RouteSocket::CreateLink(const std::string& name, const std::string& kind) {
  const MessagePointer message = NewMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg body{};
  body.ifi_flags = body.ifi_change = IFF_UP;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  nlattr* info = nla_nest_start(message.get(), IFLA_LINKINFO);
  nla_put_string(message.get(), IFLA_INFO_KIND, kind.c_str());
  nla_nest_end(message.get(), info);
  return Send(message.get(), "create " + kind + " '" + name + "'");
}

Status RouteSocket::SetUp(int index) {
  const MessagePointer message = NewMessage(RTM_NEWLINK, NLM_F_REQUEST);
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = body.ifi_change = IFF_UP;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  return Send(message.get(), "set link " + std::to_string(index) + " up");
}

Status RouteSocket::SetDown(int index) {
  const MessagePointer message = NewMessage(RTM_NEWLINK, NLM_F_REQUEST);
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_change = IFF_UP;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  return Send(message.get(), "set link " + std::to_string(index) + " down");
}

Status RouteSocket::MoveLink(int index, int netns, const std::string& name) {
  const MessagePointer message = NewMessage(RTM_NEWLINK, NLM_F_REQUEST);
  ifinfomsg body{};
  body.ifi_index = index;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_u32(message.get(), IFLA_NET_NS_FD, static_cast<uint32_t>(netns));
  nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  return Send(message.get(), "move link " + std::to_string(index) + " as '" + name + "'");
}

Status RouteSocket::DeleteLink(const std::string& name) {
  const MessagePointer message = NewMessage(RTM_DELLINK, NLM_F_REQUEST);
  ifinfomsg body{};
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  const Status status = Send(message.get(), "delete link '" + name + "'");
  return !status.ok() && status.error().os_errno() == ENODEV ? base::Ok() : status;
}

Status RouteSocket::DeleteLink(int index) {
  const MessagePointer message = NewMessage(RTM_DELLINK, NLM_F_REQUEST);
  ifinfomsg body{};
  body.ifi_index = index;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  const Status status = Send(message.get(), "delete link " + std::to_string(index));
  return !status.ok() && status.error().os_errno() == ENODEV ? base::Ok() : status;
}

Status RouteSocket::CreateVeth(const Veth& veth) {
  const MessagePointer message = NewMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg body{};
  body.ifi_flags = body.ifi_change = IFF_UP;
  nl_msg* m = message.get();
  nlmsg_append(m, &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(m, IFLA_IFNAME, veth.name.c_str());
  nla_put_u32(m, IFLA_MASTER, static_cast<uint32_t>(veth.bridge));
  nlattr* info = nla_nest_start(m, IFLA_LINKINFO);
  nla_put_string(m, IFLA_INFO_KIND, "veth");
  nlattr* data = nla_nest_start(m, IFLA_INFO_DATA);
  nlattr* peer = nla_nest_start(m, VETH_INFO_PEER);
  ifinfomsg peer_body{};  // not up yet: the kernel opens it before it has its partner (ENOTCONN)
  nlmsg_append(m, &peer_body, sizeof peer_body, NLMSG_ALIGNTO);
  nla_put_string(m, IFLA_IFNAME, veth.peer.c_str());
  nla_put_u32(m, IFLA_NET_NS_FD, static_cast<uint32_t>(veth.peer_netns));
  if (veth.peer_mac.size() == 6) nla_put(m, IFLA_ADDRESS, 6, veth.peer_mac.data());
  nla_nest_end(m, peer);
  nla_nest_end(m, data);
  nla_nest_end(m, info);
  return Send(m, "create veth '" + veth.name + "'");
}

Status RouteSocket::AddAddress(int index, uint32_t address, int prefix) {
  const MessagePointer message = NewMessage(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = static_cast<uint8_t>(prefix);
  body.ifa_index = static_cast<uint32_t>(index);
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  const uint32_t wire = htonl(address);
  const uint32_t broadcast = htonl(address | (prefix >= 32 ? 0 : 0xffffffffu >> prefix));
  nla_put_u32(message.get(), IFA_LOCAL, wire);
  nla_put_u32(message.get(), IFA_ADDRESS, wire);
  if (prefix < 31) nla_put_u32(message.get(), IFA_BROADCAST, broadcast);
  const Status status = Send(message.get(), "add an address to link " + std::to_string(index));
  return !status.ok() && status.error().os_errno() == EEXIST ? base::Ok() : status;
}

Status RouteSocket::AddAddress(int index, const Address6& address, int prefix) {
  const MessagePointer message = NewMessage(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  ifaddrmsg body{};
  body.ifa_family = AF_INET6;
  body.ifa_prefixlen = static_cast<uint8_t>(prefix);
  body.ifa_flags = IFA_F_NODAD;
  body.ifa_index = static_cast<uint32_t>(index);
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put(message.get(), IFA_LOCAL, 16, address.data());
  nla_put(message.get(), IFA_ADDRESS, 16, address.data());
  const Status status = Send(message.get(), "add an IPv6 address to link " + std::to_string(index));
  return !status.ok() && status.error().os_errno() == EEXIST ? base::Ok() : status;
}

Status RouteSocket::AddDefaultRoute(int index, const Address6& gateway) {
  const MessagePointer message = NewMessage(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE);
  rtmsg body{};
  body.rtm_family = AF_INET6;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_BOOT;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put(message.get(), RTA_GATEWAY, 16, gateway.data());
  nla_put_u32(message.get(), RTA_OIF, static_cast<uint32_t>(index));
  return Send(message.get(), "add the IPv6 default route");
}

Status RouteSocket::SetHairpin(int index) {
  const MessagePointer message = NewMessage(RTM_SETLINK, NLM_F_REQUEST);
  ifinfomsg body{};
  body.ifi_family = PF_BRIDGE;
  body.ifi_index = index;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nlattr* port = nla_nest_start(message.get(), IFLA_PROTINFO | NLA_F_NESTED);
  nla_put_u8(message.get(), IFLA_BRPORT_MODE, 1);
  nla_nest_end(message.get(), port);
  return Send(message.get(), "let bridge port " + std::to_string(index) + " send back");
}

Status RouteSocket::AddDefaultRoute(int index, uint32_t gateway) {
  const MessagePointer message = NewMessage(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE);
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_BOOT;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_u32(message.get(), RTA_GATEWAY, htonl(gateway));
  nla_put_u32(message.get(), RTA_OIF, static_cast<uint32_t>(index));
  return Send(message.get(), "add the default route");
}

}  // namespace keelson::netlink
