// SPDX-License-Identifier: Apache-2.0
#include "proxy/health/health.h"

#include "lib/base/log.h"
#include "lib/base/rfc3339.h"

namespace keelson::proxy {
namespace {

constexpr std::chrono::seconds kPatience(60);  // twice the time between whole writes

http::Response Json(int status, const json::Value& body) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.body = json::WriteJson(body);
  return response;
}

}  // namespace

bool MayHaveTraffic(const json::Value& node) {
  if (!node.At({"metadata", "deletionTimestamp"}).AsString().empty()) return false;
  for (const json::Value& taint : node.At({"spec", "taints"}).items())
    if (taint.At({"key"}).AsString() == "ToBeDeletedByClusterAutoscaler") return false;
  return true;
}

Health::~Health() = default;

base::Result<int> Health::Listen(const std::string& endpoint) {
  own_ = std::make_unique<http::Server>(http::ServerOptions{.anywhere = true});
  return own_->Listen(endpoint, [this](const http::Request& request) {
    if (request.path == "/healthz") return Own(true);
    if (request.path == "/livez") return Own(false);
    return http::Response{.status = 404, .body = "not found\n"};
  });
}

bool Health::healthy() const {
  const std::lock_guard lock(mutex_);
  return !waiting_ || clock_.Steady() - waiting_since_ < kPatience;
}

void Health::Queued() {
  const std::lock_guard lock(mutex_);
  if (!waiting_) waiting_since_ = clock_.Steady();
  waiting_ = true;
}

void Health::Applied() {
  const std::lock_guard lock(mutex_);
  waiting_ = false;
  updated_ = clock_.WallNanos();
}

void Health::SetEligible(bool eligible) {
  const std::lock_guard lock(mutex_);
  eligible_ = eligible;
}

http::Response Health::Own(bool with_node) const {
  const bool alive = healthy();
  const std::lock_guard lock(mutex_);
  const bool good = alive && (!with_node || eligible_);
  json::Value body;
  body.Set("lastUpdated", json::Value(base::FormatRfc3339(updated_)));
  body.Set("currentTime", json::Value(base::FormatRfc3339(clock_.WallNanos())));
  if (with_node) body.Set("nodeEligible", json::Value(eligible_));
  body.Set("healthy", json::Value(alive));
  if (answered_) answered_(with_node, good ? 200 : 503);
  return Json(good ? 200 : 503, body);
}

http::Response Health::OfService(const std::string& name, size_t local) const {
  const size_t slash = name.find('/');
  json::Value service;
  service.Set("namespace", json::Value(name.substr(0, slash)));
  service.Set("name", json::Value(name.substr(slash + 1)));
  const bool alive = healthy();
  json::Value body;
  body.Set("service", std::move(service));
  body.Set("localEndpoints", json::Value(static_cast<int64_t>(local)));
  body.Set("serviceProxyHealthy", json::Value(alive));
  http::Response response = Json(local > 0 && alive ? 200 : 503, body);
  response.headers.emplace_back("X-Load-Balancing-Endpoint-Weight", std::to_string(local));
  return response;
}

void Health::Update(const std::map<std::string, HealthPort>& services) {
  std::erase_if(listeners_, [&](const auto& each) {
    const auto wanted = services.find(each.first);
    return wanted == services.end() || wanted->second.port != each.second.port;
  });
  for (const auto& [name, wanted] : services) {
    Listener& listener = listeners_[name];
    if (!listener.local) listener.local = std::make_shared<std::pair<std::mutex, size_t>>();
    {
      const std::lock_guard lock(listener.local->first);
      listener.local->second = wanted.local;
    }
    if (listener.server) continue;
    listener.port = wanted.port;
    auto server = std::make_unique<http::Server>(http::ServerOptions{.anywhere = true});
    const auto listens =
        server->Listen(fmt::format("0.0.0.0:{}", wanted.port),
                       [this, service = name, local = listener.local](const http::Request&) {
                         size_t count = 0;
                         {
                           const std::lock_guard lock(local->first);
                           count = local->second;
                         }
                         return OfService(service, count);
                       });
    if (listens.ok())
      listener.server = std::move(server);
    else
      base::LogWarn("the health port of a service cannot be opened",
                    {{"service", name}, {"port", wanted.port}, {"error", listens.error()}});
  }
}

}  // namespace keelson::proxy
