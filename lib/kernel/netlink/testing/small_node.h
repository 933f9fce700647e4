// SPDX-License-Identifier: Apache-2.0
// A node with one pod and one machine outside, each a network namespace joined to the calling
// thread's by a bridge of its own. The node is .1 of both networks, the pod .2 of the first, the
// outside .2 of the second; the node knows a way to everywhere, as real ones do. For tests inside
// InFreshHost.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include "lib/kernel/netlink/testing/namespaces.h"

namespace keelson::netlink {

inline os::UniqueFd NewNamespace() {
  int fd = -1;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) return;
    RouteSocket::Open().value().SetUp(1).ok();
    fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }).join();
  return os::UniqueFd(fd);
}

class SmallNode {
 public:
  explicit SmallNode(bool v6) : v6_(v6), pod_(NewNamespace()), outside_(NewNamespace()) {
    EXPECT_TRUE(pod_ && outside_);
    const char* forward =
        v6 ? "/proc/sys/net/ipv6/conf/all/forwarding" : "/proc/sys/net/ipv4/ip_forward";
    EXPECT_TRUE(os::WriteControl(AT_FDCWD, forward, "1").ok());
    Join(1, pod_);
    Join(2, outside_);
    Say({"ip", "route", "add", "default", "via", At(1, 2)});
  }

  // "10.9.1.2", "fd09:1::2"
  std::string At(int net, int host) const {
    return v6_ ? fmt::format("fd09:{}::{}", net, host) : fmt::format("10.9.{}.{}", net, host);
  }
  std::string pods() const { return v6_ ? "fd09:1::/64" : "10.9.1.0/24"; }
  int pod() const { return pod_.get(); }
  int outside() const { return outside_.get(); }
  // Whom the pod, listening on 8080, sees when `from` asks; "" when nothing comes.
  std::string PodSees(int from, const std::string& address, uint16_t port) const {
    const os::UniqueFd listener = Listen(pod_.get(), At(1, 2), 8080);
    return SeenFrom(from, address, port, listener.get());
  }

 private:
  void Join(int net, const os::UniqueFd& space) {
    const std::string name = fmt::format("net{}", net);
    const int bits = v6_ ? 64 : 24;
    auto route = RouteSocket::Open();
    ASSERT_TRUE(route.ok());
    ASSERT_TRUE(route->CreateBridge(name).ok());
    ASSERT_TRUE(route
                    ->CreateVeth({.name = name + "h",
                                  .bridge = *route->IndexOf(name),
                                  .peer = "eth0",
                                  .peer_netns = space.get(),
                                  .peer_mac = {2, 0, 0, 0, static_cast<char>(net), 1}})
                    .ok());
    ASSERT_TRUE(route->SetHairpin(*route->IndexOf(name + "h")).ok());
    Say({"ip", "addr", "add", fmt::format("{}/{}", At(net, 1), bits), "dev", name, "nodad"});
    InNamespace(space.get(), [&] {
      Say({"ip", "addr", "add", fmt::format("{}/{}", At(net, 2), bits), "dev", "eth0", "nodad"});
      Say({"ip", "link", "set", "eth0", "up"});
      Say({"ip", "route", "add", "default", "via", At(net, 1)});
    });
  }

  const bool v6_;
  const os::UniqueFd pod_, outside_;
};

}  // namespace keelson::netlink
