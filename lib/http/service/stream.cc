// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/stream.h"

#include "lib/base/strings.h"
#include "lib/http/service/gzip.h"

namespace keelson::service {

Stream::Stream(std::shared_ptr<Loop> loop, std::weak_ptr<Connection> connection, int64_t id)
    : loop_(std::move(loop)), connection_(std::move(connection)), id_(id), charge_(loop_->core()) {}

Stream::~Stream() = default;

void Stream::Wake() {
  if (!ready_.exchange(true)) loop_->Ready(shared_from_this());
}

void Stream::Abandoned() {
  bool answered = false;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || gone_) return;
    answered = answered_;
  }
  if (answered) {
    Abort();
    return;
  }
  auto [type, text] = loop_->core().ErrorBody(500, "the request was given up");
  Respond(500, {{"Content-Type", type}}, std::move(text));
}

void Stream::Respond(int status, Fields headers, std::vector<Buffer> body) {
  size_t total = 0;
  for (const Buffer& piece : body) total += piece.size();
  const size_t gzip_from = loop_->core().options.gzip_from_bytes;
  if (gzip_from > 0 && total > gzip_from && !FindHeader(headers, "content-encoding")) {
    if (AcceptsGzip(request_.headers)) {
      body = {Buffer(Gzip(body))};
      headers.emplace_back("Content-Encoding", "gzip");
    }
    if (!FindHeader(headers, "vary")) headers.emplace_back("Vary", "Accept-Encoding");
  }
  Answer(status, std::move(headers), std::move(body));
}

void Stream::Answer(int status, Fields headers, std::vector<Buffer> body) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_ || gone_) return;
    answered_ = ended_ = true;
    for (Buffer& piece : body) queue_.Append(std::move(piece));
    head_ = Head{
        .status = status, .headers = std::move(headers), .whole = true, .length = queue_.bytes()};
  }
  Wake();
}

void Stream::Begin(int status, Fields headers) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_ || gone_) return;
    answered_ = true;
    head_ = Head{.status = status, .headers = std::move(headers)};
  }
  Wake();
}

base::Result<std::shared_ptr<Tunnel>> Stream::Upgrade(Fields headers) {
  const std::string* connection = FindHeader(request_.headers, "connection");
  const std::string* upgrade = FindHeader(request_.headers, "upgrade");
  const bool asked = connection != nullptr && upgrade != nullptr &&
                     base::ToLower(*connection).find("upgrade") != std::string::npos;
  if (request_.version != 1 || !asked)
    return base::FailedPrecondition("the request does not ask for an upgrade");
  {
    const std::lock_guard lock(mutex_);
    if (answered_ || gone_) return base::FailedPrecondition("the request is answered already");
    answered_ = upgraded_ = true;
    head_ = Head{.status = 101, .headers = std::move(headers), .upgrade = true};
  }
  Wake();
  return Handle<Tunnel>();
}

Sent Stream::Write(std::vector<Buffer> pieces) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || ended_ || !answered_) return Sent::kGone;
    if (queue_.bytes() >= loop_->core().options.max_queued_bytes) {
      want_drain_ = true;
      return Sent::kFull;
    }
    for (Buffer& piece : pieces) queue_.Append(std::move(piece));
  }
  Wake();
  return Sent::kTaken;
}

void Stream::End() {
  {
    const std::lock_guard lock(mutex_);
    if (!answered_ || ended_) return;
    ended_ = true;
  }
  Wake();
}

void Stream::Abort() {
  aborted_ = true;
  Wake();
}

void Stream::OnDrain(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  if (!gone_) on_drain_.swap(callback);
}

void Stream::OnGone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) {
      on_gone_.swap(callback);
      return;
    }
  }
  if (callback) callback();
}

void Stream::OnData(std::function<void(std::string_view)> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || !upgraded_) return;
    on_data_ = callback
                   ? std::make_shared<std::function<void(std::string_view)>>(std::move(callback))
                   : nullptr;
  }
  Wake();
}

void Stream::PauseReading(bool pause) {
  {
    const std::lock_guard lock(mutex_);
    paused_ = pause;
  }
  Wake();
}

std::optional<Stream::Head> Stream::TakeHead() {
  const std::lock_guard lock(mutex_);
  std::optional<Head> head;
  head.swap(head_);
  return head;
}

Stream::Pending Stream::pending() const {
  const std::lock_guard lock(mutex_);
  return {queue_.bytes(), ended_};
}

bool Stream::reading() const {
  const std::lock_guard lock(mutex_);
  return on_data_ != nullptr && !paused_ && !end_delivered_;
}

void Stream::TakeBody(Output& to, size_t bytes) {
  std::function<void()> drained;
  {
    const std::lock_guard lock(mutex_);
    queue_.MoveTo(to, bytes);
    if (want_drain_ && queue_.bytes() <= loop_->core().options.max_queued_bytes / 2) {
      want_drain_ = false;
      drained = on_drain_;
    }
  }
  if (drained) drained();
}

void Stream::Deliver(std::string_view bytes) {
  std::shared_ptr<std::function<void(std::string_view)>> callback;
  {
    const std::lock_guard lock(mutex_);
    callback = on_data_;
    if (bytes.empty()) end_delivered_ = true;
  }
  if (callback) (*callback)(bytes);
}

void Stream::SetGone(bool whole) {
  std::function<void()> drain;
  std::function<void()> gone;
  std::shared_ptr<std::function<void(std::string_view)>> data;
  {
    const std::lock_guard lock(mutex_);
    if (gone_.exchange(true)) return;
    drain.swap(on_drain_);
    gone.swap(on_gone_);
    data.swap(on_data_);
    queue_.Clear();
    head_.reset();
  }
  if (gone && !whole) gone();
}

}  // namespace keelson::service
