// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/prober.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>

#include <cstdlib>

#include "kubelet/probe/grpc_probe.h"
#include "kubelet/probe/http_probe.h"
#include "kubelet/probe/tcp_probe.h"
#include "kubelet/probe/test_server.h"

namespace keelson::probe {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string Reply(const std::string& status, const std::string& body = "",
                  const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

base::Result<ExecAnswer> NoExec(const std::string&, const std::vector<std::string>&,
                                std::chrono::seconds) {
  return base::Unavailable("no runtime");
}

class ProberTest : public testing::Test {
 protected:
  static kube::HttpGetAction Get(uint16_t port, const std::string& path = "/") {
    kube::HttpGetAction action;
    action.path = path;
    action.port.number = port;
    return action;
  }
  Answer Ask(decltype(kube::Probe::action) action, int timeout = 60) {
    kube::Probe probe;
    probe.action = std::move(action);
    probe.timeout_seconds = timeout;
    return prober_.Probe(probe, target_);
  }

  kube::Container container_;
  Target target_{"127.0.0.1", "c1", &container_};
  NodeProber prober_{NoExec};
};

TEST_F(ProberTest, StatusCodesFrom200To399AreGood) {
  struct Case {
    std::string status;
    Outcome outcome;
    std::string message;
  };
  for (const Case& c : {
           Case{"200 OK", Outcome::kSuccess, "hello"},
           Case{"204 No Content", Outcome::kSuccess, ""},
           Case{"304 Not Modified", Outcome::kWarning,
                "Probe terminated redirects, Response body: "},
           Case{"302 Found", Outcome::kWarning,
                "Probe terminated redirects, Response body: hello"},  // without Location
           Case{"400 Bad Request", Outcome::kFailure, "HTTP probe failed with statuscode: 400"},
           Case{"500 Oops", Outcome::kFailure, "HTTP probe failed with statuscode: 500"},
       }) {
    SCOPED_TRACE(c.status);
    TestServer server([&](const std::string&) { return Reply(c.status, "hello"); });
    const Answer answer = Ask(Get(server.port()));
    EXPECT_EQ(answer.outcome, c.outcome);
    EXPECT_EQ(answer.message, c.message);
  }
}

TEST_F(ProberTest, TheRequestIsUpstreams) {
  TestServer server([](const std::string&) { return Reply("200 OK"); });
  kube::HttpGetAction action = Get(server.port(), "/health?deep=1");
  ASSERT_EQ(Ask(action).outcome, Outcome::kSuccess);
  action.http_headers = {{"Accept", ""}, {"Host", "example.com"}, {"X-Two", "1"},
                         {"X-Two", "2"}, {"X-Empty", ""},         {"user-agent", "mine"}};
  ASSERT_EQ(Ask(action).outcome, Outcome::kSuccess);

  const auto heads = server.heads();
  ASSERT_EQ(heads.size(), 2u);
  EXPECT_THAT(heads[0], StartsWith("GET /health?deep=1 HTTP/1.1\r\n"));
  EXPECT_THAT(heads[0], HasSubstr("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
  EXPECT_THAT(heads[0], HasSubstr("\r\nUser-Agent: kube-probe/1.35\r\n"));
  EXPECT_THAT(heads[0], HasSubstr("\r\nAccept: */*\r\n"));
  EXPECT_THAT(heads[0], HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(heads[1], HasSubstr("\r\nHost: example.com\r\n"));
  EXPECT_THAT(heads[1], HasSubstr("\r\nX-Two: 1\r\nX-Two: 2\r\nX-Empty:\r\nuser-agent: mine\r\n"));
  EXPECT_THAT(heads[1], Not(HasSubstr("Accept")));
  EXPECT_THAT(heads[1], Not(HasSubstr("kube-probe")));
}

TEST_F(ProberTest, NoProxyOfTheEnvironmentIsUsed) {
  TestServer server([](const std::string&) { return Reply("200 OK"); });
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_EQ(Ask(Get(server.port())).outcome, Outcome::kSuccess);
  ::unsetenv("http_proxy");
}

TEST_F(ProberTest, UrlsOfActions) {
  container_.ports = {{.name = "web", .container_port = 8080}};
  struct Case {
    std::string name;
    kube::HttpGetAction action;
    std::string url;  // empty: an error
  };
  const auto action = [](kube::IntOrString port, const std::string& path,
                         const std::string& scheme = "HTTP", const std::string& host = "") {
    kube::HttpGetAction out;
    out.port = std::move(port);
    out.path = path;
    out.scheme = scheme;
    out.host = host;
    return out;
  };
  for (const Case& c : {
           Case{"plain", action({true, 80, ""}, "/"), "http://127.0.0.1:80/"},
           Case{"https", action({true, 443, ""}, "/a/../b", "HTTPS"),
                "https://127.0.0.1:443/a/../b"},
           Case{"port by name", action({false, 0, "web"}, "/x"), "http://127.0.0.1:8080/x"},
           Case{"port as text", action({false, 0, "81"}, "/x"), "http://127.0.0.1:81/x"},
           Case{"unknown name", action({false, 0, "nope"}, "/x"), ""},
           Case{"port 0", action({true, 0, ""}, "/x"), ""},
           Case{"port 70000", action({true, 70000, ""}, "/x"), ""},
           Case{"another host", action({true, 80, ""}, "/", "HTTP", "fd00::1"),
                "http://[fd00::1]:80/"},
           Case{"no slash", action({true, 80, ""}, "x"), "http://127.0.0.1:80/x"},
           Case{"empty", action({true, 80, ""}, ""), "http://127.0.0.1:80/"},
           Case{"query", action({true, 80, ""}, "/a b?c=d%20e#f"),
                "http://127.0.0.1:80/a%20b?c=d%20e"},
           Case{"line break", action({true, 80, ""}, "/a\r\nX: y"),
                "http://127.0.0.1:80/a%0D%0AX:%20y"},
           Case{"broken escape", action({true, 80, ""}, "/100%?x"),
                "http://127.0.0.1:80/100%25%3Fx"},
           Case{"other scheme", action({true, 80, ""}, "/", "FTP"), ""},
       }) {
    SCOPED_TRACE(c.name);
    const auto url = HttpUrl(c.action, target_);
    EXPECT_EQ(url.ok() ? *url : "", c.url);
    if (c.url.empty()) {
      EXPECT_EQ(Ask(c.action).outcome, Outcome::kError);
    }
  }
}

TEST_F(ProberTest, RedirectsWithinTheHostAreFollowed) {
  TestServer server([](const std::string& head) {
    if (head.starts_with("GET /start ")) return Reply("302 Found", "", "Location: next\r\n");
    if (head.starts_with("GET /next "))
      return Reply("307 Temporary Redirect", "", "Location: /end?x=1\r\n");
    return Reply("200 OK", "arrived");
  });
  kube::HttpGetAction action = Get(server.port(), "/start");
  action.http_headers = {{"Host", "example.com"}};
  const Answer answer = Ask(action);
  EXPECT_EQ(answer.outcome, Outcome::kSuccess);
  EXPECT_EQ(answer.message, "arrived");
  ASSERT_EQ(server.heads().size(), 3u);
  EXPECT_THAT(server.heads()[2], StartsWith("GET /end?x=1 "));
  EXPECT_THAT(server.heads()[2], HasSubstr("\r\nHost: example.com\r\n"));
}

TEST_F(ProberTest, RedirectsToAnotherHostAreAWarning) {
  TestServer server([](const std::string&) {
    return Reply("301 Moved", "gone", "Location: http://localhost:1/\r\n");
  });
  const Answer answer = Ask(Get(server.port()));
  EXPECT_EQ(answer.outcome, Outcome::kWarning);
  EXPECT_EQ(answer.message, "Probe terminated redirects, Response body: gone");
  EXPECT_EQ(server.heads().size(), 1u);
}

TEST_F(ProberTest, RedirectsWithoutEndFail) {
  TestServer server(
      [](const std::string&) { return Reply("302 Found", "", "Location: /again\r\n"); });
  const Answer answer = Ask(Get(server.port()));
  EXPECT_EQ(answer.outcome, Outcome::kFailure);
  EXPECT_THAT(answer.message, HasSubstr("stopped after 10 redirects"));
  EXPECT_EQ(server.heads().size(), 10u);
}

TEST_F(ProberTest, OnlyTheBeginningOfTheBodyIsRead) {
  TestServer server([](const std::string&) { return Reply("200 OK", std::string(4 << 20, 'x')); });
  const Answer answer = Ask(Get(server.port()));
  EXPECT_EQ(answer.outcome, Outcome::kSuccess);
  EXPECT_EQ(answer.message, std::string(kMaxBodyBytes, 'x'));
}

TEST_F(ProberTest, AnAnswerCutShortIsAnError) {
  TestServer server([](const std::string&) {
    return std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  });
  EXPECT_EQ(Ask(Get(server.port())).outcome, Outcome::kError);
}

TEST_F(ProberTest, SilenceAndRefusalFail) {
  TestServer server([](const std::string&) { return std::string(); });
  const Answer silent = Ask(Get(server.port()), 1);
  EXPECT_EQ(silent.outcome, Outcome::kFailure);
  EXPECT_THAT(silent.message, HasSubstr("timed out"));
  const ClosedPort closed;
  EXPECT_EQ(Ask(Get(closed.port())).outcome, Outcome::kFailure);
  EXPECT_EQ(Ask(kube::TcpSocketAction{{true, closed.port(), ""}, ""}).outcome, Outcome::kFailure);
  EXPECT_EQ(Ask(kube::GrpcAction{closed.port(), ""}).outcome, Outcome::kFailure);
}

TEST_F(ProberTest, HttpsTakesAnyCertificate) {
  TestServer server([](const std::string&) { return Reply("200 OK", "secret"); }, true);
  kube::HttpGetAction action = Get(server.port());
  action.scheme = "HTTPS";
  const Answer answer = Ask(action);
  EXPECT_EQ(answer.outcome, Outcome::kSuccess) << answer.message;
  EXPECT_EQ(answer.message, "secret");
}

TEST_F(ProberTest, HeadersThatAreNoneFail) {
  kube::HttpGetAction action = Get(1);
  action.http_headers = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(Ask(action).outcome, Outcome::kFailure);
}

TEST_F(ProberTest, TcpConnectsByNumberAndName) {
  TestServer server([](const std::string&) { return std::string(); });
  container_.ports = {{.name = "db", .container_port = server.port()}};
  EXPECT_EQ(Ask(kube::TcpSocketAction{{true, server.port(), ""}, ""}).outcome, Outcome::kSuccess);
  EXPECT_EQ(Ask(kube::TcpSocketAction{{false, 0, "db"}, "127.0.0.1"}).outcome, Outcome::kSuccess);
  EXPECT_EQ(Ask(kube::TcpSocketAction{{false, 0, "none"}, ""}).outcome, Outcome::kError);
}

TEST_F(ProberTest, ConnectionsLingerForASecond) {
  TestServer server([](const std::string&) { return std::string(); });
  const auto fd = Connect("127.0.0.1", server.port(), std::chrono::seconds(60));
  ASSERT_TRUE(fd.ok());
  linger value{};
  socklen_t size = sizeof value;
  ASSERT_EQ(::getsockopt(fd->get(), SOL_SOCKET, SO_LINGER, &value, &size), 0);
  EXPECT_EQ(value.l_onoff, 1);
  EXPECT_EQ(value.l_linger, 1);
}

TEST_F(ProberTest, GrpcAsksTheHealthService) {
  grpc::EnableDefaultHealthCheckService(true);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  grpc::CallbackGenericService everything_else;  // answers Unimplemented
  builder.RegisterCallbackGenericService(&everything_else);
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  auto* health = server->GetHealthCheckService();
  health->SetServingStatus("good", true);
  health->SetServingStatus("bad", false);
  struct Case {
    std::string service;
    Outcome outcome;
    std::string message;
  };
  for (const Case& c : {
           Case{"", Outcome::kSuccess, "service healthy"},
           Case{"good", Outcome::kSuccess, "service healthy"},
           Case{"bad", Outcome::kFailure, "service unhealthy (responded with \"NOT_SERVING\")"},
           Case{"unknown", Outcome::kFailure,
                "error: health rpc probe failed: service name unknown"},
       }) {
    SCOPED_TRACE(c.service);
    const Answer answer = Ask(kube::GrpcAction{port, c.service});
    EXPECT_EQ(answer.outcome, c.outcome);
    EXPECT_EQ(answer.message, c.message);
  }
  server->Shutdown();
  grpc::EnableDefaultHealthCheckService(false);
}

TEST_F(ProberTest, GrpcServersWithoutHealthServiceFail) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  grpc::CallbackGenericService everything_else;  // answers Unimplemented
  builder.RegisterCallbackGenericService(&everything_else);
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  const Answer answer = Ask(kube::GrpcAction{port, ""});
  EXPECT_EQ(answer.outcome, Outcome::kFailure);
  EXPECT_THAT(answer.message,
              StartsWith("error: this server does not implement the grpc health protocol"));
  server->Shutdown();
}

TEST_F(ProberTest, GrpcGivesUpInTime) {
  TestServer server([](const std::string&) { return std::string(); });
  const Answer answer = Ask(kube::GrpcAction{server.port(), ""}, 1);
  EXPECT_EQ(answer.outcome, Outcome::kFailure);
  EXPECT_THAT(answer.message, HasSubstr("timeout: health rpc did not complete within 1 s"));
}

TEST_F(ProberTest, HealthMessagesSurviveWhatTheyDoNotKnow) {
  EXPECT_EQ(EncodeHealthRequest(""), "");
  EXPECT_EQ(EncodeHealthRequest("ab"), std::string("\x0a\x02", 2) + "ab");
  EXPECT_EQ(EncodeHealthRequest(std::string(300, 'x')).substr(0, 3),
            std::string("\x0a\xac\x02", 3));
  EXPECT_EQ(DecodeHealthResponse(""), 0u);
  EXPECT_EQ(DecodeHealthResponse(std::string("\x08\x01", 2)), 1u);
  EXPECT_EQ(DecodeHealthResponse(std::string("\x12\x03xyz\x08\x02", 7)), 2u);
  EXPECT_EQ(DecodeHealthResponse(std::string("\x08", 1)), std::nullopt);
  EXPECT_EQ(DecodeHealthResponse(std::string("\x12\x7fx", 3)), std::nullopt);
  EXPECT_EQ(DecodeHealthResponse(std::string("\x0b", 1)), std::nullopt);
}

}  // namespace
}  // namespace keelson::probe
