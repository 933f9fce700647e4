// SPDX-License-Identifier: Apache-2.0
// rtnetlink requests as single calls: links, addresses, routes, limits of rate. A socket belongs to
// the network namespace in which it was opened; OpenIn() opens one inside another namespace on a
// throw-away thread. One caller at a time. Source: rtnetlink(7).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/netlink/paths.h"
#include "lib/os/unique_fd.h"

struct nl_sock;
struct nl_msg;
struct nlmsghdr;

namespace keelson::netlink {

struct Link {
  int index = 0;
  std::string name;
  bool up = false;
  uint32_t mtu = 0;
  int master = 0;  // the bridge that it is a port of; 0: none
};

using Address6 = std::array<uint8_t, 16>;  // network order

struct Qdisc {
  int link = 0;
  std::string kind;
  uint32_t parent = 0;
  uint64_t bytes_per_second = 0;  // of a token bucket, else 0; so the next two
  uint32_t burst = 0;             // bytes
  uint32_t limit = 0;             // bytes that may wait
};

class RouteSocket {
 public:
  static base::Result<RouteSocket> Open();
  // `also`: more to do inside the namespace, on the same thread.
  static base::Result<RouteSocket> OpenIn(int netns, const std::function<void()>& also = {});
  RouteSocket(RouteSocket&&) noexcept = default;
  RouteSocket& operator=(RouteSocket&&) noexcept = default;

  // Waits for the kernel's lock on links: what somebody is changing just now is seen as it will be.
  base::Result<std::optional<Link>> FindLink(const std::string& name);
  base::Result<std::vector<Link>> ListLinks();
  // 0: not there. Waits for nobody: a link that is being deleted is gone once that cannot fail any
  // more.
  base::Result<int> IndexOf(const std::string& name);
  base::Status CreateBridge(const std::string& name);
  // The link's MAC address stays what it is now: a bridge otherwise takes the lowest of its ports',
  // another whenever one comes or goes, and who has asked for it sends into nowhere for seconds.
  base::Status KeepMacAddress(const std::string& name);
  base::Status SetUp(int index);
  base::Status SetDown(int index);
  // Into another network namespace, under another name, both at once.
  base::Status MoveLink(int index, int netns, const std::string& name);
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
  // IPv6, in use at once: nobody looks for duplicates.
  base::Status AddAddress(int index, const Address6& address, int prefix);
  base::Status AddDefaultRoute(int index, const Address6& gateway);
  // A port of a bridge may get its own frames back: a pod speaks to itself by the host's address or
  // a Service's.
  base::Status SetHairpin(int index);
  base::Status CreateLink(const std::string& name, const std::string& kind);  // up; "ifb"

  // tc(8)'s part. What leaves by the link: a token bucket (tbf) as its root, replaced if there.
  base::Status LimitRate(int index, uint64_t bytes_per_second, uint32_t burst, uint32_t limit);
  // What comes in by the link leaves by link `to` instead (an ifb) and comes back in behind it.
  base::Status RedirectIngress(int index, int to);
  base::Result<std::vector<Qdisc>> ListQdiscs();

  // Routes of the main table and what VXLAN needs (paths.h). Deleting what is absent is success.
  base::Result<std::vector<LinkAddress>> ListAddresses();
  base::Status AddAddress(const LinkAddress& address);  // in use at once; there already is success
  base::Status DeleteAddress(const LinkAddress& address);  // absent is success
  base::Result<std::vector<Route>> ListRoutes(bool v6, uint8_t protocol);
  base::Status AddRoute(const Route& route);      // EEXIST: there is one, whoever's
  base::Status ReplaceRoute(const Route& route);  // whoever's it was
  base::Status DeleteRoute(const Route& route);   // only of its protocol
  // Permanent ones; `forwarding`: a VXLAN device's own forwarding database, of peers of the family.
  base::Result<std::vector<Neighbour>> ListNeighbours(int link, bool v6, bool forwarding);
  base::Status SetNeighbour(const Neighbour& neighbour);
  base::Status DeleteNeighbour(const Neighbour& neighbour);
  base::Status SetForwarding(const Neighbour& peer);
  base::Status DeleteForwarding(const Neighbour& peer);
  base::Status CreateVxlan(const VxlanLink& link);  // up
  // Of another kind: without a VNI.
  base::Result<std::optional<VxlanLink>> FindVxlan(const std::string& name);

 private:
  struct Closer {
    void operator()(nl_sock* socket) const;
  };
  explicit RouteSocket(nl_sock* socket) : socket_(socket) {}
  base::Status Send(nl_msg* message, const std::string& what);
  base::Status Dump(nl_msg* message, const std::function<void(const nlmsghdr*)>& each,
                    const std::string& what);
  base::Result<std::vector<Link>> AskLinks(nl_msg* message, const std::string& what);
  std::unique_ptr<nl_sock, Closer> socket_;
};

}  // namespace keelson::netlink
