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

#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

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

struct SocketAddress {
  sockaddr_storage where{};
  socklen_t size = sizeof(sockaddr_storage);
  SocketAddress() = default;
  SocketAddress(const std::string& address, uint16_t port) {
    if (address.find(':') != std::string::npos) {
      auto* six = reinterpret_cast<sockaddr_in6*>(&where);
      six->sin6_family = AF_INET6;
      six->sin6_port = htons(port);
      inet_pton(AF_INET6, address.c_str(), &six->sin6_addr);
      size = sizeof *six;
    } else {
      auto* four = reinterpret_cast<sockaddr_in*>(&where);
      four->sin_family = AF_INET;
      four->sin_port = htons(port);
      inet_pton(AF_INET, address.c_str(), &four->sin_addr);
      size = sizeof *four;
    }
  }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&where); }
  std::string Ip() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (where.ss_family == AF_INET6) {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&where)->sin6_addr, text,
                sizeof text);
    } else {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&where)->sin_addr, text,
                sizeof text);
    }
    return text;
  }
  uint16_t Port() const { return ntohs(reinterpret_cast<const sockaddr_in*>(&where)->sin_port); }
};

inline os::UniqueFd OpenSocket(int netns, const SocketAddress& like, int type = SOCK_STREAM) {
  int fd = -1;
  InNamespace(netns, [&] { fd = socket(like.where.ss_family, type | SOCK_CLOEXEC, 0); });
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
