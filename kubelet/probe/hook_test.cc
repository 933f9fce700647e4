// SPDX-License-Identifier: Apache-2.0
// Commands in containers, as probes and as hooks, and the hooks that ask by HTTP or sleep.
#include <gmock/gmock.h>

#include "kubelet/probe/prober.h"
#include "kubelet/probe/test_server.h"

namespace keelson::probe {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class HookTest : public testing::Test {
 protected:
  base::Result<ExecAnswer> Exec(const std::string& id, const std::vector<std::string>& command,
                                seconds timeout) {
    id_ = id;
    command_ = command;
    timeout_ = timeout;
    return result_;
  }
  Answer ProbeExec() {
    kube::Probe probe;
    probe.action = kube::ExecAction{{"cat", "/ok"}};
    probe.timeout_seconds = 3;
    return prober_.Probe(probe, target_);
  }

  base::Result<ExecAnswer> result_ = ExecAnswer{};
  std::string id_;
  std::vector<std::string> command_;
  seconds timeout_{};
  kube::Container container_;
  Target target_{"127.0.0.1", "c1", &container_};
  NodeProber prober_{[this](const auto& id, const auto& command, seconds timeout) {
    return Exec(id, command, timeout);
  }};
};

TEST_F(HookTest, ExitCodesDecideAboutACommand) {
  struct Case {
    std::string name;
    base::Result<ExecAnswer> result;
    Outcome outcome;
    std::string message;
  };
  for (const Case& c : {
           Case{"good", ExecAnswer{0, "fine"}, Outcome::kSuccess, "fine"},
           Case{"bad", ExecAnswer{1, "no such file"}, Outcome::kFailure, "no such file"},
           Case{"too long", base::DeadlineExceeded("late"), Outcome::kFailure,
                "command timed out after 3 s"},
           Case{"no runtime", base::Unavailable("gone"), Outcome::kError, "gone"},
       }) {
    SCOPED_TRACE(c.name);
    result_ = c.result;
    const Answer answer = ProbeExec();
    EXPECT_EQ(answer.outcome, c.outcome);
    EXPECT_EQ(answer.message, c.message);
    EXPECT_EQ(id_, "c1");
    EXPECT_THAT(command_, ElementsAre("cat", "/ok"));
    EXPECT_EQ(timeout_, seconds(3));
  }
}

TEST_F(HookTest, OutputIsCutAtTenKibibytes) {
  result_ = ExecAnswer{1, std::string(100'000, 'x')};
  EXPECT_EQ(ProbeExec().message.size(), 10'240u);
}

TEST_F(HookTest, CommandsMustExitWithZero) {
  const kube::LifecycleHandler handler = kube::ExecAction{{"drain"}};
  EXPECT_TRUE(prober_.Hook(handler, target_, seconds(30)).ok());
  EXPECT_EQ(timeout_, seconds(30));
  result_ = ExecAnswer{3, "oh"};
  const auto failed = prober_.Hook(handler, target_, seconds(30));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message(), "command 'drain' exited with 3: oh");
  result_ = base::DeadlineExceeded("late");
  EXPECT_EQ(prober_.Hook(handler, target_, seconds(30)).error().code(),
            base::Code::kDeadlineExceeded);
}

kube::HttpGetAction GetOf(uint16_t port, const std::string& scheme) {
  kube::HttpGetAction action;
  action.port.number = port;
  action.path = "/stop";
  action.scheme = scheme;
  return action;
}

TEST_F(HookTest, HttpHooksIgnoreTheStatusCode) {
  TestServer server([](const std::string&) {
    return std::string("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_TRUE(prober_.Hook(GetOf(server.port(), "HTTP"), target_, seconds(60)).ok());
  ASSERT_EQ(server.heads().size(), 1u);
  EXPECT_THAT(server.heads()[0], HasSubstr("\r\nUser-Agent: kube-lifecycle/1.35\r\n"));
}

TEST_F(HookTest, HttpHooksThatNobodyAnswersFail) {
  const ClosedPort closed;
  EXPECT_FALSE(prober_.Hook(GetOf(closed.port(), "HTTP"), target_, seconds(60)).ok());
}

TEST_F(HookTest, HttpsHooksFallBackToHttpWithoutTheirSecrets) {
  // Answers what is no HTTP as servers do: with an HTTP error in plain text.
  TestServer server([](const std::string& head) {
    return std::string(head.starts_with("GET ") ? "HTTP/1.1 200 OK" : "HTTP/1.1 400 Bad Request") +
           "\r\nContent-Length: 0\r\n\r\n";
  });
  server.AnswerGarbageAtOnce();
  kube::HttpGetAction action = GetOf(server.port(), "HTTPS");
  action.http_headers = {{"Authorization", "Bearer x"}, {"X-Kept", "1"}};
  Target target = target_;
  std::vector<std::string> warnings;
  target.warn = [&](const std::string& reason, const std::string& message) {
    warnings.push_back(reason + ": " + message);
  };
  const auto status = prober_.Hook(action, target, seconds(60));
  EXPECT_TRUE(status.ok()) << status.error().message();
  EXPECT_THAT(warnings,
              testing::ElementsAre("LifecycleHTTPFallback: request to HTTPS lifecycle hook " +
                                   target_.address + ":" + std::to_string(server.port()) +
                                   " got HTTP response, retry with HTTP succeeded"));
  const auto heads = server.heads();
  ASSERT_EQ(heads.size(), 2u);
  EXPECT_THAT(heads[1], HasSubstr("\r\nX-Kept: 1\r\n"));
  EXPECT_THAT(heads[1], Not(HasSubstr("Authorization")));
}

TEST_F(HookTest, AFallBackThatFailsTooTellsOfTheFirstTry) {
  TestServer server([](const std::string& head) {
    return head.starts_with("GET ") ? std::string()  // not a word
                                    : "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
  });
  server.AnswerGarbageAtOnce();
  Target target = target_;
  target.warn = [](const std::string& reason, const std::string&) { ADD_FAILURE() << reason; };
  const auto status = prober_.Hook(GetOf(server.port(), "HTTPS"), target, seconds(1));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("Get \"https://"));
}

TEST_F(HookTest, SleepsEndInTime) {
  EXPECT_TRUE(prober_.Hook(kube::SleepAction{0}, target_, seconds(60)).ok());
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(prober_.Hook(kube::SleepAction{1}, target_, seconds(60)).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - before, seconds(1));
  EXPECT_EQ(prober_.Hook(kube::SleepAction{3600}, target_, seconds(0)).error().code(),
            base::Code::kDeadlineExceeded);
}

TEST_F(HookTest, TcpIsNoHook) {
  EXPECT_EQ(prober_.Hook(kube::TcpSocketAction{}, target_, seconds(1)).error().code(),
            base::Code::kUnimplemented);
}

}  // namespace
}  // namespace keelson::probe
