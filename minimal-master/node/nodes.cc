// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/node/nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/os/dial.h"
#include "minimal-master/api/answer.h"

namespace keelson::node {
namespace {

using passage::Outbound;
using passage::Terms;
using service::Exchange;

// Every address of it.
bool MayProxy(const std::string& host) {
  if (host.empty()) return false;
  if (base::IpAddress::Parse(host)) return IsGlobalUnicast(host);
  const base::Result<std::vector<os::TcpAddress>> addresses = os::ResolveTcp(host, 0);
  return addresses.ok() && !addresses->empty() &&
         std::all_of(addresses->begin(), addresses->end(),
                     [](const os::TcpAddress& one) { return IsGlobalUnicast(one.host); });
}

size_t Choose(size_t bound) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_int_distribution<size_t>(0, bound - 1)(random);
}

bool AsksForUpgrade(const service::Request& request) {
  const std::string* connection = service::FindHeader(request.headers, "connection");
  return connection != nullptr && base::ToLower(*connection).find("upgrade") != std::string::npos;
}

status::Failure Plain(int code, std::string message) {
  status::Failure failure;
  failure.code = code;
  failure.message = std::move(message);
  return failure;
}

void Refuse(Exchange& exchange, const status::Failure& failure) {
  api::Send(exchange, api::Refusal(failure));
}

// What a kubelet says about a log that it does not give, as upstream's server tells it.
status::Failure OfKubelet(const std::string& name, int code, const std::string& text) {
  if (code == 500) return status::Internal("Internal error occurred: " + text);
  if (code == 400) return status::BadRequest(text);
  status::Failure failure;
  failure.code = code;
  failure.message = fmt::format(
      "the server responded with the status code {} but did not return more information", code);
  if (code == 401) {
    failure.reason = "Unauthorized";
    failure.message = "the server has asked for the client to provide credentials";
  } else if (code == 403) {
    failure.reason = "Forbidden";
    failure.message = text;
  } else if (code == 404) {
    failure.reason = "NotFound";
    failure.message = "the server could not find the requested resource";
  } else if (code == 503) {
    failure.reason = "ServiceUnavailable";
    failure.message = "the server is currently unable to handle the request";
  } else if (code > 500) {
    failure.reason = "InternalError";
    failure.message = fmt::format(
        "an error on the server (\"{}\") has prevented the request from succeeding", text);
  }
  failure.message += fmt::format(" ( pods/log {})", name);
  failure.has_details = true;
  failure.details.kind = "pods/log";
  failure.details.name = name;
  return failure;
}

// Without what was said to us and nobody else.
service::Fields WithoutSecrets(service::Fields headers) {
  std::erase_if(headers, [](const service::Field& field) {
    return field.first == "authorization" || field.first.starts_with("impersonate-");
  });
  return headers;
}

std::string Client(const service::Request& request) {
  const size_t colon = request.remote.rfind(':');
  std::string host = colon == std::string::npos ? "" : request.remote.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

void AddForwarded(Outbound& out, const service::Request& request) {
  std::string chain = Client(request);
  if (chain.empty()) return;
  std::erase_if(out.headers, [&chain](const service::Field& field) {
    if (field.first != "x-forwarded-for") return false;
    chain = field.second + ", " + chain;
    return true;
  });
  out.headers.emplace_back("X-Forwarded-For", chain);
}

}  // namespace

base::Result<std::unique_ptr<Nodes>> Nodes::Start(watch::Cache& cache, Options options) {
  if (!options.may_proxy) options.may_proxy = MayProxy;
  ASSIGN_OR_RETURN(auto passages, passage::Passages::Start({}));
  ASSIGN_OR_RETURN(passage::Tls anybody, passage::MakeTls("", "", ""));
  auto nodes = std::unique_ptr<Nodes>(
      new Nodes(cache, std::move(options), std::move(passages), std::move(anybody)));
  RETURN_IF_ERROR(nodes->SetCertificate("", ""));
  return nodes;
}

base::Status Nodes::SetCertificate(const std::string& certificate, const std::string& key) {
  ASSIGN_OR_RETURN(passage::Tls tls,
                   passage::MakeTls(certificate, key, options_.kubelet_authority, options_.trust));
  const std::lock_guard lock(mutex_);
  kubelet_tls_ = std::move(tls);
  return base::Ok();
}

passage::Tls Nodes::kubelet_tls() const {
  const std::lock_guard lock(mutex_);
  return kubelet_tls_;
}

void Nodes::Connect(std::shared_ptr<Exchange> exchange, const api::Route& route) {
  const service::Request& request = exchange->request();
  const bool stream = route.subresource != "log" && route.subresource != "proxy";
  // A browser's WebSocket is a GET, and yet it changes things.
  if (stream && route.verb != "create" && options_.authorize) {
    api::Route create = route;
    create.verb = "create";
    const status::Or<bool> may = options_.authorize(create);
    if (!may.ok()) return Refuse(*exchange, may.failure());
  }
  const World world{.find =
                        [this](const std::string& key) {
                          const watch::ObjectPtr object = cache_.Find(key);
                          if (!object) return json::Value();
                          auto value = json::ParseJson(object->bytes().view());
                          return value.ok() ? *std::move(value) : json::Value();
                        },
                    .may_proxy = options_.may_proxy,
                    .choose = Choose};
  const status::Or<Location> location = Locate(route, request, world);
  if (!location.ok()) return Refuse(*exchange, location.failure());
  if (location->kind == Location::Kind::kNothing)
    return exchange->Respond(204, {{"Cache-Control", "no-cache, private"}}, std::string());

  Outbound out;
  out.host = location->host;
  out.target = location->target;
  if (location->tls) out.tls = location->kubelet ? kubelet_tls() : anybody_;
  const std::optional<uint64_t> port = base::ParseUint64(location->port);
  out.port = port && *port < 65536 ? static_cast<int>(*port) : -1;
  Terms terms;
  const auto send = [&] {
    if (out.port >= 0)
      return passages_->Begin(std::move(exchange), std::move(out), std::move(terms));
    terms.failed(*exchange,
                 base::Unavailable("dial tcp: lookup tcp/{}: unknown port", location->port));
  };
  if (location->kind == Location::Kind::kLog) {
    const std::string url =
        fmt::format("https://{}:{}{}", location->host, location->port, location->target);
    terms.failed = [url](Exchange& failed, const base::Error& error) {
      Refuse(failed, Plain(500, fmt::format("Get \"{}\": {}", url, error.message())));
    };
    terms.is_refusal = [](const passage::Head& head) {
      return head.status < 200 || head.status > 206;
    };
    terms.refuse = [name = route.name](Exchange& refused, const passage::Head& head,
                                       const std::string& body) {
      Refuse(refused, OfKubelet(name, head.status, body));
    };
    terms.rewrite = [](passage::Head& head) {
      head.status = 200;
      head.headers = {{"Content-Type", "text/plain"}, {"Cache-Control", "no-cache, private"}};
    };
    return send();
  }
  out.method = request.method;
  out.body = request.body;
  out.upgrade = AsksForUpgrade(request);
  if (location->kind == Location::Kind::kStream && !out.upgrade)
    return Refuse(*exchange, status::BadRequest("Upgrade request required"));
  out.headers = WithoutSecrets(out.upgrade ? request.headers : passage::EndToEnd(request.headers));
  AddForwarded(out, request);
  if (out.upgrade) {
    terms.failed = [](Exchange& failed, const base::Error& error) {
      Refuse(failed, Plain(500, "error dialing backend: " + error.message()));
    };
    terms.is_refusal = [](const passage::Head& head) { return head.status < 400; };
    terms.refuse = [](Exchange& refused, const passage::Head& head, const std::string&) {
      Refuse(refused,
             Plain(500, fmt::format("invalid upgrade response: status code {}", head.status)));
    };
    return send();
  }
  // A page's own links are below its folder.
  if (out.target.empty() || out.target.front() == '?') {
    if (request.method == "GET" || request.method == "HEAD")
      return exchange->Respond(
          301, {{"Location", fmt::format("{}/{}", request.raw_path(), out.target)}}, std::string());
    out.target.insert(0, "/");
  }
  out.headers.emplace_back("X-Forwarded-Uri", std::string(request.raw_path()));
  if (const std::string* host = service::FindHeader(request.headers, "host"))
    out.headers.emplace_back("X-Forwarded-Host", *host);
  out.headers.emplace_back("X-Forwarded-Proto", request.tls ? "https" : "http");
  terms.failed = [](Exchange& failed, const base::Error& error) {
    Refuse(failed, status::Unavailable("error trying to reach service: " + error.message()));
  };
  send();
}

}  // namespace keelson::node
