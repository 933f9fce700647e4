// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/unique_fd.h"

namespace keelson::page {
namespace {

constexpr char kServer[] = "127.0.0.1:6480";

// 127.0.0.1:40000 to :6480, as a kernel writes it.
std::string Row(std::string_view state, std::string_view uid, std::string_view inode,
                std::string_view local = "0100007F:9C40",
                std::string_view remote = "0100007F:1950") {
  return "   1: " + std::string(local) + " " + std::string(remote) + " " + std::string(state) +
         " 00000000:00000000 00:00000000 00000000 " + std::string(uid) + "        0 " +
         std::string(inode) + " 1 0000000000000000 20 4 30 10 -1\n";
}
constexpr char kHead[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

TEST(Peer, IsWhoMadeTheOtherEnd) {
  const std::string table = kHead + Row("0A", "0", "77", "0100007F:1950", "00000000:0000") +
                            Row("01", "0", "78", "0100007F:1950", "0100007F:9C40") +
                            Row("01", "1000", "79");
  EXPECT_EQ(OwnerIn(table, "127.0.0.1:40000", kServer), 1000u);
  EXPECT_EQ(OwnerIn(table, "127.0.0.1:40001", kServer), std::nullopt);
  EXPECT_EQ(OwnerIn(table, "127.0.0.1:40000", "127.0.0.1:6481"), std::nullopt);
  EXPECT_EQ(OwnerIn(table, "unix", kServer), std::nullopt);
}

TEST(Peer, OfWhatIsClosedIsNobodyAndNotRoot) {
  for (const std::string& row :
       {Row("06", "0", "0"), Row("04", "0", "0"), Row("05", "0", "0"), Row("01", "0", "0")})
    EXPECT_EQ(OwnerIn(kHead + row, "127.0.0.1:40000", kServer), std::nullopt) << row;
}

TEST(Peer, IsFoundInASocketOfTheOtherFamily) {
  const std::string mapped = Row("01", "1000", "5", "0000000000000000FFFF00000100007F:9C40",
                                 "0000000000000000FFFF00000100007F:1950");
  EXPECT_EQ(OwnerIn(mapped, "127.0.0.1:40000", kServer), 1000u);
  const std::string six = Row("01", "1000", "5", "00000000000000000000000001000000:9C40",
                              "00000000000000000000000001000000:1950");
  EXPECT_EQ(OwnerIn(six, "[::1]:40000", "[::1]:6480"), 1000u);
  EXPECT_EQ(OwnerIn(six, "127.0.0.1:40000", kServer), std::nullopt);
}

TEST(Peer, WhatCannotBeReadIsNobody) {
  for (const std::string& row :
       {Row("01", "x", "5"), Row("01", "-1", "5"), Row("01", "4294967295", "5"),
        Row("01", "0", "5", "0100007G:9C40"), Row("01", "0", "5", "01007F:9C40"),
        std::string("01 01 01 01"), std::string()})
    EXPECT_EQ(OwnerIn(row, "127.0.0.1:40000", kServer), std::nullopt) << row;
}

TEST(Peer, TheKernelSaysIt) {
  const os::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const os::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  sockaddr_in own{};
  ASSERT_EQ(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size), 0);
  EXPECT_EQ(OwnerOf("127.0.0.1:" + std::to_string(ntohs(own.sin_port)),
                    "127.0.0.1:" + std::to_string(ntohs(address.sin_port))),
            getuid());
}

TEST(PageUsers, AreNamedOrNumbered) {
  const auto users = WithUsers({.all = false, .uids = {7}}, "root,1001,");
  ASSERT_TRUE(users.ok());
  EXPECT_EQ(users->uids, (std::set<uid_t>{0, 7, 1001}));
  EXPECT_TRUE(users->Has(1001));
  EXPECT_FALSE(users->Has(1002));
  EXPECT_FALSE(users->Has(std::nullopt));
  EXPECT_TRUE(WithUsers({}, "all")->Has(std::nullopt));
  EXPECT_FALSE(WithUsers({}, "no such user").ok());
  EXPECT_TRUE(OwnUsers().Has(0));
  EXPECT_TRUE(OwnUsers().Has(geteuid()));
}

}  // namespace
}  // namespace keelson::page
