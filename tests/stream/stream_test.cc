// SPDX-License-Identifier: Apache-2.0
// keelson-stream with a client of our own that does what upstream's never do: keeps windows, takes
// its time, leaves half-way, opens what nobody asked for.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <map>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/http/spdy/session.h"
#include "lib/os/files.h"
#include "runtime/stream/server.h"
#include "tests/stream/process_backend.h"

namespace keelson::stream_test {
namespace {

using namespace std::chrono_literals;
using stream::StreamServer;
using Clock = std::chrono::steady_clock;

constexpr auto kDeadline = 60s;

// A blocking client: one connection, SPDY after the head.
class Client final : public spdy::Events {
 public:
  explicit Client(const std::string& url) {
    const size_t host = url.find("//") + 2;
    const size_t path = url.find('/', host);
    const size_t colon = url.find(':', host);
    struct sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(
        base::ParseUint64(url.substr(colon + 1, path - colon - 1)).value_or(0)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = os::UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    path_ = url.substr(path);
  }

  void Write(std::string_view bytes) { EXPECT_TRUE(os::WriteAll(fd_.get(), bytes).ok()); }

  // The answer's head.
  std::string Upgrade(std::string_view protocol = "v4.channel.k8s.io") {
    Write(
        fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                    "X-Stream-Protocol-Version: {}\r\n\r\n",
                    path_, protocol));
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos && ReadSome(head)) {
    }
    const size_t end = head.find("\r\n\r\n");
    if (end != std::string::npos) {
      EXPECT_TRUE(session.Feed(head.substr(end + 4)).ok());
    }
    return head.substr(0, end);
  }

  uint32_t Open(std::string_view type) {
    const uint32_t id = session.Open({{"streamtype", std::string(type)}}, false);
    Flush();
    return id;
  }
  void Flush() { Write(session.TakeOutput()); }

  // Reads until `done`; false at the end of the connection or after too long.
  bool Until(const std::function<bool()>& done) {
    while (!done()) {
      std::string bytes;
      if (!ReadSome(bytes)) return false;
      EXPECT_TRUE(session.Feed(bytes).ok());
      if (answer_) Flush();
    }
    return true;
  }
  bool UntilClosed() {
    (void)Until([] { return false; });
    return closed_;
  }
  // No answers to pings, no windows: as a client that hangs.
  void Hang() { answer_ = false; }
  int fd() const { return fd_.get(); }
  void Leave() { fd_.reset(); }

  void OnStream(uint32_t, const spdy::Headers&, bool) override { ADD_FAILURE(); }
  void OnReply(uint32_t id, const spdy::Headers&, bool) override { replied[id] = true; }
  void OnData(uint32_t id, std::string_view piece) override {
    data[id] += piece;
    received += piece.size();
    if (keep_windows) session.Consumed(id, piece.size());
  }
  void OnFinish(uint32_t id) override { finished[id] = true; }
  void OnReset(uint32_t id, uint32_t) override { reset[id] = true; }

  spdy::Session session{spdy::Role::kClient, *this};
  std::map<uint32_t, std::string> data;
  std::map<uint32_t, bool> replied, finished, reset;
  size_t received = 0;
  bool keep_windows = false;

 private:
  bool ReadSome(std::string& out) {
    struct pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kDeadline).count())) != 1)
      return false;
    char piece[64 << 10];
    const ssize_t n = read(fd_.get(), piece, sizeof piece);
    if (n <= 0) {
      closed_ = true;
      return false;
    }
    out.append(piece, static_cast<size_t>(n));
    return true;
  }

  os::UniqueFd fd_;
  std::string path_;
  bool answer_ = true;
  bool closed_ = false;
};

