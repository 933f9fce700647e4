// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/front/observed.h"

#include <fmt/format.h>

#include <random>

#include "minimal-master/api/answer.h"
#include "minimal-master/api/options.h"

namespace keelson::front {
namespace {

using service::Buffer;
using service::Sent;

constexpr char kHeader[] = "Audit-Id";
constexpr size_t kLongestId = 64;

// Tells requests apart and is no secret. In the form of RFC 9562's version 4.
std::string NewId() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  const uint64_t a = random();
  const uint64_t b = random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff,
                     0x8000 | (b >> 48 & 0x3fff), b & 0xffff'ffff'ffff);
}

// What the client calls its request, if that can be a header again.
std::string IdOf(const service::Request& request) {
  const std::string* given = service::FindHeader(request.headers, "audit-id");
  if (given == nullptr || given->empty() || given->size() > kLongestId) return NewId();
  for (const char c : *given) {
    if (c < 0x21 || c > 0x7e) return NewId();
  }
  return *given;
}

base::SteadyTime DeadlineOf(const service::Request& request, base::SteadyTime begun,
                            std::chrono::nanoseconds most) {
  const auto wanted = api::ReadTimeout(request.query);
  const bool less = wanted.ok() && wanted->count() > 0 && *wanted < most;
  return begun + (less ? *wanted : most);
}

// A tunnel that keeps its request from having ended.
class Held final : public service::Tunnel {
 public:
  Held(std::shared_ptr<Observed> request, std::shared_ptr<service::Tunnel> inner)
      : request_(std::move(request)), inner_(std::move(inner)) {}
  Sent Send(std::vector<Buffer> pieces) override { return inner_->Send(std::move(pieces)); }
  void OnRoom(std::function<void()> callback) override { inner_->OnRoom(std::move(callback)); }
  void OnData(std::function<void(std::string_view)> callback) override {
    inner_->OnData(std::move(callback));
  }
  void PauseReading(bool pause) override { inner_->PauseReading(pause); }
  void OnClosed(std::function<void()> callback) override { inner_->OnClosed(std::move(callback)); }
  void Close() override { inner_->Close(); }

 private:
  const std::shared_ptr<Observed> request_;
  const std::shared_ptr<service::Tunnel> inner_;
};

}  // namespace

Observed::Observed(Front& front, std::shared_ptr<service::Exchange> inner, const api::Route& route)
    : front_(front),
      inner_(std::move(inner)),
      begun_(front.clock_.Steady()),
      received_nanos_(front.options_.audit == nullptr ? 0 : front.clock_.WallNanos()),
      mutating_(IsMutating(route)),
      long_running_(api::IsLongRunning(route)),
      audited_(front.options_.audit != nullptr && audit::IsWorthIt(route)),
      id_(IdOf(inner_->request())),
      series_(front.meters_.Of(LabelsOf(inner_->request(), route))),
      deadline_(DeadlineOf(inner_->request(), begun_, front.options_.timeout)) {
  if (audited_) attributes_ = route;
}

Observed::~Observed() { Finish({}); }

void Observed::TimeIsUp() {
  status::Failure failure;
  failure.code = 504;
  failure.reason = "Timeout";
  failure.message = "Timeout: request did not complete within the allotted timeout";
  failure.has_details = true;
  api::Answer answer = api::Refusal(failure);
  service::Fields headers{{"Content-Type", answer.content_type}};
  Respond(answer.code, std::move(headers), std::move(answer.body));
}

bool Observed::Enter(const api::Route& route) {
  if (audited_) {
    const std::lock_guard lock(mutex_);
    attributes_.user = route.user;
  }
  if (long_running_) return true;
  if (front_.TakeSeat(mutating_, route.user.In(auth::kMasters))) {
    seated_ = true;
    // Its time may have been over just now.
    if (finished_ && seated_.exchange(false)) front_.LeaveSeat(mutating_);
    return true;
  }
  front_.meters_.dropped(mutating_).Add();
  Respond(429,
          {{"Content-Type", "text/plain; charset=utf-8"},
           {"X-Content-Type-Options", "nosniff"},
           {"Retry-After", "1"}},
          std::string("Too many requests, please try again later.\n"));
  return false;
}

