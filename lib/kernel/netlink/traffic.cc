// SPDX-License-Identifier: Apache-2.0
// Limits of rate: token buckets, and the redirection of what comes in. Messages as tc(8) writes
// them; u32 with no key bits matches every packet (some kernels lack matchall). Source:
// linux/pkt_sched.h, linux/pkt_cls.h.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/kernel/netlink/message.h"
#include "lib/kernel/netlink/route_socket.h"

namespace keelson::netlink {

using base::Result;
using base::Status;

Status RouteSocket::LimitRate(int index, uint64_t bytes_per_second, uint32_t burst,
                              uint32_t limit) {
  const MessagePointer message =
      NewMessage(RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE);
  nl_msg* m = message.get();
  tcmsg body{};
  body.tcm_family = AF_UNSPEC;
  body.tcm_ifindex = index;
  body.tcm_parent = TC_H_ROOT;
  nlmsg_append(m, &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(m, TCA_KIND, "tbf");
  nlattr* options = nla_nest_start(m, TCA_OPTIONS);
  tc_tbf_qopt parameters{};
  parameters.limit = limit;
  parameters.rate.linklayer = TC_LINKLAYER_ETHERNET;
  parameters.rate.rate = static_cast<uint32_t>(std::min<uint64_t>(bytes_per_second, 0xffffffffu));
  nla_put(m, TCA_TBF_PARMS, sizeof parameters, &parameters);
  nla_put_u32(m, TCA_TBF_BURST, burst);
  if (bytes_per_second > 0xffffffffu) nla_put_u64(m, TCA_TBF_RATE64, bytes_per_second);
  nla_nest_end(m, options);
  return Send(m, "limit the rate of link " + std::to_string(index));
}

Status RouteSocket::RedirectIngress(int index, int to) {
  const MessagePointer qdisc = NewMessage(RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  tcmsg body{};
  body.tcm_family = AF_UNSPEC;
  body.tcm_ifindex = index;
  body.tcm_parent = TC_H_INGRESS;
  body.tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0);
  nlmsg_append(qdisc.get(), &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(qdisc.get(), TCA_KIND, "ingress");
  Status status = Send(qdisc.get(), "classify what link " + std::to_string(index) + " receives");
  if (!status.ok() && status.error().os_errno() != EEXIST) return status;

  const MessagePointer filter =
      NewMessage(RTM_NEWTFILTER, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  nl_msg* m = filter.get();
  body.tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0);
  body.tcm_handle = 0;
  body.tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL));
  nlmsg_append(m, &body, sizeof body, NLMSG_ALIGNTO);
  nla_put_string(m, TCA_KIND, "u32");
  nlattr* options = nla_nest_start(m, TCA_OPTIONS);
  // A tc_u32_sel and the array that it ends with: one key that asks for no bit.
  alignas(tc_u32_sel) unsigned char space[sizeof(tc_u32_sel) + sizeof(tc_u32_key)] = {};
  auto* const selector = reinterpret_cast<tc_u32_sel*>(space);
  selector->flags = TC_U32_TERMINAL;
  selector->nkeys = 1;
  nla_put(m, TCA_U32_SEL, sizeof space, space);
  nlattr* actions = nla_nest_start(m, TCA_U32_ACT);
  nlattr* first = nla_nest_start(m, 1);
  nla_put_string(m, TCA_ACT_KIND, "mirred");
  nlattr* action = nla_nest_start(m, TCA_ACT_OPTIONS);
  tc_mirred redirect{};
  redirect.action = TC_ACT_STOLEN;
  redirect.eaction = TCA_EGRESS_REDIR;
  redirect.ifindex = static_cast<uint32_t>(to);
  nla_put(m, TCA_MIRRED_PARMS, sizeof redirect, &redirect);
  nla_nest_end(m, action);
  nla_nest_end(m, first);
  nla_nest_end(m, actions);
  nla_nest_end(m, options);
  return Send(m, "redirect what link " + std::to_string(index) + " receives");
}

namespace {

int CollectQdisc(nl_msg* answer, void* argument) {
  nlmsghdr* header = nlmsg_hdr(answer);
  if (header->nlmsg_type != RTM_NEWQDISC) return NL_OK;
  const auto* info = static_cast<const tcmsg*>(nlmsg_data(header));
  Qdisc qdisc;
  qdisc.link = info->tcm_ifindex;
  qdisc.parent = info->tcm_parent;
  if (const nlattr* kind = nlmsg_find_attr(header, sizeof(tcmsg), TCA_KIND))
    qdisc.kind = nla_get_string(kind);
  const nlattr* options = nlmsg_find_attr(header, sizeof(tcmsg), TCA_OPTIONS);
  if (options != nullptr && qdisc.kind == "tbf") {
    const nlattr* parameters =
        nla_find(static_cast<const nlattr*>(nla_data(options)), nla_len(options), TCA_TBF_PARMS);
    tc_tbf_qopt tbf{};
    if (parameters != nullptr && nla_len(parameters) >= static_cast<int>(sizeof tbf)) {
      std::memcpy(&tbf, nla_data(parameters), sizeof tbf);
      qdisc.bytes_per_second = tbf.rate.rate;
      qdisc.limit = tbf.limit;
      // The kernel keeps the burst as time, in ticks of 64 ns.
      qdisc.burst = static_cast<uint32_t>(static_cast<double>(tbf.buffer) * 64 / 1e9 *
                                          static_cast<double>(tbf.rate.rate));
    }
  }
  static_cast<std::vector<Qdisc>*>(argument)->push_back(std::move(qdisc));
  return NL_OK;
}

}  // namespace

Result<std::vector<Qdisc>> RouteSocket::ListQdiscs() {
  const MessagePointer message = NewMessage(RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP);
  tcmsg body{};
  nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
  std::vector<Qdisc> qdiscs;
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, CollectQdisc, &qdiscs);
  int failure = nl_send_auto(socket_.get(), message.get());
  if (failure >= 0) failure = nl_recvmsgs_default(socket_.get());
  nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_DEFAULT, nullptr, nullptr);
  if (failure < 0) return NetlinkError(failure, "list the limits of links");
  return qdiscs;
}

}  // namespace keelson::netlink
