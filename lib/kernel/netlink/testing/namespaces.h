// SPDX-License-Identifier: Apache-2.0
// A fresh network and mount namespace that plays the host, and sockets in namespaces: nothing of
// the machine's own links or rules is touched. For tests.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "lib/base/ip_address.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/socket_address.h"

namespace keelson::netlink {

// Everything of a test runs on one thread that has left the machine's network.
inline void InFreshHost(const std::function<void()>& work) {
  std::thread thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    // /sys and /proc/sys/net show the namespace of who looks; iptables wants its lock file
    // somewhere private.
    ASSERT_EQ(mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0);
    RouteSocket::Open().value().SetUp(1).ok();
    work();
  });
  thread.join();
}

// What a command of the machine says, run on this thread's namespaces.
inline std::string Say(std::vector<std::string> argv) {
  os::SpawnOptions options;
  options.argv = std::move(argv);
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  const base::Result<os::CommandResult> done =
      os::RunCommand(options, "", std::chrono::seconds(60));
  if (!done.ok()) return done.error().message();
  return done->out + done->err;
}

inline void InNamespace(int netns, const std::function<void()>& work) {
  std::thread([&] {
    if (setns(netns, CLONE_NEWNET) == 0) work();
  }).join();
}

// With the size that bind(2) and accept(2) want beside it.
struct SocketAddress {
  os::SocketAddress where;
  socklen_t size = sizeof(os::SocketAddress);
  SocketAddress() = default;
  SocketAddress(const std::string& address, uint16_t port)
      : where(os::SocketAddress::Of(base::IpAddress::Parse(address).value(), port)),
        size(where.size()) {}
  sockaddr* get() { return &where.any; }
  std::string Ip() const { return where.address().value().Text(); }
  uint16_t Port() const { return where.port(); }
};

inline os::UniqueFd OpenSocket(int netns, const SocketAddress& like, int type = SOCK_STREAM) {
  int fd = -1;
  InNamespace(netns, [&] { fd = socket(like.where.any.sa_family, type | SOCK_CLOEXEC, 0); });
  const timeval limit{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return os::UniqueFd(fd);
}

inline os::UniqueFd Listen(int netns, const std::string& address, uint16_t port) {
  SocketAddress where(address, port);
  os::UniqueFd listener = OpenSocket(netns, where);
  const int one = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  EXPECT_EQ(bind(listener.get(), where.get(), where.size), 0) << strerror(errno);
  EXPECT_EQ(listen(listener.get(), 8), 0);
  return listener;
}

// Who `listener` sees when `from` connects to address:port; "" when nothing comes of it.
inline std::string SeenFrom(int from, const std::string& address, uint16_t port, int listener) {
  SocketAddress where(address, port);
  const os::UniqueFd client = OpenSocket(from, where);
  if (connect(client.get(), where.get(), where.size) != 0) return "";
  SocketAddress seen;
  const os::UniqueFd accepted(accept4(listener, seen.get(), &seen.size, SOCK_CLOEXEC));
  return accepted ? seen.Ip() : "";
}

inline bool Reaches(int from, int to, const std::string& address) {
  const os::UniqueFd listener = Listen(to, address, 0);
  SocketAddress where;
  getsockname(listener.get(), where.get(), &where.size);
  return !SeenFrom(from, address, where.Port(), listener.get()).empty();
}

}  // namespace keelson::netlink