class StreamTest : public testing::Test {
 protected:
  void Start(uint32_t idle_seconds = 3600, uint32_t creation_seconds = 30) {
    auto server = StreamServer::Create({.program = base::BinDir() + "/" KEELSON_STREAM_PROGRAM,
                                        .idle_seconds = idle_seconds,
                                        .creation_seconds = creation_seconds},
                                       backend_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = std::move(server).value();
  }
  std::string Exec(std::vector<std::string> command, bool in = false, bool err = false) {
    auto url = server_->Exec(
        {.container_id = "c", .command = std::move(command), .in = in, .out = true, .err = err});
    EXPECT_TRUE(url.ok());
    return std::move(url).ValueOr("");
  }
  static bool Await(const std::function<bool()>& done) {
    for (const auto end = Clock::now() + kDeadline; !done();) {
      if (Clock::now() > end) return false;
      poll(nullptr, 0, 2);
    }
    return true;
  }
  bool AwaitNothingLeft() {
    return Await([this] { return server_->sessions() == 0 && backend_.sessions() == 0; });
  }

  ProcessBackend backend_;
  std::unique_ptr<StreamServer> server_;
};

TEST_F(StreamTest, StartsNothingBeforeAllStreamsAreThere) {
  Start();
  Client client(Exec({"/bin/echo", "hello"}, true, true));
  EXPECT_NE(client.Upgrade().find("101 Switching Protocols"), std::string::npos);
  const uint32_t error = client.Open("error");
  client.Open("stdin");
  const uint32_t out = client.Open("stdout");
  ASSERT_TRUE(client.Until([&] { return client.replied[out]; }));
  EXPECT_EQ(backend_.sessions(), 0);
  const uint32_t err = client.Open("stderr");
  ASSERT_TRUE(client.Until([&] { return client.finished[error]; }));
  EXPECT_EQ(client.data[out], "hello\n");
  EXPECT_TRUE(client.finished[out] && client.finished[err]);
  EXPECT_EQ(client.data[error], R"({"metadata":{},"status":"Success"})");
  EXPECT_TRUE(client.UntilClosed());
  EXPECT_TRUE(AwaitNothingLeft());
}

TEST_F(StreamTest, EndsWhenStreamsDoNotComeInTime) {
  Start(3600, 5);
  Client client(Exec({"/bin/echo", "hello"}));
  client.Upgrade();
  const uint32_t error = client.Open("error");
  ASSERT_TRUE(client.UntilClosed());
  EXPECT_NE(client.data[error].find("did not come in time"), std::string::npos);
  EXPECT_TRUE(AwaitNothingLeft());
}

TEST_F(StreamTest, EndsWhatIsIdleTooLong) {
  Start(5);
  Client client(Exec({"/bin/sleep", "600"}));
  client.Upgrade();
  client.Open("error");
  client.Open("stdout");
  ASSERT_TRUE(client.UntilClosed());
  EXPECT_TRUE(AwaitNothingLeft());
}

TEST_F(StreamTest, KeepsTheWindowsOfAClientThatHasThem) {
  Start();
  Client client(Exec({"/usr/bin/head", "-c", "3000000", "/dev/zero"}));
  client.Upgrade();
  client.keep_windows = true;
  const uint32_t error = client.Open("error");
  // SETTINGS: an initial window of 10,000 bytes; what is sent beyond would be an offence.
  const char settings[] = {'\x80', 3, 0, 4, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0x27, 0x10};
  client.Write({settings, sizeof settings});
  const uint32_t out = client.Open("stdout");
  ASSERT_TRUE(client.Until([&] { return client.received >= 10000; }));
  ASSERT_TRUE(Await([&] { return backend_.sessions() == 1; }));
  EXPECT_EQ(client.received, 10000u);
  // Opened by hand from here on: 32 KiB at a time come back by themselves.
  const char more[] = {'\x80', 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, static_cast<char>(out), 0, 1, 0, 0};
  client.Write({more, sizeof more});
  ASSERT_TRUE(client.Until([&] { return client.finished[error]; }));
  EXPECT_EQ(client.data[out].size(), 3000000u);
  EXPECT_TRUE(client.finished[out]);
  EXPECT_NE(client.data[error].find("Success"), std::string::npos);
}

TEST_F(StreamTest, AClientThatTakesNothingHasBoundedBytesKeptForIt) {
  Start();
  Client client(Exec({"/bin/sh", "-c", "head -c 100000000 /dev/zero; echo all >&2"}, false, true));
  client.Upgrade();
  client.Open("error");
  client.Open("stdout");
  client.Open("stderr");
  ASSERT_TRUE(Await([&] { return backend_.sessions() == 1; }));
  const auto memory = [&] {
    const auto text = os::ReadFile(fmt::format("/proc/{}/statm", server_->program_pid()));
    return base::ParseUint64(base::Split(std::string_view(*text), ' ')[1]).value_or(0) * 4096;
  };
  const uint64_t before = memory();
  poll(nullptr, 0, 300);
  EXPECT_LT(memory(), before + (16u << 20));
  client.Leave();
  EXPECT_TRUE(AwaitNothingLeft());
}

TEST_F(StreamTest, RefusesStreamsThatItDoesNotKnowOrHasAlready) {
  Start();
  Client client(Exec({"/bin/cat"}, true));
  client.Upgrade();
  client.Open("error");
  const uint32_t strange = client.session.Open({{"streamtype", "stdin"}}, false);
  const uint32_t twice = client.session.Open({{"streamtype", "stdin"}}, false);
  client.Flush();
  ASSERT_TRUE(client.Until([&] { return client.reset[twice]; }));
  EXPECT_FALSE(client.reset[strange]);
  const uint32_t out = client.Open("stdout");
  client.session.Send(strange, "in", true);
  client.Flush();
  ASSERT_TRUE(client.Until([&] { return client.finished[out]; }));
  EXPECT_EQ(client.data[out], "in");
}

TEST_F(StreamTest, WhoBreaksTheProtocolLosesTheSession) {
  Start();
  Client client(Exec({"/bin/sleep", "600"}));
  client.Upgrade();
  client.Open("error");
  client.Open("stdout");
  ASSERT_TRUE(Await([&] { return backend_.sessions() == 1; }));
  client.Write(std::string("\x80\x02\0\1\0\0\0\0", 8));
  EXPECT_TRUE(client.UntilClosed());
  EXPECT_TRUE(AwaitNothingLeft());
}

TEST_F(StreamTest, AnOutputThatTheClientDropsDoesNotHoldTheProcess) {
  Start();
  Client client(Exec({"/bin/sh", "-c", "head -c 10000000 /dev/zero; echo all >&2"}, false, true));
  client.Upgrade();
  client.keep_windows = true;
  const uint32_t error = client.Open("error");
  const uint32_t out = client.Open("stdout");
  client.session.Reset(out, spdy::ResetStatus::kCancel);
  const uint32_t err = client.Open("stderr");
  // The reset came before the last stream: stdout is opened once more, and dropped once it is
  // there.
  const uint32_t again = client.Open("stdout");
  ASSERT_TRUE(client.Until([&] { return client.received > 0; }));
  client.session.Reset(again, spdy::ResetStatus::kCancel);
  client.Flush();
  ASSERT_TRUE(client.Until([&] { return client.finished[error]; }));
  EXPECT_EQ(client.data[err], "all\n");
  EXPECT_NE(client.data[error].find("Success"), std::string::npos);
}

TEST_F(StreamTest, StopEndsSessionsAndHandsOutNothingMore) {
  Start();
  Client client(Exec({"/bin/sleep", "600"}));
  client.Upgrade();
  client.Open("error");
  client.Open("stdout");
  ASSERT_TRUE(Await([&] { return backend_.sessions() == 1; }));
  server_->Stop();
  EXPECT_TRUE(client.UntilClosed());
  EXPECT_TRUE(AwaitNothingLeft());
  EXPECT_FALSE(server_->Exec({.container_id = "c", .command = {"x"}, .out = true}).ok());
  server_.reset();
}

TEST_F(StreamTest, AProgramThatHangsKeepsNobodyWaiting) {
  Start();
  Client client(Exec({"/bin/sleep", "600"}));
  client.Upgrade();
  client.Open("error");
  client.Open("stdout");
  ASSERT_TRUE(Await([&] { return backend_.sessions() == 1; }));
  ASSERT_EQ(kill(server_->program_pid(), SIGSTOP), 0);
  EXPECT_FALSE(Exec({"/bin/echo"}).empty());
  server_->Stop();
  EXPECT_TRUE(AwaitNothingLeft());
  EXPECT_TRUE(client.UntilClosed());
}

TEST_F(StreamTest, AProgramThatCannotServeIsAnErrorAtOnce) {
  for (const char* program : {"/bin/false", "/no/such"}) {
    const auto server = StreamServer::Create({.program = program}, backend_);
    EXPECT_FALSE(server.ok()) << program;
  }
  EXPECT_FALSE(
      StreamServer::Create({.address = "0.0.0.0", .program = "/bin/false"}, backend_).ok());
  EXPECT_FALSE(StreamServer::Create({.address = "node", .program = "/bin/false"}, backend_).ok());
  EXPECT_FALSE(StreamServer::Create({.program = base::BinDir() + "/keelson-stream",
                                     .certificate = "no certificate",
                                     .key = "no key"},
                                    backend_)
                   .ok());
}

}  // namespace
}  // namespace keelson::stream_test
