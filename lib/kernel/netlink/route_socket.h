// SPDX-License-Identifier: Apache-2.0
// rtnetlink requests as single calls: links, addresses, routes. A socket belongs to the network
// namespace in which it was opened; OpenIn() opens one inside another namespace on a throw-away
// thread. One caller at a time. Source: rtnetlink(7).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

struct nl_sock;
struct nl_msg;

namespace keelson::netlink {

struct Link {
  int index = 0;
  std::string name;
  bool up = false;
};

class RouteSocket {
 public:
  static base::Result<RouteSocket> Open();
  static base::Result<RouteSocket> OpenIn(int netns);
  RouteSocket(RouteSocket&&) noexcept = default;
  RouteSocket& operator=(RouteSocket&&) noexcept = default;

  // Waits for the kernel's lock on links: what somebody is changing just now is seen as it will be.
  base::Result<std::optional<Link>> FindLink(const std::string& name);
  base::Result<std::vector<Link>> ListLinks();
  // 0: not there. Waits for nobody: a link that is being deleted is gone once that cannot fail any
  // more.
  base::Result<int> IndexOf(const std::string& name);
  base::Status CreateBridge(const std::string& name);
  base::Status SetUp(int index);
  base::Status DeleteLink(const std::string& name);  // absent is success
  base::Status DeleteLink(int index);  // absent is success; the kernel gives an index out once
  // One message: the host's side, up and on `bridge`; the pod's side named `peer` inside
  // `peer_netns`.
  struct Veth {
    std::string name;
    int bridge = 0;
    std::string peer;
    int peer_netns = -1;
    std::string peer_mac;  // six bytes
  };
  base::Status CreateVeth(const Veth& veth);
  // IPv4 in host byte order.
  base::Status AddAddress(int index, uint32_t address, int prefix);  // there already is success
  base::Status AddDefaultRoute(int index, uint32_t gateway);

 private:
  struct Closer {
    void operator()(nl_sock* socket) const;
  };
  explicit RouteSocket(nl_sock* socket) : socket_(socket) {}
  base::Status Send(nl_msg* message, const std::string& what);
  base::Result<std::vector<Link>> AskLinks(nl_msg* message, const std::string& what);
  std::unique_ptr<nl_sock, Closer> socket_;
};

}  // namespace keelson::netlink
