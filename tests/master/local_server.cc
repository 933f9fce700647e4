// SPDX-License-Identifier: Apache-2.0
#include "tests/master/local_server.h"

#include <poll.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "lib/base/strings.h"
#include "minimal-master/access/access.h"
#include "minimal-master/access/grants.h"
#include "minimal-master/access/reviews.h"
#include "minimal-master/api/handler.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/bootstrap/objects.h"
#include "minimal-master/health/health.h"
#include "minimal-master/node/nodes.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::golden {
namespace {

// An answer put together in memory.
class Captured final : public service::Exchange, public LocalWatch {
 public:
  explicit Captured(service::Request request) : request_(std::move(request)) {}

  const service::Request& request() const override { return request_; }
  void Respond(int status, service::Fields headers, std::vector<service::Buffer> body) override {
    const std::lock_guard lock(mutex_);
    code_ = status;
    headers_ = std::move(headers);
    for (const service::Buffer& piece : body) text_ += piece.view();
    whole_ = true;
    done_.notify_all();
  }
  void Begin(int status, service::Fields headers) override {
    const std::lock_guard lock(mutex_);
    code_ = status;
    headers_ = std::move(headers);
  }
  service::Sent Write(std::vector<service::Buffer> pieces) override {
    const std::lock_guard lock(mutex_);
    for (const service::Buffer& piece : pieces) text_ += piece.view();
    done_.notify_all();
    return service::Sent::kTaken;
  }
  void End() override {
    const std::lock_guard lock(mutex_);
    whole_ = true;
    done_.notify_all();
  }
  void Abort() override { End(); }
  void OnDrain(std::function<void()>) override {}
  void OnGone(std::function<void()>) override {}
  bool gone() const override { return false; }
  base::Result<std::shared_ptr<service::Tunnel>> Upgrade(service::Fields) override {
    return base::FailedPrecondition("there is no connection");
  }

  void WaitForEnd() override {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return whole_; });
  }
  void WaitForText(const std::function<bool(const std::string&)>& enough,
                   std::chrono::seconds patience) override {
    std::unique_lock lock(mutex_);
    done_.wait_for(lock, patience, [&] { return whole_ || enough(text_); });
  }
  int code() const override {
    const std::lock_guard lock(mutex_);
    return code_;
  }
  std::string text() const override {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  const service::Fields& headers() const { return headers_; }  // after the end

 private:
  const service::Request request_;
  mutable std::mutex mutex_;
  std::condition_variable done_;
  bool whole_ = false;
  int code_ = 0;
  std::string text_;
  service::Fields headers_;
};

service::Request ToServer(const Request& asked) {
  service::Request request;
  request.method = asked.method;
  request.target = asked.path;
  (void)service::ParseTarget(request);
  request.body = asked.body;
  request.headers.emplace_back("user-agent", "python-requests/2.32");  // as it was recorded
  if (!asked.content_type.empty()) request.headers.emplace_back("content-type", asked.content_type);
  if (!asked.accept.empty()) request.headers.emplace_back("accept", asked.accept);
  for (const auto& [name, value] : asked.headers) {
    if (!value.empty()) request.headers.emplace_back(base::ToLower(name), value);
  }
  request.tls = true;
  if (asked.client_certificate) {
    auto peer = std::make_shared<service::PeerCertificates>();
    peer->verified = true;
    peer->common_name = "admin";
    peer->organizations = {std::string(auth::kMasters)};
    // That of the recording's client.
    peer->sha256 = "9fb2e0ec81c9e20c7da53f38f6165dfceb1df481b0ba17d4c81f3667513c4394";
    request.peer = std::move(peer);
  }
  return request;
}

pki::Key NewKey() {
  base::Result<pki::Key> key = pki::Key::Generate();
  KEELSON_CHECK(key.ok());
  return *std::move(key);
}

constexpr std::chrono::milliseconds kTick{10};

}  // namespace

