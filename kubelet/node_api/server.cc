// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/server.h"

#include <fmt/format.h>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/http/client/url.h"

namespace keelson::node_api {

using base::Code;
using base::Result;
using service::Exchange;

namespace {

constexpr char kText[] = "text/plain; charset=utf-8";
constexpr char kPrometheus[] = "text/plain; version=0.0.4; charset=utf-8";

void Say(Exchange& exchange, int status, std::string text, const char* type = kText) {
  exchange.Respond(status, {{"Content-Type", type}}, std::move(text));
}

int StatusOf(const base::Error& error) {
  if (error.code() == Code::kNotFound) return 404;
  if (error.code() == Code::kResourceExhausted) return 429;
  return error.code() == Code::kInvalidArgument ? 400 : 500;
}

// As the owner's socket has requests: of a name that comes twice the first counts.
http::Request Plain(const service::Request& request) {
  http::Request out{.method = request.method,
                    .path = request.path,
                    .query = {},
                    .headers = {},
                    .body = request.body};
  for (const auto& [name, value] : request.query) out.query.emplace(name, value);
  for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
  return out;
}

// Who asked is the node's to know, and the runtime is another host.
service::Fields ForRuntime(const service::Fields& headers) {
  service::Fields out;
  for (const service::Field& field : headers) {
    if (field.first != "authorization" && field.first != "host" &&
        !field.first.starts_with("impersonate-"))
      out.push_back(field);
  }
  return out;
}

}  // namespace

Server::Server(Options options, Views views, Reviews& reviews, const base::Clock& clock,
               std::unique_ptr<passage::Passages> passages, passage::Tls to_runtime)
    : options_(std::move(options)),
      views_(std::move(views)),
      reviews_(reviews),
      view_routes_(server::NodeRoutes(views_.node, clock)),
      passages_(std::move(passages)),
      to_runtime_(std::move(to_runtime)),
      readers_(options_.most_readers) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Listen(const std::string& endpoint, Options options,
                                               Views views, Reviews& reviews,
                                               const base::Clock& clock) {
  ASSIGN_OR_RETURN(auto passages, passage::Passages::Start({}));
  // The runtime is the node's own and gave the address itself.
  ASSIGN_OR_RETURN(passage::Tls to_runtime, passage::MakeTls("", "", ""));
  std::unique_ptr<Server> server(new Server(std::move(options), std::move(views), reviews, clock,
                                            std::move(passages), std::move(to_runtime)));
  server->http_ = std::make_unique<service::Server>(
      service::ServerOptions{},
      [raw = server.get()](ExchangePtr exchange) { raw->Answer(std::move(exchange)); });
  RETURN_IF_ERROR(server->http_->SetTls(server->options_.tls));
  ASSIGN_OR_RETURN(server->port_, server->http_->ListenTls(endpoint));
  return server;
}

Result<User> Server::Know(const service::Request& request) {
  User user;
  if (request.peer && UserOf(*request.peer, user)) return user;
  const std::string_view token = BearerToken(request.headers);
  if (token.empty()) return base::Unauthenticated("no credentials");
  ASSIGN_OR_RETURN(std::optional<User> known, reviews_.Token(std::string(token)));
  if (!known) return base::Unauthenticated("nobody's token");
  return *std::move(known);
}

bool Server::Allow(Exchange& exchange, const User& user) {
  if (options_.allow_all) return true;
  const Need need = NeedOf(exchange.request().method, exchange.request().path);
  for (const std::string& subresource : need.subresources) {
    const Result<bool> allowed = reviews_.Access({user, need.verb, subresource, options_.node});
    if (!allowed.ok()) {
      base::LogWarn("cannot learn what a user may, refusing",
                    {{"user", user.name}, {"error", allowed.error().message()}});
      Say(exchange, 500,
          fmt::format("Authorization error (user={}, verb={}, resource=nodes, subresource={})",
                      user.name, need.verb, subresource));
      return false;
    }
    if (*allowed) return true;
  }
  Say(exchange, 403,
      fmt::format("Forbidden (user={}, verb={}, resource=nodes, subresource(s)=[{}])", user.name,
                  need.verb, base::Join(need.subresources, " ")));
  return false;
}

void Server::Answer(ExchangePtr exchange) {
  const service::Request& request = exchange->request();
  const Result<User> user = Know(request);
  if (!user.ok()) {
    if (user.error().code() != Code::kUnauthenticated)
      base::LogWarn("cannot learn whose token it is, refusing",
                    {{"error", user.error().message()}});
    return Say(*exchange, 401, "Unauthorized");
  }
  if (!Allow(*exchange, *user)) return;
  const Route route = RouteOf(request.method, request.path);
  switch (route.kind) {
    case Route::Kind::kNotFound:
      return Say(*exchange, 404, "404 page not found\n");
    case Route::Kind::kNotAllowed:
      return Say(*exchange, 405, "405: Method Not Allowed");
    case Route::Kind::kView:
      return AnswerView(exchange);
    case Route::Kind::kMetrics:
      return Say(*exchange, 200, views_.metrics ? views_.metrics() : "", kPrometheus);
    case Route::Kind::kProbeMetrics:
      return Say(*exchange, 200, views_.probe_metrics ? views_.probe_metrics() : "", kPrometheus);
    case Route::Kind::kResourceMetrics:
      return Say(*exchange, 200, ResourceMetrics(views_.figures.Read()), kPrometheus);
    case Route::Kind::kSummary:
      return AnswerSummary(*exchange);
    case Route::Kind::kExec:
    case Route::Kind::kAttach:
    case Route::Kind::kPortForward:
      return AnswerSession(std::move(exchange), route);
  }
}

void Server::AnswerView(const ExchangePtr& exchange) {
  http::Response response = view_routes_(Plain(exchange->request()));
  if (response.stream) {
    if (!readers_.Begin(exchange, std::move(response)))
      Say(*exchange, 429, "too many logs are being read\n");
    return;
  }
  service::Fields headers = response.headers;
  headers.emplace_back("Content-Type", response.content_type);
  exchange->Respond(response.status, std::move(headers), std::move(response.body));
}

void Server::AnswerSummary(Exchange& exchange) {
  const Result<Figures> figures = views_.figures.Read();
  if (!figures.ok()) return Say(exchange, 500, "Internal Error: " + figures.error().message());
  const std::string* only = service::FindField(exchange.request().query, "only_cpu_and_memory");
  Say(exchange, 200, Summary(*figures, only != nullptr && *only == "true"), "application/json");
}

void Server::AnswerSession(ExchangePtr exchange, const Route& route) {
  const service::Request& request = exchange->request();
  Result<std::string> url = std::string();
  if (route.kind == Route::Kind::kPortForward) {
    const Result<std::vector<int32_t>> ports = PortsOf(request);
    if (!ports.ok()) return Say(*exchange, 400, ports.error().message());
    url = views_.streams.PortForward(route.pod, *ports);
  } else {
    const Result<Wanted> wanted = WantedOf(request.query);
    if (!wanted.ok()) return Say(*exchange, 400, wanted.error().message());
    url = route.kind == Route::Kind::kExec
              ? views_.streams.Exec(route.pod, route.container, CommandOf(request.query), *wanted)
              : views_.streams.Attach(route.pod, route.container, *wanted);
  }
  if (!url.ok()) return Say(*exchange, StatusOf(url.error()), url.error().message() + "\n");
  if (!AsksForUpgrade(request.headers)) return Say(*exchange, 500, "Upgrade request required\n");
  HandOn(std::move(exchange), *url);
}

void Server::HandOn(ExchangePtr exchange, const std::string& url) {
  const Result<http::Url> where = http::ParseUrl(url);
  if (!where.ok()) return Say(*exchange, 500, where.error().message() + "\n");
  passage::Outbound out;
  out.host = where->host;
  out.port = static_cast<int>(base::ParseUint64(where->port).value_or(0));
  out.target = where->path;
  if (where->scheme == "https") out.tls = to_runtime_;
  out.method = exchange->request().method;
  out.headers = ForRuntime(exchange->request().headers);
  out.upgrade = true;
  passage::Terms terms;
  terms.failed = [](Exchange& failed, const base::Error& error) {
    Say(failed, 500, "error dialing backend: " + error.message() + "\n");
  };
  terms.is_refusal = [](const passage::Head& head) { return head.status < 400; };
  terms.refuse = [](Exchange& refused, const passage::Head& head, const std::string&) {
    Say(refused, 500, fmt::format("invalid upgrade response: status code {}\n", head.status));
  };
  passages_->Begin(std::move(exchange), std::move(out), std::move(terms));
}

}  // namespace keelson::node_api
