// SPDX-License-Identifier: Apache-2.0
#include "lib/http/spdy/session.h"

#include <gtest/gtest.h>

#include <vector>

namespace keelson::spdy {
namespace {

using namespace std::string_literals;

// Writes down what happens, one line an event; data of one stream in a row is one line.
class Recorder final : public Events {
 public:
  void OnStream(uint32_t id, const Headers& headers, bool fin) override {
    Add("open", id, std::string(Find(headers, "streamtype")) + (fin ? " fin" : ""));
  }
  void OnReply(uint32_t id, const Headers&, bool fin) override {
    Add("reply", id, fin ? "fin" : "");
  }
  void OnData(uint32_t id, std::string_view piece) override {
    data[id] += piece;
    received += piece.size();
  }
  void OnFinish(uint32_t id) override { Add("finish", id, ""); }
  void OnReset(uint32_t id, uint32_t status) override { Add("reset", id, std::to_string(status)); }
  void OnWindow() override { ++windows; }
  void OnPing(uint32_t id) override { Add("ping", id, ""); }
  void OnGoAway(uint32_t id, uint32_t status) override { Add("away", id, std::to_string(status)); }

  std::vector<std::string> log;
  std::map<uint32_t, std::string> data;
  size_t received = 0;
  int windows = 0;

 private:
  void Add(std::string_view what, uint32_t id, const std::string& more) {
    log.push_back(std::string(what) + " " + std::to_string(id) + (more.empty() ? "" : " " + more));
  }
};

struct Pair {
  Recorder at_server;
  Recorder at_client;
  Session server{Role::kServer, at_server, {.max_streams = 3}};
  Session client{Role::kClient, at_client};