void Observed::Decided(bool allowed) {
  decision_ = allowed ? audit::Decision::kAllowed : audit::Decision::kForbidden;
}

void Observed::Respond(int status, service::Fields headers, std::vector<Buffer> body) {
  // Once: whoever comes after the time was up has nobody to tell.
  int unanswered = 0;
  if (!code_.compare_exchange_strong(unanswered, status)) return;
  size_t bytes = 0;
  for (const Buffer& piece : body) bytes += piece.size();
  body_bytes_ = bytes;
  // Counted and written down before the client can know of it.
  Finish(body.empty() ? std::string_view() : body.front().view());
  headers.emplace_back(kHeader, id_);
  inner_->Respond(status, std::move(headers), std::move(body));
}

bool Observed::Began(int code) {
  int unanswered = 0;
  if (!code_.compare_exchange_strong(unanswered, code)) return false;
  if (!long_running_) return true;
  if (series_.is_running()) {
    counted_running_ = true;
    series_.running().Add(1);
  }
  if (audited_) Audit(audit::Stage::kStarted, {});
  return true;
}

void Observed::Begin(int status, service::Fields headers) {
  if (!Began(status)) return;
  headers.emplace_back(kHeader, id_);
  inner_->Begin(status, std::move(headers));
}

Sent Observed::Write(std::vector<Buffer> pieces) {
  size_t bytes = 0;
  std::vector<size_t> events;
  size_t open = event_bytes_.load(std::memory_order_relaxed);
  for (const Buffer& piece : pieces) {
    bytes += piece.size();
    open += piece.size();
    if (!series_.has_events() || !piece.view().ends_with('\n')) continue;
    events.push_back(open);
    open = 0;
  }
  const Sent sent = inner_->Write(std::move(pieces));
  if (sent != Sent::kTaken) return sent;
  body_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  event_bytes_.store(open, std::memory_order_relaxed);
  for (const size_t event : events) series_.CountEvent(event);
  return sent;
}

void Observed::End() {
  Finish({});
  inner_->End();
}

void Observed::Abort() {
  Finish({});
  inner_->Abort();
}

base::Result<std::shared_ptr<service::Tunnel>> Observed::Upgrade(service::Fields headers) {
  headers.emplace_back(kHeader, id_);
  ASSIGN_OR_RETURN(std::shared_ptr<service::Tunnel> tunnel, inner_->Upgrade(std::move(headers)));
  (void)Began(101);
  return std::shared_ptr<service::Tunnel>(
      std::make_shared<Held>(shared_from_this(), std::move(tunnel)));
}

void Observed::Finish(std::string_view answer) {
  if (finished_.exchange(true)) return;
  if (!long_running_) front_.Strike(*this);
  if (seated_.exchange(false)) front_.LeaveSeat(mutating_);
  if (counted_running_) series_.running().Add(-1);
  // Nobody answered: the server says 500 for us.
  int unanswered = 0;
  code_.compare_exchange_strong(unanswered, 500);
  const auto elapsed = front_.clock_.Steady() - begun_;
  series_.Count(code_, std::chrono::duration<double>(elapsed).count(), body_bytes_);
  if (audited_) Audit(audit::Stage::kComplete, answer);
}

void Observed::Audit(audit::Stage stage, std::string_view answer) {
  const std::lock_guard lock(mutex_);
  (void)front_.options_.audit->Write(audit::ToLine({.request = inner_->request(),
                                                    .attributes = attributes_,
                                                    .id = id_,
                                                    .stage = stage,
                                                    .decision = decision_,
                                                    .code = code_,
                                                    .answer = answer,
                                                    .received_nanos = received_nanos_,
                                                    .stage_nanos = front_.clock_.WallNanos()}));
}

}  // namespace keelson::front
