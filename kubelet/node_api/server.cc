// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/server.h"

#include <fmt/format.h>

#include "lib/base/log.h"
#include "lib/base/strings.h"

namespace keelson::node_api {

using base::Result;
using service::Exchange;

Server::Server(Options options, Reviews& reviews, std::unique_ptr<Answers> answers)
    : options_(std::move(options)), reviews_(reviews), answers_(std::move(answers)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Listen(const std::string& endpoint, Options options,
                                               Views views, Reviews& reviews,
                                               const base::Clock& clock) {
  ASSIGN_OR_RETURN(std::unique_ptr<Answers> answers,
                   Answers::Make(std::move(views), options.offer, options.most_readers, clock));
  std::unique_ptr<Server> server(new Server(std::move(options), reviews, std::move(answers)));
  server->http_ = std::make_unique<service::Server>(
      KubeletServerOptions(),
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
  const Result<User> user = Know(exchange->request());
  if (!user.ok()) {
    if (user.error().code() != base::Code::kUnauthenticated)
      base::LogWarn("cannot learn whose token it is, refusing",
                    {{"error", user.error().message()}});
    return Say(*exchange, 401, "Unauthorized");
  }
  if (Allow(*exchange, *user)) answers_->Answer(std::move(exchange));
}

}  // namespace keelson::node_api