  // Carries bytes both ways until there are none, `step` at a time.
  void Run(size_t step = 1 << 20) {
    for (;;) {
      const std::string up = client.TakeOutput();
      const std::string down = server.TakeOutput();
      if (up.empty() && down.empty()) return;
      for (size_t i = 0; i < up.size(); i += step)
        ASSERT_TRUE(server.Feed(std::string_view(up).substr(i, step)).ok());
      for (size_t i = 0; i < down.size(); i += step)
        ASSERT_TRUE(client.Feed(std::string_view(down).substr(i, step)).ok());
    }
  }
};

std::string Control(uint16_t type, uint8_t flags, std::string_view payload) {
  std::string out = "\x80\x03"s;
  out += static_cast<char>(type >> 8);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  return out + std::string(payload);
}
std::string Number(uint32_t n) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(n >> shift);
  return out;
}

TEST(SpdySession, CarriesStreamsWhateverThePiecesThatBytesComeIn) {
  for (const size_t step : {size_t{1}, size_t{3}, size_t{1 << 20}}) {
    Pair pair;
    const uint32_t error = pair.client.Open({{"streamtype", "error"}}, true);
    const uint32_t in = pair.client.Open({{"streamtype", "stdin"}}, false);
    pair.Run(step);
    pair.server.Reply(error, {}, false);
    pair.server.Reply(in, {}, false);
    pair.client.Send(in, "hello ");
    pair.client.Send(in, "world", true);
    pair.Run(step);
    pair.server.Send(in, "answer", true);
    pair.server.Send(error, "status");
    pair.server.Finish(error);
    pair.server.GoAway(GoAwayStatus::kOk);
    pair.Run(step);
    EXPECT_EQ(pair.at_server.log, (std::vector<std::string>{"open 1 error fin", "finish 1",
                                                            "open 3 stdin", "finish 3"}));
    EXPECT_EQ(pair.at_server.data[3], "hello world");
    EXPECT_EQ(pair.at_client.log,
              (std::vector<std::string>{"reply 1", "reply 3", "finish 3", "finish 1", "away 3 0"}));
    EXPECT_EQ(pair.at_client.data[3], "answer");
    EXPECT_EQ(pair.at_client.data[1], "status");
    EXPECT_EQ(pair.server.streams() + pair.client.streams(), 0u) << "nothing is kept of them";
  }
}

TEST(SpdySession, AnswersPingsOfThePeerOnly) {
  Pair pair;
  pair.client.Ping(7);
  pair.Run();
  EXPECT_EQ(pair.at_client.log, std::vector<std::string>{"ping 7"});
  EXPECT_TRUE(pair.at_server.log.empty());
}

TEST(SpdySession, DoesNotHoldBackForAPeerThatKeepsNoWindows) {
  Pair pair;
  const uint32_t id = pair.client.Open({{"streamtype", "stdout"}}, false);
  pair.Run();
  (void)pair.server.TakeOutput();
  pair.server.Send(id, std::string(10 << 20, 'x'));
  EXPECT_GT(pair.server.Room(id), 1u << 20);
}

TEST(SpdySession, HoldsBackForAPeerThatKeepsThem) {
  Pair pair;
  const uint32_t id = pair.client.Open({{"streamtype", "stdout"}}, false);
  pair.Run();
  pair.server.Send(id, std::string(60 << 10, 'x'));
  ASSERT_TRUE(pair.server.Feed(Control(9, 0, Number(id) + Number(1000))).ok());
  EXPECT_EQ(pair.server.Room(id), (4u << 10) + 1000) << "what went out before counts";
  ASSERT_TRUE(pair.server.Feed(Control(9, 0, Number(0) + Number(1))).ok());
  EXPECT_EQ(pair.server.Room(id), (4u << 10) + 1) << "the whole connection's window is smaller";
  pair.server.Send(id, std::string((4 << 10) + 1, 'x'));
  EXPECT_EQ(pair.server.Room(id), 0u);
  ASSERT_TRUE(pair.server.Feed(Control(9, 0, Number(0) + Number(100000))).ok());
  EXPECT_EQ(pair.server.Room(id), 999u);
  EXPECT_EQ(pair.at_server.windows, 3);
}

TEST(SpdySession, TakesTheInitialWindowOfSettings) {
  Pair pair;
  const uint32_t id = pair.client.Open({{"streamtype", "stdout"}}, false);
  pair.Run();
  pair.server.Send(id, std::string(1000, 'x'));
  ASSERT_TRUE(pair.server.Feed(Control(4, 0, Number(1) + Number(0x01000007) + Number(1200))).ok());
  EXPECT_EQ(pair.server.Room(id), 200u);
  ASSERT_TRUE(pair.server.Feed(Control(4, 0, Number(1) + Number(7) + Number(100))).ok());
  EXPECT_EQ(pair.server.Room(id), 0u) << "a window may become negative";
}

TEST(SpdySession, GivesWindowsBackAsDataIsConsumed) {
  Pair pair;
  const uint32_t id = pair.client.Open({{"streamtype", "stdin"}}, false);
  pair.Run();
  ASSERT_TRUE(pair.server.Feed(Number(id) + Number(40 << 10) + std::string(40 << 10, 'y')).ok());
  EXPECT_EQ(pair.at_server.received, 40u << 10);
  EXPECT_EQ(pair.server.TakeOutput(), "");
  pair.server.Consumed(id, 40 << 10);
  EXPECT_EQ(pair.server.TakeOutput(), Control(9, 0, Number(0) + Number(40 << 10)) +
                                          Control(9, 0, Number(id) + Number(40 << 10)));
}

TEST(SpdySession, RefusesStreamsBeyondItsLimit) {
  Pair pair;
  for (int i = 0; i < 4; ++i) pair.client.Open({{"streamtype", "data"}}, false);
  pair.Run();
  EXPECT_EQ(pair.server.streams(), 3u);
  EXPECT_EQ(pair.at_client.log, std::vector<std::string>{"reset 7 3"});
}

TEST(SpdySession, TellsDataOfAStreamThatNeverWasFromDataThatCrossedAReset) {
  Pair pair;
  const uint32_t id = pair.client.Open({{"streamtype", "data"}}, false);
  pair.Run();
  pair.server.Reset(id, ResetStatus::kCancel);
  (void)pair.server.TakeOutput();
  ASSERT_TRUE(pair.server.Feed(Number(id) + Number(2) + "ab").ok());
  EXPECT_EQ(pair.server.TakeOutput(), "");
  ASSERT_TRUE(pair.server.Feed(Number(9) + Number(2) + "ab").ok());
  EXPECT_EQ(pair.server.TakeOutput(), Control(3, 0, Number(9) + Number(2)));
  EXPECT_EQ(pair.at_server.received, 0u);
}

TEST(SpdySession, EndsAtWhatIsNotTheProtocol) {
  const std::string headers = HeaderCompressor().Compress({{"streamtype", "data"}});
  const struct {
    std::string_view name;
    std::string bytes;
  } cases[] = {
      {"another version", "\x80\x02\0\1\0\0\0\0"s},
      {"data of stream 0", Number(0) + Number(1) + "x"},
      {"a control frame over the limit", "\x80\x03\0\1\0\xff\xff\xff"s},
      {"a short SYN_STREAM", Control(1, 0, "123456789")},
      {"the server's own number", Control(1, 0, Number(2) + Number(0) + "\0\0"s + headers)},
      {"stream 0", Control(1, 0, Number(0) + Number(0) + "\0\0"s + headers)},
      {"headers that are rubbish", Control(1, 0, Number(1) + Number(0) + "\0\0rubbish"s)},
      {"RST_STREAM of the wrong size", Control(3, 0, "1234")},
      {"SETTINGS with a false count", Control(4, 0, Number(2) + Number(7) + Number(1))},
      {"PING of the wrong size", Control(6, 0, "12345")},
      {"GOAWAY of the wrong size", Control(7, 0, "1")},
      {"WINDOW_UPDATE by nothing", Control(9, 0, Number(0) + Number(0))},
      {"a window over 2^31", Control(9, 0, Number(0) + Number(0x7fffffff))},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Recorder recorder;
    Session session(Role::kServer, recorder);
    const base::Status fed = session.Feed(c.bytes);
    ASSERT_FALSE(fed.ok());
    EXPECT_EQ(session.TakeOutput().substr(0, 4), "\x80\x03\0\7"s) << "GOAWAY says so";
    EXPECT_FALSE(session.Feed("x").ok());
    EXPECT_TRUE(recorder.log.empty());
  }
}

TEST(SpdySession, PassesOverFramesItDoesNotKnow) {
  Recorder recorder;
  Session session(Role::kServer, recorder);
  EXPECT_TRUE(session.Feed(Control(10, 0, "credential") + Control(99, 0, "")).ok());
  EXPECT_EQ(session.TakeOutput(), "");
}

}  // namespace
}  // namespace keelson::spdy
