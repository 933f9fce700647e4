// SPDX-License-Identifier: Apache-2.0
// Streams, tunnels and rude clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "lib/http/service/server.h"
#include "lib/http/service/test_client.h"

namespace keelson::service {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// Hands the exchanges it gets to the test.
class StreamTest : public testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    server_ = std::make_unique<Server>(std::move(options), [this](std::shared_ptr<Exchange> e) {
      const std::lock_guard lock(mutex_);
      exchanges_.push_back(std::move(e));
      arrived_.notify_all();
    });
    port_ = server_->ListenPlain("127.0.0.1:0").value();
  }
  void TearDown() override {
    server_.reset();
    exchanges_.clear();
  }
  std::shared_ptr<Exchange> Next() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_until(lock, In(60), [this] { return taken_ < exchanges_.size(); }))
      return nullptr;
    return std::move(exchanges_[taken_++]);
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::shared_ptr<Exchange>> exchanges_;  // guarded by mutex_
  size_t taken_ = 0;                                  // guarded by mutex_
  std::unique_ptr<Server> server_;
  int port_ = 0;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(StreamTest, AHundredWatchersShareOneBufferAndNoThread) {
  Start({.workers = 2});
  std::vector<std::unique_ptr<RawClient>> clients;
  std::vector<std::shared_ptr<Exchange>> watches;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawClient>(port_));
    clients.back()->Send(kGet);
    watches.push_back(Next());
    ASSERT_NE(watches.back(), nullptr);
    watches.back()->Begin(200, {{"Content-Type", "application/json"}});
  }
  const auto event = std::make_shared<const std::string>(100000, 'e');
  for (int round = 0; round < 5; ++round)
    for (const auto& watch : watches) EXPECT_EQ(watch->Write(Buffer(event)), Sent::kTaken);
  for (const auto& watch : watches) watch->End();
  for (const auto& client : clients) {
    ASSERT_TRUE(client->ReceiveUntil("\r\n0\r\n\r\n"));
    EXPECT_GT(client->received.size(), 500000u);
  }
  for (const auto& watch : watches) EXPECT_EQ(watch->Write(Buffer(event)), Sent::kGone);
}

TEST_F(StreamTest, AWriterIsToldWhenTheClientTakesNothingAndWhenThereIsRoomAgain) {
  Start({.max_queued_bytes = 64 << 10});
  RawClient client(port_, 4096);
  client.Send(kGet);
  const auto exchange = Next();
  ASSERT_NE(exchange, nullptr);
  Count drained;
  exchange->OnDrain([&] { drained.Add(); });
  exchange->Begin(200, {});
  const Buffer piece(std::string(16 << 10, 'p'));
  size_t taken = 0;
  // There may be room again while the sockets' own buffers fill: then it is told, once each time.
  int full = 0;
  do {
    while (exchange->Write(piece) == Sent::kTaken) ASSERT_LT(++taken, 10000u);
    ++full;
  } while (drained.WaitFor(full, milliseconds(100)));
  std::thread reader([&] { client.ReceiveUntil("the end"); });
  EXPECT_TRUE(drained.WaitFor(full));
  while (exchange->Write(Buffer(std::string("the end"))) == Sent::kFull) std::this_thread::yield();
  exchange->End();
  reader.join();
  EXPECT_GE(client.received.size(), taken * piece.size());
}

