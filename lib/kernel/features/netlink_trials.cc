// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/features/netlink_trials.h"

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace keelson::features {
namespace {

// One request in a buffer on the stack.
struct Request {
  alignas(nlmsghdr) char bytes[512] = {};
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes); }

  Request(uint16_t type, uint16_t flags, size_t body) {
    header()->nlmsg_type = type;
    header()->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    header()->nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(body));
  }
  template <typename T>
  T* body() {
    return reinterpret_cast<T*>(bytes + NLMSG_HDRLEN);
  }
  nlattr* Add(uint16_t type, const void* data, size_t size) {
    const size_t at = NLMSG_ALIGN(header()->nlmsg_len);
    auto* attribute = reinterpret_cast<nlattr*>(bytes + at);
    attribute->nla_type = type;
    attribute->nla_len = static_cast<uint16_t>(NLA_HDRLEN + size);
    if (size != 0) memcpy(bytes + at + NLA_HDRLEN, data, size);
    header()->nlmsg_len = static_cast<uint32_t>(at + NLMSG_ALIGN(NLA_HDRLEN + size));
    return attribute;
  }
  void Close(nlattr* nest) {
    nest->nla_len =
        static_cast<uint16_t>(bytes + header()->nlmsg_len - reinterpret_cast<char*>(nest));
  }
};

// Sends and reads the first answer: an error, an acknowledgement (0), or data, which is success as
// well.
int Ask(int protocol, Request& request) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return errno;
  int result = 0;
  if (send(fd, request.bytes, request.header()->nlmsg_len, 0) < 0) {
    result = errno;
  } else {
    alignas(nlmsghdr) char answer[8192];
    const ssize_t n = recv(fd, answer, sizeof answer, 0);
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
    if (n < static_cast<ssize_t>(sizeof *header)) {
      result = n < 0 ? errno : EIO;
    } else if (header->nlmsg_type == NLMSG_ERROR) {
      result = -reinterpret_cast<const nlmsgerr*>(answer + NLMSG_HDRLEN)->error;
    }
  }
  close(fd);
  return result;
}

}  // namespace

int MakeLink(const char* kind) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, sizeof(ifinfomsg));
  request.Add(IFLA_IFNAME, "kltrial0", 9);
  nlattr* info = request.Add(IFLA_LINKINFO, nullptr, 0);
  request.Add(IFLA_INFO_KIND, kind, strlen(kind) + 1);
  request.Close(info);
  return Ask(NETLINK_ROUTE, request);
}

int AskNftables() {
  Request request(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, sizeof(nfgenmsg));
  return Ask(NETLINK_NETFILTER, request);
}

int AskIptables() {
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  if (fd < 0) return errno;
  // struct ipt_getinfo: a table's name of 32 bytes, then numbers. IPT_SO_GET_INFO is 64.
  char info[84] = "filter";
  socklen_t size = sizeof info;
  const int result = getsockopt(fd, IPPROTO_IP, 64, info, &size) == 0 ? 0 : errno;
  close(fd);
  return result;
}

int AskFamily(const char* name) {
  Request request(GENL_ID_CTRL, 0, sizeof(genlmsghdr));
  request.body<genlmsghdr>()->cmd = CTRL_CMD_GETFAMILY;
  request.body<genlmsghdr>()->version = 1;
  request.Add(CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
  return Ask(NETLINK_GENERIC, request);
}

}  // namespace keelson::features
