// SPDX-License-Identifier: Apache-2.0
#include "tests/master/local_server.h"

#include <condition_variable>
#include <mutex>

#include "minimal-master/api/handler.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/bootstrap/objects.h"
#include "minimal-master/store/memory_store.h"

namespace keelson::golden {
namespace {

// An answer put together in memory.
class Captured final : public service::Exchange {
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

  void Wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return whole_; });
  }
  int code() const { return code_; }
  const std::string& text() const { return text_; }
  const service::Fields& headers() const { return headers_; }

 private:
  const service::Request request_;
  std::mutex mutex_;
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
  if (!asked.content_type.empty()) request.headers.emplace_back("content-type", asked.content_type);
  if (!asked.accept.empty()) request.headers.emplace_back("accept", asked.accept);
  for (const auto& [name, value] : asked.headers) request.headers.emplace_back(name, value);
  return request;
}

}  // namespace

struct LocalServer::State {
  State() {
    base::Result<std::unique_ptr<watch::Cache>> opened =
        watch::Cache::Open(store, reader, clock, {});
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
    watches = std::make_unique<api::Watches>(*cache, clock);
    api::Gate gate;
    gate.authenticate = [](const service::Request&) -> status::Or<auth::User> {
      auth::User user;
      user.name = "admin";
      user.groups = {std::string(auth::kMasters), std::string(auth::kAuthenticated)};
      return user;
    };
    gate.authorize = [](const api::Route&) -> status::Or<bool> { return true; };
    handler = std::make_unique<api::Handler>(*engine, *watches, gate,
                                             api::Handler::Options{"192.0.2.10:6443"});
  }

  base::SystemClock clock;
  store::MemoryStore store;
  api::Reader reader;
  std::unique_ptr<watch::Cache> cache;
  std::unique_ptr<api::Engine> engine;
  std::unique_ptr<api::Watches> watches;
  std::unique_ptr<api::Handler> handler;
};

LocalServer::LocalServer() : state_(std::make_unique<State>()) {}
LocalServer::~LocalServer() = default;

std::string LocalServer::AskText(const Request& request, int& code) {
  const auto exchange = std::make_shared<Captured>(ToServer(request));
  state_->handler->Handle(exchange);
  exchange->Wait();
  code = exchange->code();
  return exchange->text();
}

Answer LocalServer::Ask(const Request& request) {
  const auto exchange = std::make_shared<Captured>(ToServer(request));
  state_->handler->Handle(exchange);
  exchange->Wait();
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
