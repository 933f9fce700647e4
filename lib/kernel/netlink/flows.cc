// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/netlink/flows.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <memory>
#include <vector>

#include "lib/base/ip_address.h"
#include "lib/kernel/netlink/message.h"

namespace keelson::netlink {

using base::Result;

namespace {

struct SocketCloser {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};

std::string Address(nlattr* const* ip, bool v6, bool source) {
  const int type =
      v6 ? (source ? CTA_IP_V6_SRC : CTA_IP_V6_DST) : (source ? CTA_IP_V4_SRC : CTA_IP_V4_DST);
  const size_t size = v6 ? 16 : 4;
  if (ip[type] == nullptr || nla_len(ip[type]) < static_cast<int>(size)) return "";
  return base::IpAddress::FromBytes({static_cast<const char*>(nla_data(ip[type])), size})->Text();
}

struct Collection {
  bool v6 = false;
  const std::function<bool(const Flow&)>& which;
  std::vector<std::string> tuples;  // CTA_TUPLE_ORIG of those picked, as they came
};

int Collect(nl_msg* answer, void* argument) {
  auto& collection = *static_cast<Collection*>(argument);
  nlmsghdr* header = nlmsg_hdr(answer);
  nlattr* parts[CTA_MAX + 1] = {};
  if (nlmsg_parse(header, sizeof(nfgenmsg), parts, CTA_MAX, nullptr) < 0) return NL_OK;
  Flow flow;
  for (const int direction : {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY}) {
    nlattr* tuple[CTA_TUPLE_MAX + 1] = {};
    nlattr* ip[CTA_IP_MAX + 1] = {};
    nlattr* protocol[CTA_PROTO_MAX + 1] = {};
    if (parts[direction] == nullptr ||
        nla_parse_nested(tuple, CTA_TUPLE_MAX, parts[direction], nullptr) < 0 ||
        tuple[CTA_TUPLE_IP] == nullptr || tuple[CTA_TUPLE_PROTO] == nullptr ||
        nla_parse_nested(ip, CTA_IP_MAX, tuple[CTA_TUPLE_IP], nullptr) < 0 ||
        nla_parse_nested(protocol, CTA_PROTO_MAX, tuple[CTA_TUPLE_PROTO], nullptr) < 0)
      return NL_OK;
    const bool original = direction == CTA_TUPLE_ORIG;
    (original ? flow.from : flow.answers_from) = Address(ip, collection.v6, true);
    (original ? flow.to : flow.answers_to) = Address(ip, collection.v6, false);
    if (!original) continue;
    if (protocol[CTA_PROTO_NUM] != nullptr) flow.protocol = nla_get_u8(protocol[CTA_PROTO_NUM]);
    if (protocol[CTA_PROTO_DST_PORT] != nullptr)
      flow.to_port = ntohs(nla_get_u16(protocol[CTA_PROTO_DST_PORT]));
  }
  if (!collection.which(flow)) return NL_OK;
  const nlattr* tuple = parts[CTA_TUPLE_ORIG];
  collection.tuples.emplace_back(static_cast<const char*>(nla_data(tuple)),
                                 static_cast<size_t>(nla_len(tuple)));
  return NL_OK;
}

MessagePointer Request(int type, int flags, bool v6) {
  MessagePointer message = NewMessage(NFNL_SUBSYS_CTNETLINK << 8 | type, NLM_F_REQUEST | flags);
  nfgenmsg body{};
  body.nfgen_family = v6 ? AF_INET6 : AF_INET;
  body.version = NFNETLINK_V0;
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  return message;
}

}  // namespace

Result<int> ForgetFlows(bool v6, const std::function<bool(const Flow&)>& which) {
  const std::unique_ptr<nl_sock, SocketCloser> socket(nl_socket_alloc());
  if (!socket) return base::ResourceExhausted("netlink socket: out of memory");
  if (nl_connect(socket.get(), NETLINK_NETFILTER) < 0) return 0;  // no netfilter, no flows
  Collection collection{v6, which, {}};
  nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, Collect, &collection);
  const MessagePointer ask = Request(IPCTNL_MSG_CT_GET, NLM_F_DUMP, v6);
  int failure = nl_send_auto(socket.get(), ask.get());
  if (failure >= 0) failure = nl_recvmsgs_default(socket.get());
  if (failure == -NLE_INVAL || failure == -NLE_OPNOTSUPP) return 0;  // nothing is tracked
  if (failure < 0) return NetlinkError(failure, "list tracked connections");
  int forgotten = 0;
  for (const std::string& tuple : collection.tuples) {
    const MessagePointer message = Request(IPCTNL_MSG_CT_DELETE, 0, v6);
    nla_put(message.get(), CTA_TUPLE_ORIG | NLA_F_NESTED, static_cast<int>(tuple.size()),
            tuple.data());
    failure = nl_send_auto(socket.get(), message.get());
    if (failure >= 0) failure = nl_wait_for_ack(socket.get());
    if (failure >= 0) {
      ++forgotten;
    } else if (failure != -NLE_OBJ_NOTFOUND) {
      return NetlinkError(failure, "forget a tracked connection");
    }
  }
  return forgotten;
}

}  // namespace keelson::netlink
