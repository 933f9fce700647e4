// SPDX-License-Identifier: Apache-2.0
#include "proxy/handover/handover.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "lib/os/socket.h"
#include "lib/os/temp_dir.h"

namespace keelson::proxy::handover {
namespace {

class HandoverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: the socket is given to another user";
  }
  // A name server takes what is there; the keeper's loop runs meanwhile.
  std::vector<os::UniqueFd> Take(Server& server) {
    std::vector<os::UniqueFd> out;
    bool done = false;
    std::thread taker([&] {
      out = server.Take();
      loop_->Post([&] { done = true; });
    });
    while (!done) loop_->RunOnce(std::chrono::seconds(1));
    taker.join();
    return out;
  }
  void Until(const std::function<bool()>& good) {
    while (!good()) loop_->RunOnce(std::chrono::seconds(1));
  }
  static ino_t Inode(int fd) {
    struct stat now{};
    fstat(fd, &now);
    return now.st_ino;
  }

  const os::TempDir dir_ = std::move(os::TempDir::Create("keelson-handover")).value();
  const std::string path_ = dir_.path() + "/sockets";
  const std::unique_ptr<os::EventLoop> loop_ = std::move(os::EventLoop::Create()).value();
  const os::UniqueFd socket_{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(HandoverTest, TheNextNameServerHasTheSocketsOfTheOneBefore) {
  Keeper keeper(*loop_);
  ASSERT_TRUE(keeper.Listen(path_).ok());
  {
    Server first(*loop_, path_);
    EXPECT_TRUE(Take(first).empty());
    first.Keep({socket_.get()});
    Until([&] { return keeper.kept() == 1; });
  }
  Server second(*loop_, path_);
  const std::vector<os::UniqueFd> taken = Take(second);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(Inode(taken[0].get()), Inode(socket_.get()));
}

TEST_F(HandoverTest, AKeeperThatComesLaterIsGivenThem) {
  Server server(*loop_, path_);
  EXPECT_TRUE(server.Take().empty());
  server.Keep({socket_.get()});
  std::optional<Keeper> keeper(std::in_place, *loop_);
  ASSERT_TRUE(keeper->Listen(path_).ok());
  Until([&] { return keeper->kept() == 1; });
  keeper.emplace(*loop_);
  ASSERT_TRUE(keeper->Listen(path_).ok());
  Until([&] { return keeper->kept() == 1; });
}

TEST_F(HandoverTest, WhatWasGivenToAKeeperThatOnlyBeginsIsThereForTheNext) {
  Keeper keeper(*loop_);
  ASSERT_TRUE(keeper.Listen(path_).ok());
  {
    // Of a name server that ends before the keeper has heard of it.
    const os::UniqueFd first = os::ConnectUnix(path_, SOCK_SEQPACKET).value();
    ASSERT_TRUE(os::SendMessage(first.get(), "\1", {socket_.get()}).ok());
  }
  Server second(*loop_, path_);
  const std::vector<os::UniqueFd> taken = Take(second);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(Inode(taken[0].get()), Inode(socket_.get()));
}

TEST_F(HandoverTest, WhatNobodyServesIsLetGo) {
  Keeper keeper(*loop_, std::chrono::milliseconds(1));
  ASSERT_TRUE(keeper.Listen(path_).ok());
  {
    Server server(*loop_, path_);
    EXPECT_TRUE(Take(server).empty());
    server.Keep({socket_.get()});
    Until([&] { return keeper.kept() == 1; });
  }
  Until([&] { return keeper.kept() == 0; });
}

}  // namespace
}  // namespace keelson::proxy::handover
