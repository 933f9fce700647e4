// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "lib/os/event_loop.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "lib/os/rooted_dir.h"
#include "lib/os/scheduling.h"
#include "lib/os/socket.h"
#include "lib/os/temp_dir.h"

namespace keelson::os {
namespace {

using namespace std::chrono_literals;

class Files : public testing::Test {
 protected:
  TempDir dir_ = std::move(TempDir::Create("keelson-os-test")).value();
  std::string At(const std::string& name) const { return dir_.path() + "/" + name; }
};

TEST_F(Files, AtomicWriteReplacesTheWholeFileAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteFileAtomic(At("a"), "one", 0600, Durability::kPowerLoss).ok());
  ASSERT_TRUE(WriteFileAtomic(At("a"), "two", 0644).ok());
  EXPECT_EQ(ReadFile(At("a")).value(), "two");
  EXPECT_EQ(ListDir(dir_.path()).value().size(), 1u);
  struct stat st{};
  ASSERT_EQ(stat(At("a").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0644u);
}

TEST_F(Files, ReadLimitIsAnErrorNotATruncation) {
  ASSERT_TRUE(WriteFileAtomic(At("a"), "12345", 0600).ok());
  EXPECT_EQ(ReadFile(At("a"), 4).error().code(), base::Code::kResourceExhausted);
  EXPECT_EQ(ReadFile(At("a"), 5).value(), "12345");
}

TEST_F(Files, RemoveTreeDoesNotFollowSymlinks) {
  ASSERT_TRUE(MakeDirs(At("victim"), 0755).ok());
  ASSERT_TRUE(WriteFileAtomic(At("victim/keep"), "x", 0600).ok());
  ASSERT_TRUE(MakeDirs(At("tree/deep/er"), 0755).ok());
  ASSERT_EQ(symlink("../victim", At("tree/link").c_str()), 0);
  ASSERT_EQ(symlink(At("victim").c_str(), At("tree/deep/link").c_str()), 0);
  ASSERT_TRUE(RemoveTree(At("tree")).ok());
  EXPECT_FALSE(Exists(At("tree")));
  EXPECT_TRUE(Exists(At("victim/keep")));
  EXPECT_TRUE(RemoveTree(At("tree")).ok());
}

TEST_F(Files, RootedDirKeepsEveryLookupInside) {
  ASSERT_TRUE(MakeDirs(At("root/etc"), 0755).ok());
  ASSERT_TRUE(WriteFileAtomic(At("secret"), "outside", 0600).ok());
  ASSERT_TRUE(WriteFileAtomic(At("root/etc/passwd"), "inside", 0600).ok());
  ASSERT_EQ(symlink("/etc/passwd", At("root/absolute").c_str()), 0);
  ASSERT_EQ(symlink("../../../../etc/passwd", At("root/dots").c_str()), 0);
  ASSERT_EQ(symlink("../secret", At("root/out").c_str()), 0);
  ASSERT_EQ(symlink("/made", At("root/to-made").c_str()), 0);
  const RootedDir root = std::move(RootedDir::Open(At("root"))).value();
  for (const char* path : {"absolute", "/absolute", "dots", "../etc/passwd"}) {
    {
      base::Result<UniqueFd> fd = root.OpenAt(path, O_RDONLY);
      ASSERT_TRUE(fd.ok()) << path;
      EXPECT_EQ(ReadAll(fd->get()).value(), "inside") << path;
    }
  }
  EXPECT_FALSE(root.OpenAt("out", O_RDONLY).ok());
  ASSERT_TRUE(root.MakeDirs("/made/by/us", 0755).ok());
  EXPECT_TRUE(Exists(At("root/made/by/us")));
  ASSERT_TRUE(root.MakeDirs("to-made/through/link", 0755).ok());
  EXPECT_TRUE(Exists(At("root/made/through/link")));
  ASSERT_TRUE(root.MakeFile("x/y/file", 0644).ok());
  EXPECT_TRUE(Exists(At("root/x/y/file")));
}

TEST(Sockets, CarryBytesAndDescriptors) {
  SocketPair pair = std::move(CreateSocketPair(SOCK_SEQPACKET)).value();
  Pipe pipe = std::move(CreatePipe()).value();
  ASSERT_TRUE(SendMessage(pair.first.get(), "hello", {pipe.write_end.get()}).ok());
  Message message = std::move(ReceiveMessage(pair.second.get())).value();
  EXPECT_EQ(message.bytes, "hello");
  ASSERT_EQ(message.fds.size(), 1u);
  EXPECT_NE(fcntl(message.fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  pair.first.reset();
  EXPECT_EQ(ReceiveMessage(pair.second.get()).error().code(), base::Code::kUnavailable);
}

TEST_F(Files, ListeningSocketIsForItsOwnerOnly) {
  const UniqueFd listener = std::move(ListenUnix(At("s"), SOCK_SEQPACKET)).value();
  struct stat st{};
  ASSERT_EQ(stat(At("s").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  const UniqueFd client = std::move(ConnectUnix(At("s"), SOCK_SEQPACKET)).value();
  const UniqueFd server = std::move(Accept(listener.get())).value();
  EXPECT_EQ(GetPeerIdentity(server.get()).value().pid, getpid());
}

TEST(Process, RunsACommandWithInputAndSeparateOutputs) {
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "cat; echo problem >&2; exit 3"};
  const CommandResult result = std::move(RunCommand(options, "text", 60000ms)).value();
  EXPECT_EQ(result.out, "text");
  EXPECT_EQ(result.err, "problem\n");
  EXPECT_EQ(result.status.code(), 3);
}

TEST(Process, ATimeoutKillsAndSaysSo) {
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "exec sleep 60"};
  options.env = {"PATH=/usr/bin:/bin"};
  EXPECT_EQ(RunCommand(options, "", 50ms).error().code(), base::Code::kDeadlineExceeded);
}

TEST(Process, AGrandchildThatHoldsThePipeDoesNotHoldTheAnswer) {
  const TempDir dir = std::move(TempDir::Create("keelson-os")).value();
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c",
                  "while [ -e " + dir.path() + " ]; do sleep 0.1; done & echo done"};
  options.env = {"PATH=/usr/bin:/bin"};
  EXPECT_EQ(RunCommand(options, "", 60000ms).value().out, "done\n");
}

TEST(Process, ChildGetsOnlyTheDescriptorsNamed) {
  const Pipe leak = std::move(CreatePipe()).value();
  SpawnOptions options;
  options.argv = {"/bin/ls", "/proc/self/fd"};
  options.fds = {{leak.write_end.get(), 7}};
  EXPECT_EQ(RunCommand(options, "", 60000ms).value().out, "0\n1\n2\n3\n7\n");
}

TEST(Scheduling, ShortSlicesAreInheritedAndGivenBack) {
  std::thread([] {
    const auto ordinary = SliceOf(0);
    AskForShortSlices();
    if (SliceOf(0) == ordinary)
      GTEST_SKIP() << "slices of ordinary threads can be chosen from kernel 6.12 on";
    EXPECT_EQ(SliceOf(0), std::chrono::microseconds(100));
    std::thread([] { EXPECT_EQ(SliceOf(0), std::chrono::microseconds(100)); }).join();
    UseOrdinarySlices();
    EXPECT_EQ(SliceOf(0), ordinary);
  }).join();
}

TEST(EventLoop, RunsDescriptorsTimersAndPostedWorkOnItsThread) {
  std::unique_ptr<EventLoop> loop = std::move(EventLoop::Create()).value();
  Pipe pipe = std::move(CreatePipe()).value();
  std::string order;
  EventLoop::WatchId watch = loop->Watch(pipe.read_end.get(), EPOLLIN,
                                         [&](uint32_t) {
                                           order += "r";
                                           loop->Unwatch(watch);
                                           loop->After(1ms, [&] { loop->Stop(); });
                                         })
                                 .value();
  const EventLoop::TimerId cancelled = loop->After(0ms, [&] { order += "x"; });
  loop->CancelTimer(cancelled);
  std::thread other([&] {
    loop->Post([&] {
      order += "p";
      ASSERT_TRUE(WriteAll(pipe.write_end.get(), "!").ok());
    });
  });
  loop->Run();
  other.join();
  EXPECT_EQ(order, "pr");
}

}  // namespace
}  // namespace keelson::os
