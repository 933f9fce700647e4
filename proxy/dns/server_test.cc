// SPDX-License-Identifier: Apache-2.0
// Over real sockets of this machine's loopback, with resolvers of the test.
#include "proxy/dns/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "lib/base/fake_clock.h"

namespace keelson::dns {
namespace {

using std::string_literals::operator""s;

uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::string Query(const std::string& labels, uint16_t id, uint16_t type = kA) {
  std::string out{static_cast<char>(id >> 8), static_cast<char>(id & 255)};
  out += "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s + labels + "\0"s;
  out += static_cast<char>(type >> 8);
  out += static_cast<char>(type & 255);
  return out + "\x00\x01"s;
}

// Another resolver: answers every A question with one address, or with what `say` makes of it.
class Upstream {
 public:
  explicit Upstream(std::function<std::string(const Question&)> say)
      : sockets_(Bind("127.0.0.1", 0).value()), say_(std::move(say)), thread_([this] { Run(); }) {}
  ~Upstream() {
    stop_ = true;
    thread_.join();
  }
  uint16_t port() const { return PortOf(sockets_.udp.get()); }
  int asked() const { return asked_; }
  void AwaitQuestion() const { asked_.wait(0); }
  static std::string OneAddress(const Question& question) {
    Answer answer;
    answer.answers = {{.name = question.name, .type = kA, .ttl = 30, .data = "\1\2\3\4"}};
    return WriteAnswer(question, answer, 512);
  }

 private:
  void Run() {
    while (!stop_) {
      pollfd ready = {sockets_.udp.get(), POLLIN, 0};
      if (poll(&ready, 1, 10) <= 0) continue;
      char bytes[2000];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got = recvfrom(sockets_.udp.get(), bytes, sizeof bytes, 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
      Code code = kNoError;
      const auto question = ReadQuestion({bytes, static_cast<size_t>(got)}, code);
      ++asked_;
      asked_.notify_all();
      const std::string answer = say_(*question);
      if (!answer.empty())
        sendto(sockets_.udp.get(), answer.data(), answer.size(), 0,
               reinterpret_cast<sockaddr*>(&from), size);
    }
  }
  Sockets sockets_;
  const std::function<std::string(const Question&)> say_;
  std::atomic<bool> stop_{false};
  std::atomic<int> asked_{0};
  std::thread thread_;
};

class ServerTest : public ::testing::Test {
 protected:
  explicit ServerTest(std::chrono::milliseconds try_for = std::chrono::minutes(1))
      : loop_(os::EventLoop::Create().value()),
        server_(*loop_, clock_,
                {.forward = {.try_for = try_for, .give_up = std::chrono::minutes(1)}}) {
    Sockets sockets = Bind("127.0.0.1", 0).value();
    port_ = PortOf(sockets.udp.get());
    EXPECT_TRUE(server_.Serve(std::move(sockets.udp), std::move(sockets.tcp)).ok());
    server_.SetZone(
        std::make_shared<Zone>(std::vector<Service>{{"d", "web", {"10.43.0.9"}, "", {}}},
                               std::vector<Endpoints>(), Zone::Options(), 1),
        "cluster.local");
  }
  os::UniqueFd Client(int type) {
    os::UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return fd;
  }
  // What comes back; the loop runs meanwhile, a minute at most.
  std::string Receive(int fd) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < deadline) {
      loop_->RunOnce(std::chrono::milliseconds(5));
      char bytes[70000];
      const ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got >= 0) return {bytes, static_cast<size_t>(got)};
    }
    return "";
  }
  std::string Ask(const std::string& packet) {
    const os::UniqueFd client = Client(SOCK_DGRAM);
    EXPECT_GT(send(client.get(), packet.data(), packet.size(), 0), 0);
    return Receive(client.get());
  }

  base::SystemClock clock_;
  std::unique_ptr<os::EventLoop> loop_;
  Server server_;
  uint16_t port_ = 0;
};