TEST_F(StreamTest, AClientThatNeverReadsIsLetGo) {
  Start({.max_queued_bytes = 64 << 10, .write_timeout = milliseconds(100)});
  RawClient client(port_, 4096);
  client.Send(kGet);
  const auto exchange = Next();
  ASSERT_NE(exchange, nullptr);
  Count gone;
  exchange->OnGone([&] { gone.Add(); });
  exchange->Begin(200, {});
  const Buffer piece(std::string(64 << 10, 'p'));
  const auto deadline = In(60);
  while (exchange->Write(piece) != Sent::kGone && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  ASSERT_TRUE(gone.WaitFor(1));
  EXPECT_TRUE(exchange->gone());
  EXPECT_EQ(exchange->Write(piece), Sent::kGone);
  Count at_once;
  exchange->OnGone([&] { at_once.Add(); });
  EXPECT_EQ(at_once.value(), 1);
}

TEST_F(StreamTest, AClientThatClosesOrHalfClosesEndsItsWatch) {
  Start();
  for (const bool half : {false, true}) {
    RawClient client(port_);
    client.Send(kGet);
    const auto exchange = Next();
    ASSERT_NE(exchange, nullptr);
    Count gone;
    exchange->OnGone([&] { gone.Add(); });
    exchange->Begin(200, {});
    exchange->Write(Buffer(std::string("first")));
    ASSERT_TRUE(client.ReceiveUntil("first"));
    if (half) {
      client.FinishSending();
    } else {
      client.Close();
    }
    EXPECT_TRUE(gone.WaitFor(1));
  }
  // But one that only said that it has no more requests gets its whole answer.
  RawClient client(port_);
  client.Send(kGet);
  client.FinishSending();
  const auto exchange = Next();
  ASSERT_NE(exchange, nullptr);
  exchange->Respond(200, {}, std::string("all of it"));
  EXPECT_THAT(client.ReceiveAll(), HasSubstr("all of it"));
  EXPECT_TRUE(client.ended);
}

TEST_F(StreamTest, PipelinedRequestsAreAnsweredInOrder) {
  Start();
  RawClient client(port_);
  client.Send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: "
      "3\r\n\r\nabcGET /3 HTTP/1.0\r\n\r\n");
  for (int i = 1; i <= 3; ++i) {
    const auto exchange = Next();
    ASSERT_NE(exchange, nullptr);
    EXPECT_EQ(exchange->request().path, "/" + std::to_string(i));
    exchange->Respond(200, {}, "answer" + exchange->request().path + exchange->request().body);
  }
  const std::string all = client.ReceiveAll();
  EXPECT_LT(all.find("answer/1"), all.find("answer/2abc"));
  EXPECT_LT(all.find("answer/2abc"), all.find("answer/3"));
  EXPECT_TRUE(client.ended);
}

