// SPDX-License-Identifier: Apache-2.0
#include "lib/http/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <future>

#include "lib/http/client/client.h"
#include "lib/os/files.h"
#include "lib/os/socket.h"
#include "lib/os/temp_dir.h"

namespace keelson::http {
namespace {

using testing::HasSubstr;

class ServerTest : public testing::Test {
 protected:
  std::string Socket() const { return directory_.path() + "/s.sock"; }
  ClientRequest Get(const std::string& path) const {
    ClientRequest request;
    request.url = "http://localhost" + path;
    request.unix_socket = Socket();
    return request;
  }
  // Everything the server says to `bytes` until it closes.
  std::string Raw(const std::string& bytes) const {
    const os::UniqueFd socket = os::ConnectUnix(Socket(), SOCK_STREAM).value();
    EXPECT_TRUE(os::WriteAll(socket.get(), bytes).ok());
    return os::ReadAll(socket.get()).value();
  }
  os::TempDir directory_ = os::TempDir::Create("http").value();
};

TEST_F(ServerTest, AnswersOnASocketOfTheOwnerAlone) {
  Server server;
  ASSERT_TRUE(server
                  .Listen("unix://" + Socket(),
                          [](const Request& request) -> Response {
                            return {.status = request.path == "/x" ? 200 : 404,
                                    .body = request.path + "?" + request.query.at("q")};
                          })
                  .ok());
  struct stat status{};
  ASSERT_EQ(stat(Socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  Client client;
  const auto answer = client.PerformToString(Get("/x?q=a%20b"), 1000).value();
  EXPECT_EQ(answer.first.status, 200);
  EXPECT_EQ(answer.second, "/x?a b");
  EXPECT_EQ(client.PerformToString(Get("/y?q="), 1000).value().first.status, 404);
}

TEST_F(ServerTest, RemovesItsSocketWhenItStops) {
  {
    Server server;
    ASSERT_TRUE(server.Listen(Socket(), [](const Request&) { return Response{}; }).ok());
    EXPECT_TRUE(os::Exists(Socket()));
  }
  EXPECT_FALSE(os::Exists(Socket()));
}

TEST_F(ServerTest, ServesTcpOnLoopbackOnly) {
  Server server;
  const Handler handler = [](const Request&) { return Response{.body = "tcp"}; };
  const base::Result<int> port = server.Listen("127.0.0.1:0", handler);
  ASSERT_TRUE(port.ok()) << port.error().message();
  ClientRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/", *port);
  EXPECT_EQ(Client().PerformToString(request, 100).value().second, "tcp");
  for (const char* bad :
       {"0.0.0.0:0", "10.0.0.1:80", "[::]:1", "127.0.0.1", "127.0.0.1:70000", "localhost:1", ""}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(server.Listen(bad, handler).error().code(), base::Code::kInvalidArgument);
  }
}

TEST_F(ServerTest, ServesEverybodyWhereItIsToldTo) {
  Server server({.anywhere = true});
  EXPECT_TRUE(server.Listen("0.0.0.0:0", [](const Request&) { return Response{}; }).ok());
  EXPECT_TRUE(server.Listen("[::]:0", [](const Request&) { return Response{}; }).ok());
}

TEST_F(ServerTest, StreamsPieceByPieceAndNoticesThatTheClientHasGone) {
  Server server;
  std::promise<bool> ended;
  ASSERT_TRUE(server
                  .Listen(Socket(),
                          [&ended](const Request&) {
                            return Response{.stream = [&ended](BodyWriter& writer) {
                              EXPECT_TRUE(writer.Write("first\n"));
                              const bool alive = writer.Wait(std::chrono::seconds(60));
                              ended.set_value(alive);
                            }};
                          })
                  .ok());
  std::string seen;
  const auto result = Client().Perform(
      Get("/"), [&seen](const ResponseHead& head, std::string_view piece) -> base::Status {
        EXPECT_EQ(head.Get("transfer-encoding"), "chunked");
        seen += piece;
        return base::Cancelled("enough");
      });
  EXPECT_EQ(result.error().code(), base::Code::kCancelled);
  EXPECT_EQ(seen, "first\n");
  EXPECT_FALSE(ended.get_future().get());
}

TEST_F(ServerTest, EndsItsStreamsWhenItStops) {
  auto server = std::make_unique<Server>();
  std::promise<void> streaming;
  ASSERT_TRUE(server
                  ->Listen(Socket(),
                           [&streaming](const Request&) {
                             return Response{.stream = [&streaming](BodyWriter& writer) {
                               streaming.set_value();
                               while (writer.Wait(std::chrono::seconds(60))) {
                               }
                             }};
                           })
                  .ok());
  auto client = std::async(std::launch::async,
                           [this] { return Client().PerformToString(Get("/"), 100).ok(); });
  streaming.get_future().wait();
  server.reset();
  EXPECT_FALSE(client.get());  // the answer was cut off, and the client can tell
}

TEST_F(ServerTest, GivesUpOnAClientThatTakesNothing) {
  Server server({.write_timeout = std::chrono::milliseconds(50)});
  std::promise<void> ended;
  ASSERT_TRUE(server
                  .Listen(Socket(),
                          [&ended](const Request&) {
                            return Response{.stream = [&ended](BodyWriter& writer) {
                              const std::string piece(64 << 10, 'x');
                              while (writer.Write(piece)) {
                              }
                              ended.set_value();
                            }};
                          })
                  .ok());
  const os::UniqueFd socket = os::ConnectUnix(Socket(), SOCK_STREAM).value();
  ASSERT_TRUE(os::WriteAll(socket.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").ok());
  ended.get_future().wait();
}

TEST_F(ServerTest, AnswersRequestsThatComeTogetherInOrder) {
  Server server;
  ASSERT_TRUE(
      server.Listen(Socket(), [](const Request& r) { return Response{.body = "<" + r.path + ">"}; })
          .ok());
  const std::string answers = Raw(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answers, HasSubstr("</1>HTTP/1.1 200 OK"));
  EXPECT_TRUE(answers.ends_with("</2>"));
}

TEST_F(ServerTest, SendsNoBodyToHeadAndNoChunksToOldClients) {
  Server server;
  ASSERT_TRUE(server
                  .Listen(Socket(),
                          [](const Request& r) {
                            if (r.path == "/stream")
                              return Response{
                                  .stream = [](BodyWriter& writer) { writer.Write("plain"); }};
                            return Response{.body = "four"};
                          })
                  .ok());
  const std::string head = Raw("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 4\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_TRUE(Raw("GET /stream HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nplain"));
}

TEST_F(ServerTest, RefusesBadAndLargeRequestsWithASentence) {
  Server server({.max_header_bytes = 1024, .max_body_bytes = 1024});
  ASSERT_TRUE(server.Listen(Socket(), [](const Request&) { return Response{}; }).ok());
  EXPECT_THAT(Raw("hello\r\n\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(Raw("GET / HTTP/1.1\r\nX: " + std::string(3000, 'a') + "\r\n\r\n"),
              HasSubstr("413 "));
  EXPECT_THAT(Raw("POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"),
              HasSubstr("the request's body is too large"));
}

TEST_F(ServerTest, ClosesOnAClientThatDoesNotFinishItsRequest) {
  Server server({.request_timeout = std::chrono::milliseconds(20)});
  ASSERT_TRUE(server.Listen(Socket(), [](const Request&) { return Response{}; }).ok());
  EXPECT_EQ(Raw("GET / HT"), "");
}

TEST_F(ServerTest, SaysSoWhenThereAreTooManyConnections) {
  Server server({.max_connections = 1});
  std::promise<void> streaming;
  ASSERT_TRUE(server
                  .Listen(Socket(),
                          [&streaming](const Request&) {
                            return Response{.stream = [&streaming](BodyWriter& writer) {
                              streaming.set_value();
                              while (writer.Wait(std::chrono::seconds(60))) {
                              }
                            }};
                          })
                  .ok());
  const os::UniqueFd holder = os::ConnectUnix(Socket(), SOCK_STREAM).value();
  ASSERT_TRUE(os::WriteAll(holder.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n").ok());
  streaming.get_future().wait();
  const os::UniqueFd second = os::ConnectUnix(Socket(), SOCK_STREAM).value();
  EXPECT_THAT(os::ReadAll(second.get()).value(), HasSubstr("503 Service Unavailable"));
}

TEST_F(ServerTest, AHandlerThatThrowsIsAnInternalError) {
  Server server;
  ASSERT_TRUE(
      server.Listen(Socket(), [](const Request&) -> Response { throw std::runtime_error("boom"); })
          .ok());
  EXPECT_EQ(Client().PerformToString(Get("/"), 1000).value().first.status, 500);
}

}  // namespace
}  // namespace keelson::http
