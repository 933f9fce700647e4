// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/server.h"

#include <gtest/gtest.h>

#include <future>

#include "kubelet/server/fake_node_view.h"
#include "lib/http/client/client.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::server {
namespace {

class ServerTest : public testing::Test {
 protected:
  std::pair<int, std::string> Get(const std::string& url, const std::string& socket) {
    http::ClientRequest request;
    request.url = url;
    request.unix_socket = socket;
    const auto answer = http::Client().PerformToString(request, 10000);
    if (!answer.ok()) return {0, answer.error().message()};
    return {answer->first.status, answer->second};
  }
  os::TempDir directory_ = os::TempDir::Create("server").value();
  const std::string socket_ = directory_.path() + "/kubelet.sock";
  FakeNodeView view_;
};

TEST_F(ServerTest, ServesEverythingOnTheSocketAndHealthAloneOnThePort) {
  const auto server = Server::Listen("unix://" + socket_, view_);
  ASSERT_TRUE(server.ok());
  const auto port = (*server)->ListenHealth("127.0.0.1:0");
  ASSERT_TRUE(port.ok());
  const std::string local = "http://127.0.0.1:" + std::to_string(*port);
  EXPECT_EQ(Get("http://kubelet/pods", socket_).first, 200);
  EXPECT_EQ(Get("http://kubelet/healthz/ping", socket_), std::pair(200, std::string("ok")));
  EXPECT_EQ(Get(local + "/healthz", "").first, 200);
  EXPECT_EQ(Get(local + "/pods", "").first, 404);
  view_.SetUnhealthy("syncloop: stuck");
  EXPECT_EQ(Get(local + "/healthz", "").first, 500);
}

TEST_F(ServerTest, GivesNoPortTheWholeNode) {
  EXPECT_EQ(Server::Listen("127.0.0.1:0", view_).error().code(), base::Code::kInvalidArgument);
  EXPECT_FALSE(Server::Listen("/nonexistent/kubelet.sock", view_).ok());
}

TEST_F(ServerTest, EndsWhileSomebodyFollowsALog) {
  const std::string log = directory_.path() + "/pod/main/0.log";
  ASSERT_TRUE(os::MakeDirs(directory_.path() + "/pod/main", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(log, "2026-01-02T03:04:05Z stdout F first\n", 0640).ok());
  view_.SetLog("main", {log, true});
  auto server = Server::Listen(socket_, view_);
  ASSERT_TRUE(server.ok());
  std::promise<void> first;
  auto follower = std::async(std::launch::async, [&] {
    http::ClientRequest request;
    request.url = "http://kubelet/containerLogs/default/web/main?follow=true";
    request.unix_socket = socket_;
    return http::Client().Perform(
        request, [&](const http::ResponseHead&, std::string_view piece) -> base::Status {
          EXPECT_EQ(piece, "first\n");
          first.set_value();
          return {};
        });
  });
  first.get_future().wait();
  server->reset();
  EXPECT_EQ(follower.wait_for(std::chrono::minutes(1)), std::future_status::ready);
}

}  // namespace
}  // namespace keelson::server
