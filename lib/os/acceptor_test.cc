// SPDX-License-Identifier: Apache-2.0
#include "lib/os/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include "lib/os/listen.h"
#include "lib/os/socket.h"
#include "lib/os/temp_dir.h"

namespace keelson::os {
namespace {

TEST(Acceptor, HandsOnConnectionsThatDoNotBlockAndWhereTheyCameFrom) {
  TcpListener listening = ListenTcp("127.0.0.1:0", true, 1).value();
  auto acceptor = Acceptor::Create(std::move(listening.socket), "test").value();
  std::promise<std::pair<int, int>> taken;  // family, flags
  acceptor->Start([&](UniqueFd socket, const SocketAddress& from) {
    taken.set_value({from.any.sa_family, fcntl(socket.get(), F_GETFL)});
  });
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(listening.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const auto [family, flags] = taken.get_future().get();
  EXPECT_EQ(family, AF_INET);
  EXPECT_NE(flags & O_NONBLOCK, 0);
}

TEST(Acceptor, ClosesWhatANeighbourOfAUnixSocketConnects) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  const TempDir dir = TempDir::Create("keelson-acceptor").value();
  const std::string path = dir.path() + "/socket";
  auto acceptor = Acceptor::Create(ListenUnix(path, SOCK_STREAM).value(), "test").value();
  std::promise<void> taken;
  int count = 0;
  acceptor->Start([&](UniqueFd, const SocketAddress& from) {
    EXPECT_EQ(from.any.sa_family, AF_UNIX);
    if (++count == 1) taken.set_value();
  });
  // Modes that were opened by mistake.
  ASSERT_EQ(chmod(dir.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  const pid_t stranger = fork();
  if (stranger == 0) {
    if (setresuid(65534, 65534, 65534) != 0) _exit(1);
    const auto connected = ConnectUnix(path, SOCK_STREAM);
    char byte;
    // The end of a connection that nobody took.
    _exit(connected.ok() && read(connected->get(), &byte, 1) == 0 ? 0 : 2);
  }
  int status = -1;
  ASSERT_EQ(waitpid(stranger, &status, 0), stranger);
  EXPECT_EQ(status, 0);
  const auto ours = ConnectUnix(path, SOCK_STREAM);
  ASSERT_TRUE(ours.ok());
  taken.get_future().get();
  acceptor.reset();
  EXPECT_EQ(count, 1);
}

TEST(Acceptor, EndsWithoutAnyConnection) {
  auto acceptor =
      Acceptor::Create(std::move(ListenTcp("127.0.0.1:0", true, 1).value().socket), "test").value();
  acceptor->Start([](UniqueFd, const SocketAddress&) { FAIL(); });
  acceptor.reset();
}

}  // namespace
}  // namespace keelson::os