struct LocalServer::State {
  explicit State(const Options& options) : clock(options.clock ? *options.clock : system) {
    watch::Cache::Options cache_options;
    cache_options.history = options.history;
    base::Result<std::unique_ptr<watch::Cache>> opened =
        watch::Cache::Open(store, reader, clock, std::move(cache_options));
    KEELSON_CHECK(opened.ok());
    cache = *std::move(opened);
    engine = std::make_unique<api::Engine>(store, *cache, clock);
    // The ranges of the server that was recorded.
    allocation::Ranges ranges;
    ranges.services = {*allocation::IpRange::Parse("10.96.0.0/14"),
                       *allocation::IpRange::Parse("fd00:10:96::/112")};
    // The first free one, so that a case's own port is never given to the one before it.
    engine->services().SetRanges(std::move(ranges), [](uint64_t) { return uint64_t{0}; });
    auth::User self;
    self.groups = {std::string(auth::kMasters)};
    KEELSON_CHECK(engine->InsertMissing(bootstrap::Objects(), self).ok());
    watches = std::make_unique<api::Watches>(*cache, clock, kTick);
    access::Access::Options access_options;
    access_options.issuer = "https://kubernetes.default.svc";
    access_options.audiences = {access_options.issuer};
    access_options.token_keys.push_back(token_key);
    access = std::make_unique<access::Access>(*cache, clock, std::move(access_options));
    engine->SetHooks(
        {.answer = [this](const auth::User& user, const std::string& ns,
                          json::Value object) -> std::optional<status::Or<json::Value>> {
           if (!access::IsReview(object)) return std::nullopt;
           return access::Answer(*access, user, ns, std::move(object));
         },
         .may_write =
             [this](const auth::User& user, const json::Value& object, const json::Value* old) {
               return access::MayGrant(*access, user, object, old);
             },
         .make_token =
             [this](const std::string& ns, const std::string& account, json::Value request) {
               return access->RequestToken(ns, account, std::move(request));
             }});
    api::Gate gate;
    gate.authenticate = [this](const service::Request& request) {
      return access->Authenticate(request);
    };
    gate.authorize = [this](const api::Route& route) { return access->Authorize(route); };
    base::Result<std::unique_ptr<node::Nodes>> started =
        node::Nodes::Start(*cache, {.authorize = gate.authorize});
    KEELSON_CHECK(started.ok());
    nodes = *std::move(started);
    handler = std::make_unique<api::Handler>(
        *engine, *watches, gate,
        api::Handler::Options{
            .address = "192.0.2.10:6443",
            .connect = [this](
                           std::shared_ptr<service::Exchange> exchange,
                           const api::Route& route) { nodes->Connect(std::move(exchange), route); },
            .page =
                [this](service::Exchange& exchange, const api::Route& route) {
                  auto answer = health.Page(route.path, exchange.request().query);
                  if (answer) api::Send(exchange, *std::move(answer));
                  return answer.has_value();
                }});
  }

  void Handle(const std::shared_ptr<Captured>& exchange) {
    const bool of_roles =
        exchange->request().method != "GET" &&
        exchange->request().path.find("/rbac.authorization.k8s.io/") != std::string::npos;
    const auto roles = of_roles ? access->rbac() : nullptr;
    const watch::Revision before = cache->revision();
    handler->Handle(exchange);
    if (!of_roles) return;
    exchange->WaitForEnd();
    if (cache->revision() == before) return;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (access->rbac() == roles && std::chrono::steady_clock::now() < deadline)
      ::poll(nullptr, 0, 1);
  }

  base::SystemClock system;
  const base::Clock& clock;
  const health::Health health{{{"ping", [] { return base::Ok(); }}}};
  store::MemoryStore store;
  api::Reader reader;
  std::unique_ptr<watch::Cache> cache;
  std::unique_ptr<api::Engine> engine;
  std::unique_ptr<api::Watches> watches;
  const pki::Key token_key = NewKey();
  std::unique_ptr<access::Access> access;
  std::unique_ptr<node::Nodes> nodes;
  std::unique_ptr<api::Handler> handler;
};

LocalServer::LocalServer(const Options& options) : state_(std::make_unique<State>(options)) {}
LocalServer::~LocalServer() = default;

api::Engine& LocalServer::engine() { return *state_->engine; }
const pki::Key& LocalServer::token_key() const { return state_->token_key; }

std::shared_ptr<LocalWatch> LocalServer::Watch(const Request& request) {
  const auto exchange = std::make_shared<Captured>(ToServer(request));
  state_->Handle(exchange);
  return exchange;
}

std::string LocalServer::AskText(const Request& request, int& code) {
  const auto exchange = std::make_shared<Captured>(ToServer(request));
  state_->Handle(exchange);
  exchange->WaitForEnd();
  code = exchange->code();
  return exchange->text();
}

Answer LocalServer::Ask(const Request& request) {
  const auto exchange = std::make_shared<Captured>(ToServer(request));
  state_->Handle(exchange);
  exchange->WaitForEnd();
  Answer answer;
  answer.code = exchange->code();
  const base::Result<json::Value> body = json::ParseJson(exchange->text());
  answer.body = body.ok() ? *body : json::Value(exchange->text());
  for (const auto& [name, value] : exchange->headers()) {
    if (name == "Warning") answer.warnings.push_back(value);
  }
  return answer;
}

}  // namespace keelson::golden
