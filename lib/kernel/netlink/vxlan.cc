// SPDX-License-Identifier: Apache-2.0
// VXLAN devices. Source: linux/if_link.h, drivers/net/vxlan in the kernel's documentation.
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <cstring>

#include "lib/kernel/netlink/message.h"
#include "lib/kernel/netlink/route_socket.h"

namespace keelson::netlink {

using base::Result;
using base::Status;

namespace {

// What the nest says of a VXLAN device.
void Read(nlattr* data, VxlanLink& link) {
  if (const nlattr* id =
          nla_find(static_cast<nlattr*>(nla_data(data)), nla_len(data), IFLA_VXLAN_ID))
    link.vni = nla_get_u32(id);
  nlattr* first = static_cast<nlattr*>(nla_data(data));
  const int size = nla_len(data);
  if (const nlattr* port = nla_find(first, size, IFLA_VXLAN_PORT))
    link.port = ntohs(nla_get_u16(port));
  if (const nlattr* below = nla_find(first, size, IFLA_VXLAN_LINK))
    link.below = static_cast<int>(nla_get_u32(below));
  if (const nlattr* learning = nla_find(first, size, IFLA_VXLAN_LEARNING))
    link.learning = nla_get_u8(learning) != 0;
  for (const bool v6 : {false, true}) {
    const nlattr* local = nla_find(first, size, v6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL);
    if (local == nullptr || nla_len(local) != (v6 ? 16 : 4)) continue;
    link.local.v6 = v6;
    std::memcpy(link.local.bytes.data(), nla_data(local), link.local.size());
  }
}

}  // namespace

Status RouteSocket::CreateVxlan(const VxlanLink& link) {
  const MessagePointer message = NewMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  nl_msg* m = message.get();
  ifinfomsg body{};
  body.ifi_flags = body.ifi_change = IFF_UP;
  nlmsg_append(m, &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(m, IFLA_IFNAME, link.name.c_str());
  nla_put(m, IFLA_ADDRESS, 6, link.mac.data());
  nla_put_u32(m, IFLA_MTU, link.mtu);
  nlattr* info = nla_nest_start(m, IFLA_LINKINFO);
  nla_put_string(m, IFLA_INFO_KIND, "vxlan");
  nlattr* data = nla_nest_start(m, IFLA_INFO_DATA);
  nla_put_u32(m, IFLA_VXLAN_ID, link.vni);
  nla_put_u32(m, IFLA_VXLAN_LINK, static_cast<uint32_t>(link.below));
  nla_put_u16(m, IFLA_VXLAN_PORT, htons(link.port));
  nla_put_u8(m, IFLA_VXLAN_LEARNING, link.learning ? 1 : 0);
  nla_put(m, link.local.v6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL,
          static_cast<int>(link.local.size()), link.local.bytes.data());
  nla_nest_end(m, data);
  nla_nest_end(m, info);
  return Send(m, "create the VXLAN device '" + link.name + "'");
}

Result<std::optional<VxlanLink>> RouteSocket::FindVxlan(const std::string& name) {
  ASSIGN_OR_RETURN(const int index, IndexOf(name));
  if (index == 0) return std::optional<VxlanLink>();
  const MessagePointer message = NewMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
  ifinfomsg body{};
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_u32(message.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  std::optional<VxlanLink> found;
  RETURN_IF_ERROR(Dump(
      message.get(),
      [&](const nlmsghdr* header) {
        const auto* link = static_cast<const ifinfomsg*>(nlmsg_data(header));
        if (header->nlmsg_type != RTM_NEWLINK || link->ifi_index != index) return;
        const auto find = [&](int type) {
          return nlmsg_find_attr(const_cast<nlmsghdr*>(header), sizeof *link, type);
        };
        VxlanLink& one = found.emplace();
        one.name = name;
        one.index = index;
        one.up = (link->ifi_flags & IFF_UP) != 0;
        if (const nlattr* mtu = find(IFLA_MTU)) one.mtu = nla_get_u32(mtu);
        if (const nlattr* mac = find(IFLA_ADDRESS); mac != nullptr && nla_len(mac) == 6)
          std::memcpy(one.mac.data(), nla_data(mac), 6);
        nlattr* info = find(IFLA_LINKINFO);
        if (info == nullptr) return;
        nlattr* inner = static_cast<nlattr*>(nla_data(info));
        const nlattr* kind = nla_find(inner, nla_len(info), IFLA_INFO_KIND);
        nlattr* data = nla_find(inner, nla_len(info), IFLA_INFO_DATA);
        if (kind != nullptr && data != nullptr && nla_strcmp(kind, "vxlan") == 0) Read(data, one);
      },
      "look at link '" + name + "'"));
  return found;
}

}  // namespace keelson::netlink
