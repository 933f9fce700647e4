// SPDX-License-Identifier: Apache-2.0
// master-test-kubelet AUTHORITY: a kubelet's streams and logs without containers, over TLS on a
// port that it prints. Whoever comes must show a certificate of AUTHORITY (a PEM file) for
// kube-apiserver-kubelet-client. Commands run as plain processes of this machine, forwarded ports
// are the machine's own. Ends with its standard input.
#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/http/client/url.h"
#include "lib/http/passage/passages.h"
#include "lib/http/service/server.h"
#include "lib/os/files.h"
#include "minimal-master/pki/certificate.h"
#include "runtime/stream/server.h"
#include "tests/stream/process_backend.h"

namespace keelson::master_test {
namespace {

using base::Result;
using service::Exchange;

constexpr char kCaller[] = "kube-apiserver-kubelet-client";

class Kubelet {
 public:
  static Result<std::unique_ptr<Kubelet>> Start(const std::string& authority_file) {
    auto kubelet = std::make_unique<Kubelet>();
    ASSIGN_OR_RETURN(const std::string callers, os::ReadFile(authority_file));
    stream::ServerOptions options;
    options.program = base::BinDir() + "/" KEELSON_STREAM_PROGRAM;
    ASSIGN_OR_RETURN(kubelet->streams_, stream::StreamServer::Create(options, kubelet->backend_));
    ASSIGN_OR_RETURN(kubelet->passages_, passage::Passages::Start({}));
    const int64_t now = std::time(nullptr);
    ASSIGN_OR_RETURN(const pki::Authority own,
                     pki::Authority::Create("test", now - 60, now + 86400));
    ASSIGN_OR_RETURN(const pki::Key key, pki::Key::Generate());
    pki::Profile profile;
    profile.names.common_name = "system:node:test";
    profile.names.ips = {"127.0.0.1"};
    profile.not_before = now - 60;
    profile.not_after = now + 86400;
    profile.server = true;
    ASSIGN_OR_RETURN(const std::string certificate, own.Issue(key, profile));
    kubelet->server_ = std::make_unique<service::Server>(
        service::ServerOptions{}, [raw = kubelet.get()](std::shared_ptr<Exchange> exchange) {
          raw->Answer(std::move(exchange));
        });
    RETURN_IF_ERROR(kubelet->server_->SetTls({certificate, key.PrivatePem(), callers}));
    ASSIGN_OR_RETURN(kubelet->port_, kubelet->server_->ListenTls("127.0.0.1:0"));
    return kubelet;
  }
  int port() const { return port_; }

 private:
  static void Refuse(Exchange& exchange, int code, const std::string& text) {
    exchange.Respond(code, {{"Content-Type", "text/plain"}}, text);
  }

  void Answer(std::shared_ptr<Exchange> exchange) {
    const service::Request& request = exchange->request();
    if (!request.peer || !request.peer->verified || request.peer->common_name != kCaller)
      return Refuse(*exchange, 401, "Unauthorized");
    // "", "exec", namespace, pod, container
    const std::vector<std::string_view> parts = base::Split(std::string_view(request.path), '/');
    if (parts[1] == "containerLogs") return Log(*exchange, parts);
    Result<std::string> url = UrlFor(request, parts);
    if (!url.ok()) return Refuse(*exchange, 400, std::string(url.error().message()));
    if (url->empty())
      return Refuse(*exchange, 200, fmt::format("{} {}", request.method, request.target));
    const Result<http::Url> where = http::ParseUrl(*url);
    if (!where.ok()) return Refuse(*exchange, 500, std::string(where.error().message()));
    passage::Outbound out;
    out.host = where->host;
    out.port = static_cast<int>(base::ParseUint64(where->port).value_or(0));
    out.target = where->path;
    out.method = request.method;
    out.headers = request.headers;
    out.upgrade = true;
    passages_->Begin(std::move(exchange), std::move(out),
                     {.failed = [](Exchange& failed, const base::Error& error) {
                       Refuse(failed, 502, std::string(error.message()));
                     }});
  }

  // Where a session of the stream server is to be had; "": it is none.
  Result<std::string> UrlFor(const service::Request& request,
                             const std::vector<std::string_view>& parts) {
    if (parts[1] == "portForward") return streams_->PortForward("sandbox", {});
    if (parts[1] != "exec" && parts[1] != "attach") return std::string();
    stream::ProcessRequest process;
    // Of attach: what stands for the container's own process.
    process.container_id = "echo attached; cat";
    for (const auto& [name, value] : request.query) {
      if (name == "command") process.command.push_back(value);
      if (name == "input") process.in = true;
      if (name == "output") process.out = true;
      if (name == "error") process.err = true;
      if (name == "tty") process.tty = true;
    }
    process.err = process.err && !process.tty;
    return parts[1] == "exec" ? streams_->Exec(process) : streams_->Attach(process);
  }

  // Two lines; the second when the first was sent.
  static void Log(Exchange& exchange, const std::vector<std::string_view>& parts) {
    const service::Request& request = exchange.request();
    if (parts.size() < 5) return Refuse(exchange, 404, "404 page not found\n");
    exchange.Begin(200, {{"Content-Type", "text/plain"}});
    (void)exchange.Write(
        service::Buffer(fmt::format("log of {}/{}/{}\n", parts[2], parts[3], parts[4])));
    (void)exchange.Write(service::Buffer(fmt::format("asked {}\n", request.raw_query())));
    exchange.End();
  }

  stream_test::ProcessBackend backend_;
  std::unique_ptr<stream::StreamServer> streams_;
  std::unique_ptr<passage::Passages> passages_;
  std::unique_ptr<service::Server> server_;
  int port_ = 0;
};

}  // namespace
}  // namespace keelson::master_test

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto kubelet = keelson::master_test::Kubelet::Start(argv[1]);
  if (!kubelet.ok()) {
    std::fprintf(stderr, "%s\n", kubelet.error().message().c_str());
    return 1;
  }
  std::printf("port=%d\n", (*kubelet)->port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) continue;
  return 0;
}
