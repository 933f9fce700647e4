// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/attachments.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/pipe.h"
#include "lib/os/socket.h"

namespace keelson::log {
namespace {

class AttachmentsTest : public testing::Test {
 protected:
  void SetUp() override { (void)signal(SIGPIPE, SIG_IGN); }
  // Everything that is ready now.
  void Turn() {
    for (int i = 0; i < 200; ++i) loop_->RunOnce(std::chrono::nanoseconds(0));
  }
  static os::Pipe Pipe() {
    os::Pipe pipe = std::move(os::CreatePipe()).value();
    (void)os::SetNonBlocking(pipe.read_end.get(), true);
    return pipe;
  }
  // What waits in it; "<end>" when the other side is closed.
  static std::string Read(const os::UniqueFd& fd) {
    std::string text;
    char buffer[65536];
    while (true) {
      const ssize_t n = read(fd.get(), buffer, sizeof buffer);
      if (n == 0) return text + "<end>";
      if (n < 0) return text;
      text.append(buffer, static_cast<size_t>(n));
    }
  }
  os::UniqueFd AttachOut(uint64_t session, const std::string& container = "c") {
    os::Pipe out = Pipe();
    Attachments::Streams streams;
    streams.out = std::move(out.write_end);
    EXPECT_TRUE(attachments_.Attach(session, container, std::move(streams)).ok());
    return std::move(out.read_end);
  }
  os::UniqueFd AttachIn(uint64_t session) {
    os::Pipe in = Pipe();
    (void)os::SetNonBlocking(in.read_end.get(), false);
    Attachments::Streams streams;
    streams.in = std::move(in.read_end);
    EXPECT_TRUE(attachments_.Attach(session, "c", std::move(streams)).ok());
    return std::move(in.write_end);
  }
  static void Write(const os::UniqueFd& fd, std::string_view text) {
    ASSERT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::unique_ptr<os::EventLoop> loop_ = std::move(os::EventLoop::Create()).value();
  std::map<uint64_t, std::string> ended_;
  int closed_ = 0;
  Attachments attachments_{*loop_,
                           {[this](uint64_t session, const std::string& why) {
                              EXPECT_FALSE(ended_.contains(session));
                              ended_[session] = why;
                            },
                            [this](const std::string&) { ++closed_; }}};
};

TEST_F(AttachmentsTest, EveryClientOfAContainerGetsItsOutputFromNowOn) {
  attachments_.Output("c", false, "before");
  const os::UniqueFd one = AttachOut(1), two = AttachOut(2), other = AttachOut(3, "other");
  attachments_.Output("c", false, "out");
  attachments_.Output("c", true, "err");
  EXPECT_EQ(Read(one), "out");
  EXPECT_EQ(Read(two), "out");
  EXPECT_EQ(Read(other), "");
  attachments_.End("c");
  EXPECT_EQ(Read(one), "<end>");
  EXPECT_EQ(ended_, (std::map<uint64_t, std::string>{{1, ""}, {2, ""}}));
}

TEST_F(AttachmentsTest, AClientThatReadsTooSlowlyLosesItsSessionAndNobodyElseDoes) {
  const os::UniqueFd slow = AttachOut(1), quick = AttachOut(2);
  const std::string chunk(65536, 'x');
  size_t got = 0, written = 0;
  while (ended_.empty() && written < 4 * kClientBytes) {
    attachments_.Output("c", false, chunk);
    written += chunk.size();
    Turn();
    got += Read(quick).size();
  }
  EXPECT_EQ(got, written);
  EXPECT_LT(written, kClientBytes + 200'000);
  EXPECT_EQ(ended_, (std::map<uint64_t, std::string>{
                        {1,
                         "the client reads too slowly: more than 1024 KiB of output were waiting "
                         "for it"}}));
}

TEST_F(AttachmentsTest, ASessionEndsOnlyWhenItsClientHasReadTheLastOutput) {
  const os::UniqueFd client = AttachOut(1);
  const std::string text(500'000, 'x');
  attachments_.Output("c", false, text);
  attachments_.End("c");
  EXPECT_TRUE(ended_.empty());
  std::string got;
  while (!got.ends_with("<end>")) {
    got += Read(client);
    Turn();
  }
  EXPECT_EQ(got.size(), text.size() + 5);
  EXPECT_EQ(ended_, (std::map<uint64_t, std::string>{{1, ""}}));
}

TEST_F(AttachmentsTest, AClientThatWentAwayGetsNothingMore) {
  os::UniqueFd client = AttachOut(1);
  client.reset();
  Turn();
  attachments_.Output("c", false, std::string(2 * kClientBytes, 'x'));
  EXPECT_TRUE(ended_.empty());
  attachments_.Detach(1);
  EXPECT_EQ(ended_, (std::map<uint64_t, std::string>{{1, "detached"}}));
}

TEST_F(AttachmentsTest, InputOfAnyClientArrivesAndStaysOpenBetweenThem) {
  os::Pipe in = Pipe();
  attachments_.AddInput("c", std::move(in.write_end), false, false);
  os::UniqueFd client = AttachIn(1);
  Write(client, "one");
  client.reset();
  Turn();
  EXPECT_EQ(Read(in.read_end), "one");
  client = AttachIn(2);
  Write(client, "two");
  attachments_.Detach(2);  // what it wrote before it went is not lost
  EXPECT_EQ(Read(in.read_end), "two");
  EXPECT_EQ(closed_, 0);
}

TEST_F(AttachmentsTest, InputOnceEndsWithTheFirstClientsInput) {
  os::Pipe in = Pipe();
  attachments_.AddInput("c", std::move(in.write_end), false, true);
  const os::UniqueFd second = AttachIn(2);
  os::UniqueFd first = AttachIn(1);
  Write(first, "words");
  first.reset();
  Turn();
  EXPECT_EQ(Read(in.read_end), "words<end>");
  EXPECT_EQ(closed_, 1);
  EXPECT_LT(write(second.get(), "x", 1), 0);  // it is told
}

TEST_F(AttachmentsTest, AContainerThatDoesNotReadStopsItsClientsAndLosesNothing) {
  os::Pipe in = Pipe();
  attachments_.AddInput("c", std::move(in.write_end), false, true);
  os::UniqueFd client = AttachIn(1);
  (void)os::SetNonBlocking(client.get(), true);
  const std::string chunk(4096, 'x');
  size_t written = 0;
  for (int idle = 0; idle < 3; ++idle) {
    for (ssize_t n = 0; (n = write(client.get(), chunk.data(), chunk.size())) > 0; idle = 0)
      written += static_cast<size_t>(n);
    Turn();
  }
  EXPECT_LT(written, 300'000u);  // two pipes' worth and a bite
  client.reset();
  size_t got = 0;
  std::string last;
  while (!last.ends_with("<end>")) {
    last = Read(in.read_end);
    got += last.size();
    Turn();
  }
  EXPECT_EQ(got, written + 5);
}

TEST_F(AttachmentsTest, ATerminalsSocketGoesBothWaysAndItsInputEndsWithAControlCharacter) {
  const os::UniqueFd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master);
  ASSERT_EQ(unlockpt(master.get()), 0);
  const os::UniqueFd peer(open(ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(peer);
  attachments_.AddInput("c", os::UniqueFd(dup(master.get())), true, true);
  os::SocketPair pair = std::move(os::CreateSocketPair(SOCK_STREAM)).value();
  Attachments::Streams streams;
  streams.terminal = true;
  streams.out = std::move(pair.second);
  ASSERT_TRUE(attachments_.Attach(1, "c", std::move(streams)).ok());
  attachments_.Output("c", false, "prompt");
  char buffer[64];
  EXPECT_EQ(read(pair.first.get(), buffer, sizeof buffer), 6);
  Write(pair.first, "line\n");
  Turn();
  EXPECT_EQ(read(peer.get(), buffer, sizeof buffer), 5);
  pair.first.reset();
  Turn();
  EXPECT_EQ(read(peer.get(), buffer, sizeof buffer), 0);  // as if it had been typed
}

}  // namespace
}  // namespace keelson::log