// Does not wait long for a resolver that says nothing.
class ImpatientServerTest : public ServerTest {
 protected:
  ImpatientServerTest() : ServerTest(std::chrono::milliseconds(500)) {}
};

constexpr char kWeb[] = "\3web\1d\3svc\7cluster\5local";

TEST_F(ServerTest, AnswersClusterNames) {
  const std::string answer = Ask(Query(kWeb, 7));
  EXPECT_TRUE(answer.ends_with("\x0a\x2b\x00\x09"s));
  EXPECT_EQ(server_.counts().own, 1u);
}

TEST_F(ServerTest, StrangersHearNothing) {
  Server server(*loop_, clock_, {.clients = *Clients::Parse({"127.0.0.2/32"})});
  Sockets sockets = Bind("127.0.0.1", 0).value();
  port_ = PortOf(sockets.udp.get());
  ASSERT_TRUE(server.Serve(std::move(sockets.udp), std::move(sockets.tcp)).ok());
  const os::UniqueFd stranger = Client(SOCK_DGRAM);
  const os::SocketAddress from = *os::SocketAddress::Parse("127.0.0.2:0");
  const os::SocketAddress to = *os::SocketAddress::Parse(base::Endpoint("127.0.0.1", port_));
  const os::UniqueFd friendly(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(friendly.get(), &from.any, from.size()), 0);
  ASSERT_EQ(connect(friendly.get(), &to.any, to.size()), 0);
  const std::string question = Query(kWeb, 1);
  for (const int fd : {stranger.get(), friendly.get()})
    ASSERT_EQ(send(fd, question.data(), question.size(), 0), static_cast<ssize_t>(question.size()));
  EXPECT_FALSE(Receive(friendly.get()).empty());
  char byte;
  EXPECT_LT(recv(stranger.get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_EQ(Receive(Client(SOCK_STREAM).get()), "") << "closed";
  EXPECT_EQ(server.counts().strangers, 2u);
}

TEST_F(ServerTest, AnswersSeveralQuestionsOnOneConnection) {
  const os::UniqueFd client = Client(SOCK_STREAM);
  const std::string packet = Query(kWeb, 7);
  const std::string framed = "\0"s + static_cast<char>(packet.size()) + packet;
  const std::string two = framed + framed;
  ASSERT_EQ(send(client.get(), two.data(), two.size(), 0), static_cast<ssize_t>(two.size()));
  std::string got = Receive(client.get());
  while (got.size() < 2 * (packet.size() + 16 + 2)) got += Receive(client.get());
  EXPECT_EQ(got.size(), 2 * (packet.size() + 16 + 2));
}

TEST_F(ServerTest, OtherNamesAreAskedOnceAndKept) {
  Upstream upstream(Upstream::OneAddress);
  server_.forwarder().SetUpstreams({{"127.0.0.1", upstream.port()}});
  std::string answer = Ask(Query("\7example\3org", 0x1111));
  EXPECT_TRUE(answer.ends_with("\1\2\3\4"));
  EXPECT_EQ(answer.substr(0, 2), "\x11\x11");
  answer = Ask(Query("\7EXAMPLE\3org", 0x2222));
  EXPECT_EQ(answer.substr(0, 2), "\x22\x22");
  EXPECT_NE(answer.find("EXAMPLE"), std::string::npos);
  EXPECT_EQ(upstream.asked(), 1);
  EXPECT_EQ(server_.counts().cached, 1u);
}

TEST_F(ServerTest, AResolverThatIsAbsentIsPassedOverAtOnce) {
  Upstream good(Upstream::OneAddress);
  // A socket that hears itself alone: others are refused there, and nobody else gets its port.
  const Sockets deaf = Bind("127.0.0.1", 0).value();
  const uint16_t nobody = PortOf(deaf.udp.get());
  sockaddr_in itself{};
  socklen_t size = sizeof itself;
  ASSERT_EQ(getsockname(deaf.udp.get(), reinterpret_cast<sockaddr*>(&itself), &size), 0);
  ASSERT_EQ(connect(deaf.udp.get(), reinterpret_cast<sockaddr*>(&itself), size), 0);
  server_.forwarder().SetUpstreams({{"127.0.0.1", nobody}, {"127.0.0.1", good.port()}});
  EXPECT_TRUE(Ask(Query("\7example\3org", 5)).ends_with("\1\2\3\4"));
  EXPECT_EQ(good.asked(), 1);
}

TEST_F(ImpatientServerTest, AResolverThatIsSilentIsPassedOver) {
  Upstream silent([](const Question&) { return ""; });
  Upstream good(Upstream::OneAddress);
  server_.forwarder().SetUpstreams({{"127.0.0.1", silent.port()}, {"127.0.0.1", good.port()}});
  EXPECT_TRUE(Ask(Query("\7example\3org", 5)).ends_with("\1\2\3\4"));
  silent.AwaitQuestion();
}

TEST_F(ImpatientServerTest, AForgedAnswerIsNotTaken) {
  // Another name than was asked, then the right one to the next try.
  std::atomic<int> times{0};
  Upstream upstream([&](const Question& question) {
    Question other = question;
    if (times++ == 0) other.written = other.name = "evil.org";
    return Upstream::OneAddress(other);
  });
  server_.forwarder().SetUpstreams({{"127.0.0.1", upstream.port()}});
  const std::string answer = Ask(Query("\7example\3org", 5));
  EXPECT_TRUE(answer.ends_with("\1\2\3\4"));
  EXPECT_EQ(answer.find("evil"), std::string::npos);
}

TEST_F(ServerTest, WithoutResolversItSaysSoAtOnce) {
  const std::string answer = Ask(Query("\7example\3org", 5));
  ASSERT_GE(answer.size(), 12u);
  EXPECT_EQ(answer[3] & 15, kServFail);
}

TEST_F(ServerTest, BrokenQuestionsAreRefusedAndNoiseIsIgnored) {
  EXPECT_EQ(Ask(Query(kWeb, 7).substr(0, 20))[3] & 15, kFormat);
  const os::UniqueFd client = Client(SOCK_DGRAM);
  send(client.get(), "noise", 5, 0);
  const std::string packet = Query(kWeb, 9);
  send(client.get(), packet.data(), packet.size(), 0);
  EXPECT_EQ(Receive(client.get()).substr(0, 2), "\0\x09"s);  // the first thing that is said
}

TEST_F(ServerTest, BeforeThereIsAZoneClusterNamesFailInsteadOfBeingAbsent) {
  server_.SetZone(nullptr, "cluster.local");
  EXPECT_EQ(Ask(Query(kWeb, 7))[3] & 15, kServFail);
}

TEST(Cache, KeepsAnswersForTheirTimeAndForgetsTheOldest) {
  base::ManualClock clock;
  Cache cache(clock, {.entries = 2});
  Code code = kNoError;
  const auto question = [&](const std::string& labels) {
    return *ReadQuestion(Query(labels, 1), code);
  };
  for (const char* name : {"\1a", "\1b", "\1c"}) {
    const Question one = question(name);
    const std::string packet = Upstream::OneAddress(one);
    cache.Keep(one, *ReadForeign(packet, one), packet);
  }
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_FALSE(cache.Find(question("\1a")));
  clock.Advance(std::chrono::seconds(29));
  const auto kept = cache.Find(question("\1b"));
  ASSERT_TRUE(kept);
  EXPECT_EQ(ReadForeign(*kept, question("\1b"))->ttl, 1u);
  clock.Advance(std::chrono::seconds(2));
  EXPECT_FALSE(cache.Find(question("\1b")));
}

}  // namespace
}  // namespace keelson::dns
