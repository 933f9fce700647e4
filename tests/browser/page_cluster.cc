// SPDX-License-Identifier: Apache-2.0
#include "tests/browser/page_cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "lib/http/service/test_pki.h"
#include "tests/load/nodes.h"

namespace keelson::browser {
namespace {

int64_t NowMillis() { return base::SystemClock().WallNanos() / 1'000'000; }

std::string Conditions(bool ready) {
  return fmt::format(
      R"([{{"type":"Initialized","status":"True"}},{{"type":"PodScheduled","status":"True"}},)"
      R"({{"type":"Ready","status":"{}"}}])",
      ready ? "True" : "False");
}

}  // namespace

PageCluster::PageCluster(std::vector<std::string> extra) : begun_(NowMillis()) {
  // Nodes of the test say nothing of themselves again: nobody is to give them up meanwhile.
  for (const char* word : {"--page-address", "127.0.0.1:0", "--metric-resolution", "1",
                           "--node-monitor-grace-period", "3600"})
    extra.emplace_back(word);
  auto master = load::MasterProcess::Start({.dir = dir_.path(), .extra = std::move(extra)});
  if (!master.ok()) {
    ADD_FAILURE() << master.error().message();
    return;
  }
  master_.emplace(*std::move(master));
  EXPECT_TRUE(load::WaitForAccount(*master_->client()).ok());
  const std::string log = master_->Log();
  const std::string mark = "url=http://";
  const size_t at = log.find(mark);
  EXPECT_NE(at, std::string::npos) << log;
  if (at == std::string::npos) return;
  host_ = log.substr(at + mark.size(), log.find('/', at + mark.size()) - at - mark.size());
  kubelet_ = std::make_unique<service::Server>(
      service::ServerOptions(),
      [this](std::shared_ptr<service::Exchange> exchange) { Answer(std::move(exchange)); });
  EXPECT_TRUE(kubelet_->SetTls(service::TestPki::Get().Material()).ok());
  kubelet_port_ = kubelet_->ListenTls("127.0.0.1:0").ValueOr(0);
}

PageCluster::~PageCluster() {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& one : following_) one->End();
    following_.clear();
  }
  kubelet_.reset();
}

void PageCluster::Answer(std::shared_ptr<service::Exchange> exchange) {
  const service::Request& request = exchange->request();
  if (request.path == "/metrics/resource") {
    const int64_t now = NowMillis();
    return exchange->Respond(200, {},
                             fmt::format("node_cpu_usage_seconds_total {:.3f} {}\n"
                                         "node_memory_working_set_bytes 4294967296 {}\n",
                                         static_cast<double>(now - begun_) / 500, now, now));
  }
  if (!request.path.starts_with("/containerLogs/"))
    return exchange->Respond(404, {}, std::string("no"));
  // Who sees the first line hears the next ones too.
  const std::lock_guard lock(mutex_);
  ++logs_;
  exchange->Begin(200, {{"Content-Type", "text/plain"}});
  (void)exchange->Write(service::Buffer("of " + request.target + "\n"));
  const std::string* follow = service::FindField(request.query, "follow");
  if (follow != nullptr && *follow == "true")
    following_.push_back(std::move(exchange));
  else
    exchange->End();
}

void PageCluster::Log(const std::string& text) {
  const std::lock_guard lock(mutex_);
  for (const auto& one : following_) (void)one->Write(service::Buffer(text));
}

size_t PageCluster::logs() const {
  const std::lock_guard lock(mutex_);
  return logs_;
}

json::Value PageCluster::Do(const std::string& method, const std::string& path,
                            const std::string& body) {
  auto connection = load::Connection::Open(*master_->client());
  if (!connection.ok()) {
    ADD_FAILURE() << connection.error().message();
    return {};
  }
  const auto answer = connection->Ask(method, path, body);
  if (!answer.ok() || answer->code > 299) {
    ADD_FAILURE() << method << " " << path << ": "
                  << (answer.ok() ? answer->body : answer.error().message());
    return {};
  }
  return json::ParseJson(answer->body).ValueOr(json::Value());
}

void PageCluster::AddNode(const std::string& name, bool ready) {
  Do("POST", "/api/v1/nodes", fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name));
  Do("PUT", "/api/v1/nodes/" + name + "/status",
     fmt::format(
         R"({{"metadata":{{"name":"{0}"}},"status":{{"allocatable":{{"cpu":"8","memory":"16Gi",)"
         R"("pods":"110"}},"capacity":{{"cpu":"8","memory":"16Gi","pods":"110"}},{1})"
         R"("conditions":[{{"type":"Ready","status":"{2}","message":"{3}"}}]}}}})",
         name,
         ready ? fmt::format(R"("addresses":[{{"type":"InternalIP","address":"127.0.0.1"}}],)"
                             R"("daemonEndpoints":{{"kubeletEndpoint":{{"Port":{}}}}},)",
                             kubelet_port_)
               : "",
         ready ? "True" : "False", ready ? "" : "the network is not there"));
}

void PageCluster::AddPod(const std::string& name, const std::string& node,
                         const std::string& status, const std::string& more_spec) {
  const std::string pods = "/api/v1/namespaces/default/pods";
  json::Value pod = Do(
      "POST", pods,
      fmt::format(R"({{"metadata":{{"name":"{}","labels":{{"app":"shown"}}}},"spec":{{{}{})"
                  R"("tolerations":[{{"operator":"Exists"}}],"containers":[{{"name":"app",)"
                  R"("image":"registry.test/app:1"}}]}}}})",
                  name, node.empty() ? "" : fmt::format(R"("nodeName":"{}",)", node), more_spec));
  if (status.empty() || pod.Find("metadata") == nullptr) return;
  // Whatever else has been written of it meanwhile.
  pod.Find("metadata")->Erase("resourceVersion");
  pod.Set("status", json::ParseJson(status).ValueOr(json::Value()));
  Do("PUT", pods + "/" + name + "/status", json::WriteJson(pod));
}

std::string PageCluster::Running() {
  return fmt::format(
      R"({{"phase":"Running","conditions":{},"containerStatuses":[{{"name":"app","ready":true,)"
      R"("restartCount":0,"image":"i","imageID":"","state":{{"running":{{}}}}}}]}})",
      Conditions(true));
}

std::string PageCluster::Waiting(const std::string& reason, const std::string& message) {
  return fmt::format(
      R"({{"phase":"Pending","conditions":{},"containerStatuses":[{{"name":"app","ready":false,)"
      R"("restartCount":7,"image":"i","imageID":"","state":{{"waiting":{{"reason":"{}",)"
      R"("message":{}}}}}}}]}})",
      Conditions(false), reason, json::WriteJson(json::Value(message)));
}

std::string PageCluster::Raw(const std::string& request, const std::string& until) {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(
      base::ParseUint64(std::string_view(host_).substr(host_.find(':') + 1)).value_or(0)));
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return "";
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return "";
  std::string out;
  char piece[16384];
  while (until.empty() || out.find(until) == std::string::npos) {
    pollfd wait{socket.get(), POLLIN, 0};
    if (::poll(&wait, 1, 120'000) != 1) return out + "\n(nothing further came in two minutes)";
    const ssize_t got = ::recv(socket.get(), piece, sizeof piece, 0);
    if (got <= 0) break;
    out.append(piece, static_cast<size_t>(got));
  }
  return out;
}

std::string PageCluster::Get(const std::string& path, const std::string& headers) {
  return Raw(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\r\n", path, host_,
                         headers));
}

}  // namespace keelson::browser