TEST_F(StreamTest, BrokenRequestsAreRefused) {
  Start();
  const std::pair<std::string, std::string> cases[] = {
      {"\x16\x03\x01\x02", ""},
      {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "400"},
      {"BREW\r\n\r\n", "400 Bad Request"},
      {"GET nothing HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
  };
  for (const auto& [sent, answer] : cases) {
    RawClient client(port_);
    client.Send(sent);
    EXPECT_THAT(client.ReceiveAll(), HasSubstr(answer)) << sent;
    EXPECT_TRUE(client.ended) << sent;
  }
}

// Each with that time short which it is about, and no other.
TEST_F(StreamTest, SlowRequestsAreRefused) {
  struct Case {
    ServerOptions options;
    std::string sent;
    std::string answer;
  };
  const Case cases[] = {
      {{.header_timeout = milliseconds(80)}, "GET / HT", "408 Request Timeout"},
      {{.body_timeout = milliseconds(80)},
       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab",
       "408 Request Timeout"},
      {{.idle_timeout = milliseconds(80)}, "", ""},
  };
  for (const Case& c : cases) {
    Start(c.options);
    RawClient client(port_);
    client.Send(c.sent);
    EXPECT_THAT(client.ReceiveAll(), HasSubstr(c.answer)) << c.sent;
    EXPECT_TRUE(client.ended) << c.sent;
  }
}

TEST_F(StreamTest, ATunnelPassesBytesBothWaysUntilItIsClosed) {
  Start();
  RawClient client(port_);
  client.Send(
      "POST /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
      "SPDY/3.1\r\n\r\nearly");
  auto exchange = Next();
  ASSERT_NE(exchange, nullptr);
  auto tunnel = exchange->Upgrade({{"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}});
  ASSERT_TRUE(tunnel.ok()) << tunnel.error().message();
  exchange.reset();
  Count closed;
  Count ended;
  (*tunnel)->OnClosed([&] { closed.Add(); });
  (*tunnel)->OnData([&, raw = tunnel->get()](std::string_view bytes) {
    if (bytes.empty()) ended.Add();
    if (!bytes.empty()) raw->Send({Buffer("<" + std::string(bytes) + ">")});
  });
  ASSERT_TRUE(client.ReceiveUntil("<early>"));
  EXPECT_THAT(client.received, HasSubstr("HTTP/1.1 101 Switching Protocols"));
  EXPECT_THAT(client.received, HasSubstr("Upgrade: SPDY/3.1"));
  client.Send("more");
  ASSERT_TRUE(client.ReceiveUntil("<more>"));
  client.FinishSending();
  EXPECT_TRUE(ended.WaitFor(1));
  (*tunnel)->Send({Buffer(std::string("last words"))});
  (*tunnel)->Close();
  EXPECT_THAT(client.ReceiveAll(), HasSubstr("last words"));
  EXPECT_TRUE(client.ended);
  EXPECT_TRUE(closed.WaitFor(1));
  EXPECT_EQ((*tunnel)->Send({Buffer(std::string("x"))}), Sent::kGone);
}

TEST_F(StreamTest, OnlyWhoAsksIsUpgraded) {
  Start();
  RawClient client(port_);
  client.Send(kGet);
  const auto exchange = Next();
  ASSERT_NE(exchange, nullptr);
  EXPECT_FALSE(exchange->Upgrade({}).ok());
  exchange->Respond(400, {}, std::string("no upgrade"));
  EXPECT_TRUE(client.ReceiveUntil("no upgrade"));
}

TEST_F(StreamTest, StopLetsWhatIsUnderWayEnd) {
  // Of one loop: when the idle one is closed, the busy one knows too that the server ends.
  Start({.loops = 1, .drain_timeout = std::chrono::minutes(1)});
  RawClient idle(port_);
  RawClient busy(port_);
  busy.Send(kGet);
  const auto slow = Next();
  ASSERT_NE(slow, nullptr);
  std::thread stopping([this] { server_->Stop(); });
  EXPECT_EQ(idle.ReceiveAll(), "");
  EXPECT_TRUE(idle.ended);
  slow->Respond(200, {}, std::string("still answered"));
  EXPECT_THAT(busy.ReceiveAll(), HasSubstr("still answered"));
  EXPECT_THAT(busy.received, HasSubstr("Connection: close"));
  busy.Close();
  stopping.join();
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(StreamTest, StopCutsOffWhatDoesNotEnd) {
  Start({.drain_timeout = milliseconds(50)});
  RawClient watcher(port_);
  watcher.Send(kGet);
  const auto watch = Next();
  ASSERT_NE(watch, nullptr);
  Count gone;
  watch->OnGone([&] { gone.Add(); });
  watch->Begin(200, {});
  std::thread stopping([this] { server_->Stop(); });
  EXPECT_TRUE(gone.WaitFor(1));
  watcher.ReceiveAll();
  EXPECT_TRUE(watcher.ended);
  stopping.join();
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(StreamTest, ManyStreamsOnOneHttp2Connection) {
  Start();
  Http2Client client(port_);
  std::vector<int32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(client.Get("/" + std::to_string(i)));
  ASSERT_TRUE(client.Flush());
  std::vector<std::shared_ptr<Exchange>> open;
  for (int i = 0; i < 100; ++i) {
    open.push_back(Next());
    ASSERT_NE(open.back(), nullptr);
    EXPECT_EQ(open.back()->request().version, 2);
  }
  const Buffer shared(std::string(10000, 's'));
  for (const auto& exchange : open) {
    exchange->Begin(200, {});
    exchange->Write(Buffer(exchange->request().path + "\n"));
    exchange->Write(shared);
    exchange->End();
  }
  EXPECT_TRUE(client.Until([&] {
    for (const int32_t id : ids)
      if (!client.answers[id].closed) return false;
    return true;
  }));
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(client.answers[ids[i]].status, "200");
    EXPECT_TRUE(client.answers[ids[i]].body.starts_with("/" + std::to_string(i) + "\n"));
    EXPECT_GT(client.answers[ids[i]].body.size(), 10000u);
  }
}

TEST_F(StreamTest, AResetOfOneHttp2StreamEndsThatWatchAlone) {
  Start();
  Http2Client client(port_);
  const int32_t one = client.Get("/one");
  const int32_t two = client.Get("/two");
  ASSERT_TRUE(client.Flush());
  auto first = Next();
  auto second = Next();
  ASSERT_TRUE(first != nullptr && second != nullptr);
  if (first->request().path != "/one") first.swap(second);
  Count gone;
  Count other;
  first->OnGone([&] { gone.Add(); });
  second->OnGone([&] { other.Add(); });
  first->Begin(200, {});
  second->Begin(200, {});
  client.Reset(one);
  ASSERT_TRUE(client.Flush());
  EXPECT_TRUE(gone.WaitFor(1));
  EXPECT_EQ(first->Write(Buffer(std::string("x"))), Sent::kGone);
  EXPECT_EQ(second->Write(Buffer(std::string("still here"))), Sent::kTaken);
  second->Abort();
  EXPECT_TRUE(client.Until([&] { return client.answers[two].closed; }));
  EXPECT_EQ(client.answers[two].error, static_cast<uint32_t>(NGHTTP2_INTERNAL_ERROR));
  EXPECT_TRUE(other.WaitFor(1));
}

TEST_F(StreamTest, FloodsEndAnHttp2ConnectionAndNothingElse) {
  Start({.max_streams = 50});
  {
    Http2Client client(port_);
    bool alive = true;
    for (int i = 0; alive && i < 5000; ++i) {
      const int32_t id = client.Get("/flood");
      alive = client.Flush();
      client.Reset(id);
    }
    client.Until([&] { return client.goaway; });
    EXPECT_TRUE(client.goaway || !alive || client.ended());
  }
  {
    Http2Client client(port_);
    bool alive = true;
    for (int i = 0; alive && i < 5000; ++i) {
      client.Ping();
      alive = client.Flush();
    }
    client.Until([&] { return client.goaway; });
    EXPECT_TRUE(client.goaway || !alive || client.ended());
  }
  Http2Client good(port_);
  const int32_t id = good.Get("/good");
  ASSERT_TRUE(good.Flush());
  for (auto exchange = Next(); exchange != nullptr; exchange = Next()) {
    const bool mine = exchange->request().path == "/good";
    exchange->Respond(200, {}, std::string("fine"));
    if (mine) break;
  }
  EXPECT_TRUE(good.Until([&] { return good.answers[id].closed; }));
  EXPECT_EQ(good.answers[id].body, "fine");
}

TEST_F(StreamTest, StreamsBeyondTheBoundAreRefusedAndMayBeTriedAgain) {
  Start({.max_streams = 5});
  Http2Client client(port_);
  ASSERT_TRUE(client.Until([&] { return client.settings; }));
  std::vector<int32_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(client.Get("/held"));
  ASSERT_TRUE(client.Flush());
  std::vector<std::shared_ptr<Exchange>> held;
  for (int i = 0; i < 5; ++i) held.push_back(Next());
  // Resetting one while its exchange is still held by a stream frees its place; the library of the
  // client keeps the sixth back until then.
  const int32_t sixth = client.Get("/sixth");
  held[0]->Respond(200, {}, std::string("done"));
  // Handlers run side by side: which of the five it was is not known.
  ASSERT_TRUE(client.Until([&] {
    return std::any_of(ids.begin(), ids.end(),
                       [&](int32_t id) { return client.answers[id].closed; });
  }));
  const auto next = Next();
  ASSERT_NE(next, nullptr);
  next->Respond(200, {}, std::string("sixth"));
  EXPECT_TRUE(client.Until([&] { return client.answers[sixth].closed; }));
  EXPECT_EQ(client.answers[sixth].body, "sixth");
}

TEST_F(StreamTest, AnExchangeThatIsDroppedIsAnswered) {
  Start();
  RawClient client(port_);
  client.Send(kGet);
  (void)Next();  // let go at once
  EXPECT_TRUE(client.ReceiveUntil("500 Internal Server Error"));
  client.received.clear();
  client.Send(kGet);
  auto begun = Next();
  ASSERT_NE(begun, nullptr);
  begun->Begin(200, {});
  begun->Write(Buffer(std::string("half")));
  begun.reset();
  const std::string all = client.ReceiveAll();
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(all.find("\r\n0\r\n"), std::string::npos);
}

}  // namespace
}  // namespace keelson::service
