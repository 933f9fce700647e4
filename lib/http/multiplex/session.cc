// SPDX-License-Identifier: Apache-2.0
#include "lib/http/multiplex/session.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#include <cstring>

#include "lib/base/strings.h"

namespace keelson::multiplex {
namespace {

using service::Transport;
constexpr uint8_t kAlpn[] = {2, 'h', '2'};

std::string Text(int error) { return std::strerror(error); }  // NOLINT(concurrency-mt-unsafe)

}  // namespace

Session::Session(os::EventLoop& loop, Target target, Client::Options options)
    : loop_(loop), target_(std::move(target)), options_(options) {}

Session::~Session() {
  if (http_ != nullptr) nghttp2_session_del(http_);
}

void Session::Start() {
  // Later, so that nothing is told from within Begin.
  loop_.Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->stage_ != Stage::kConnecting) return;
    if (self->target_.authorities.empty() && !self->target_.any_peer)
      return self->Break(base::FailedPrecondition(
          "{}: no authorities to know the server by: give its CA", self->target_.host));
    base::Result<service::TlsContext> tls = service::MakeClientContext(
        self->target_.certificate, self->target_.key,
        self->target_.any_peer ? std::string() : self->target_.authorities, self->target_.trust);
    if (!tls.ok()) return self->Break(tls.error());
    self->tls_ = *std::move(tls);
    SSL_CTX_set_alpn_protos(self->tls_.get(), kAlpn, sizeof kAlpn);
    base::Result<std::vector<os::TcpAddress>> addresses =
        os::ResolveTcp(self->target_.host, self->target_.port);
    if (!addresses.ok()) return self->Break(addresses.error());
    self->dial_ = os::Dial(*std::move(addresses));
    self->dial_timer_ = self->loop_.After(self->options_.dial_timeout, [raw = self.get()] {
      raw->dial_timer_.reset();
      raw->Break(base::Unavailable("connect to {}: no answer in time", raw->dial_.where()));
    });
    self->ConnectNext();
  });
}

void Session::ConnectNext() {
  const int socket = dial_.Next();
  if (socket < 0)
    return Break(base::Unavailable("connect to {}: {}", dial_.where(), Text(dial_.error())));
  auto watch = loop_.Watch(socket, EPOLLOUT, [this](uint32_t) { OnReady(); });
  if (!watch.ok()) return Break(watch.error());
  watch_ = *watch;
}

void Session::OnReady() {
  const auto self = shared_from_this();
  if (stage_ == Stage::kConnecting) return Connected();
  if (stage_ == Stage::kShaking) return Shake();
  if (stage_ == Stage::kOpen) Pump();
}

void Session::Connected() {
  if (!dial_.Connected()) {
    loop_.Unwatch(*watch_);
    watch_.reset();
    return ConnectNext();
  }
  transport_ = std::make_unique<Transport>(
      dial_.Take(), tls_, target_.server_name.empty() ? target_.host : target_.server_name);
  stage_ = Stage::kShaking;
  Shake();
}

void Session::Shake() {
  const Transport::Io io = transport_->Handshake();
  if (io == Transport::Io::kWantRead || io == Transport::Io::kWantWrite) {
    (void)loop_.Modify(*watch_, io == Transport::Io::kWantWrite ? EPOLLOUT : EPOLLIN);
    return;
  }
  const std::string& where = dial_.where();
  if (io != Transport::Io::kDone) {
    const std::string problem = transport_->PeerProblem(), alert = transport_->PeerAlert();
    return Break(base::Unavailable("TLS with {}: {}", where,
                                   !problem.empty() ? "its certificate is refused: " + problem
                                   : alert.empty()  ? "the handshake failed"
                                                    : "it ended the handshake: " + alert));
  }
  if (!transport_->alpn_h2())
    return Break(base::Unavailable("TLS with {}: it does not speak HTTP/2", where));
  if (dial_timer_) loop_.CancelTimer(*dial_timer_);
  dial_timer_.reset();
  Opened();
}

void Session::Add(CallId id, Call call) {
  Entry& entry = calls_[id];
  entry.call = std::move(call);
  entry.timer = loop_.After(entry.call.timeout, [this, id] {
    const auto self = shared_from_this();
    const auto it = calls_.find(id);
    if (it == calls_.end()) return;
    it->second.timer.reset();
    const std::string what = fmt::format("{} {}", it->second.call.method, it->second.call.path);
    if (it->second.stream != 0)
      nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE, it->second.stream, NGHTTP2_CANCEL);
    Finish(id, base::DeadlineExceeded("{}: {} did not answer in time", what, target_.host));
    if (stage_ == Stage::kOpen) Pump();
  });
  if (stage_ != Stage::kOpen) return;
  Submit(id, entry);
  PumpSoon();
}

// Who begins or cancels a call is not called back meanwhile, and several calls share a record.
void Session::PumpSoon() {
  if (pump_posted_) return;
  pump_posted_ = true;
  loop_.Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->pump_posted_ = false;
    self->Pump();
  });
}

void Session::Cancel(CallId id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  if (it->second.timer) loop_.CancelTimer(*it->second.timer);
  const int32_t stream = it->second.stream;
  calls_.erase(it);
  if (stream == 0) return;
  streams_.erase(stream);
  nghttp2_submit_rst_stream(http_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  PumpSoon();
}

void Session::Close() {
  if (stage_ == Stage::kOver) return;
  stage_ = Stage::kOver;
  if (watch_) loop_.Unwatch(*watch_);
  if (dial_timer_) loop_.CancelTimer(*dial_timer_);
  if (ping_timer_) loop_.CancelTimer(*ping_timer_);
  for (auto& [id, entry] : calls_)
    if (entry.timer) loop_.CancelTimer(*entry.timer);
  calls_.clear();
  streams_.clear();
  watch_.reset();
  dial_timer_.reset();
  ping_timer_.reset();
  transport_.reset();
  dial_.Close();
}

// Every call is told, each may begin others: those get a connection of their own.
void Session::Break(const base::Error& why) {
  if (stage_ == Stage::kOver) return;
  const auto self = shared_from_this();
  std::map<CallId, Entry> calls;
  calls.swap(calls_);
  for (auto& [id, entry] : calls)
    if (entry.timer) loop_.CancelTimer(*entry.timer);
  Close();
  for (auto& [id, entry] : calls)
    if (entry.call.done) entry.call.done(why);
}

void Session::Finish(CallId id, base::Result<Reply> result) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  Entry entry = std::move(it->second);
  if (entry.timer) loop_.CancelTimer(*entry.timer);
  streams_.erase(entry.stream);
  calls_.erase(it);
  if (entry.call.done) entry.call.done(std::move(result));
}

}  // namespace keelson::multiplex
