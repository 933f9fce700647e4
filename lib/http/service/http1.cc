// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "lib/base/strings.h"
#include "lib/http/service/connection.h"
#include "lib/http/service/http1_head.h"

namespace keelson::service {
namespace {

namespace beast = boost::beast::http;
constexpr size_t kFillUpTo = 64u << 10;

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

class Http1 final : public Protocol {
 public:
  explicit Http1(Connection& connection) : connection_(connection) { BeginIdle(); }

  bool OnInput(std::string& in) override;
  void OnEnd() override;
  void Fill(Output& out) override;
  bool WantsRead() const override {
    return phase_ != Phase::kTunnel || stream_ == nullptr || stream_->reading();
  }
  bool Done() const override { return phase_ == Phase::kDone; }
  void OnReady(Stream& stream) override;
  void Drain() override;
  void Close() override;
  Time Deadline() const override { return deadline_; }
  bool OnDeadline() override;

 private:
  enum class Phase { kIdle, kRequest, kAnswer, kTunnel, kDone };
  using Parser = beast::request_parser<beast::string_body>;

  void BeginIdle();
  bool Parse(std::string& in);
  void HeadDone();
  void Dispatch();
  void Refuse(int status, const std::string& message);
  void FillAnswer(Output& out);
  void FinishAnswer(bool whole);

  Connection& connection_;
  Phase phase_ = Phase::kIdle;
  std::optional<Parser> parser_;
  bool head_done_ = false;
  bool keep_ = true;
  bool end_ = false;
  bool tunnel_waits_ = false;  // bytes of the client are kept until the tunnel is read
  bool draining_ = false;
  Time deadline_;
  std::string own_text_;  // of the protocol itself: refusals, 100-continue
  std::shared_ptr<Stream> stream_;
  std::optional<Stream::Head> head_;
  BodyFraming framing_ = BodyFraming::kNone;
  bool http_1_0_ = false;
};

void Http1::BeginIdle() {
  phase_ = draining_ ? Phase::kDone : Phase::kIdle;
  deadline_ = connection_.now() + connection_.core().options.idle_timeout;
  parser_.reset();
  head_done_ = false;
}

bool Http1::OnInput(std::string& in) {
  while (!in.empty()) {
    switch (phase_) {
      case Phase::kIdle:
        phase_ = Phase::kRequest;
        deadline_ = connection_.now() + connection_.core().options.header_timeout;
        parser_.emplace();
        parser_->header_limit(
            static_cast<std::uint32_t>(connection_.core().options.max_header_bytes));
        parser_->body_limit(connection_.core().options.max_body_bytes);
        parser_->eager(true);
        break;
      case Phase::kRequest:
        if (!Parse(in)) return phase_ != Phase::kDone;
        break;
      case Phase::kAnswer:
        // A client that pipelines waits; one that sends without end is not read for.
        return in.size() <= connection_.core().options.max_header_bytes + (256u << 10);
      case Phase::kTunnel: {
        tunnel_waits_ = stream_ == nullptr || !stream_->reading();
        if (tunnel_waits_) return true;
        std::string piece;
        piece.swap(in);
        stream_->Deliver(piece);
        break;
      }
      case Phase::kDone:
        return false;
    }
  }
  return true;
}

// True: go on with what is left of `in`.
bool Http1::Parse(std::string& in) {
  boost::system::error_code error;
  const size_t taken = parser_->put(boost::asio::buffer(in), error);
  in.erase(0, taken);
  if (error == beast::error::header_limit) {
    Refuse(431, "the request's header fields are too large");
  } else if (error == beast::error::body_limit) {
    Refuse(413, fmt::format("Request entity too large: limit is {}",
                            connection_.core().options.max_body_bytes));
  } else if (error && error != beast::error::need_more) {
    Refuse(400, fmt::format("not an HTTP/1.1 request: {}", error.message()));
  } else if (in.size() > connection_.core().options.max_header_bytes &&
             !parser_->is_header_done()) {
    Refuse(431, "the request's header fields are too large");
  }
  if (phase_ == Phase::kDone) return false;
  if (!head_done_ && parser_->is_header_done()) HeadDone();
  if (phase_ == Phase::kDone) return false;
  if (parser_->is_done()) {
    Dispatch();
    return true;
  }
  return !error && taken > 0;
}

void Http1::HeadDone() {
  head_done_ = true;
  deadline_ = connection_.now() + connection_.core().options.body_timeout;
  auto& message = parser_->get();
  stream_ = std::make_shared<Stream>(connection_.loop(), connection_.weak_from_this(), 1);
  Request& request = stream_->mutable_request();
  request.method = View(message.method_string());
  request.target = View(message.target());
  for (const auto& field : message)
    request.headers.emplace_back(base::ToLower(View(field.name_string())), View(field.value()));
  request.peer = connection_.peer();
  request.remote = connection_.remote();
  request.tls = connection_.tls();
  http_1_0_ = message.version() < 11;
  if (!ParseTarget(request)) {
    Refuse(400, "the request's target is not a path");
  } else if (!http_1_0_ && FindHeader(request.headers, "host") == nullptr) {
    Refuse(400, "missing required Host header");
  } else if (!parser_->is_done() || message.body().size() > 0) {
    const auto length = parser_->content_length();
    const size_t bytes =
        length ? static_cast<size_t>(*length) : connection_.core().options.max_body_bytes;
    if (!stream_->charge().Add(bytes)) {
      Refuse(503, "too many requests are being received, try again later");
      return;
    }
    const std::string* expect = FindHeader(request.headers, "expect");
    if (expect != nullptr && base::ToLower(*expect) == "100-continue" && !parser_->is_done())
      own_text_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
}

void Http1::Dispatch() {
  keep_ = parser_->get().keep_alive() && !draining_;
  stream_->mutable_request().body = std::move(parser_->get().body());
  phase_ = Phase::kAnswer;
  deadline_ = Time::max();
  parser_.reset();
  const std::shared_ptr<Stream> stream = stream_;
  if (!connection_.core().dispatch(stream)) {
    auto [type, text] = connection_.core().ErrorBody(503, "too many requests, try again later");
    stream->Respond(503, {{"Content-Type", type}, {"Retry-After", "1"}}, std::move(text));
  }
}

void Http1::Refuse(int status, const std::string& message) {
  auto [type, text] = connection_.core().ErrorBody(status, message);
  Fields headers = {{"Content-Type", type}};
  if (status == 503) headers.emplace_back("Retry-After", "1");
  own_text_ += FormatHead(status, headers, BodyFraming::kLength, text.size(), false) + text;
  if (stream_) stream_->SetGone(false);
  stream_.reset();
  phase_ = Phase::kDone;
  deadline_ = Time::max();
}

void Http1::OnEnd() {
  if (phase_ == Phase::kTunnel) {
    // Behind the last bytes, and only to one who reads: tried anew until then.
    end_ = true;
    if (!tunnel_waits_ && stream_ && stream_->reading()) stream_->Deliver({});
    return;
  }
  if (end_) {
    if (phase_ == Phase::kRequest || phase_ == Phase::kIdle) phase_ = Phase::kDone;
    return;
  }
  end_ = true;
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kRequest:
      phase_ = Phase::kDone;
      break;
    case Phase::kTunnel:
      break;
    case Phase::kAnswer:
      // A whole answer is still given to a client that only closed its side; a stream that is under
      // way ends here, for nothing else would tell that its reader has gone.
      if (head_ && !head_->whole) {
        stream_->SetGone(false);
        stream_.reset();
        phase_ = Phase::kDone;
      }
      break;
    case Phase::kDone:
      break;
  }
}

bool Http1::OnDeadline() {
  if (phase_ == Phase::kRequest) {
    Refuse(408, "the request did not come in time");
  } else {
    phase_ = Phase::kDone;
  }
  return false;
}

void Http1::Drain() {
  draining_ = true;
  keep_ = false;
  if (phase_ == Phase::kIdle) phase_ = Phase::kDone;
}

void Http1::Close() {
  phase_ = Phase::kDone;
  if (stream_) stream_->SetGone(false);
  stream_.reset();
}

void Http1::OnReady(Stream& stream) {
  if (&stream != stream_.get()) return;
  if (stream.aborted()) Close();
}

void Http1::Fill(Output& out) {
  if (!own_text_.empty()) {
    out.AppendText(own_text_);
    own_text_.clear();
  }
  if (stream_ && (phase_ == Phase::kAnswer || phase_ == Phase::kTunnel)) FillAnswer(out);
}

void Http1::FillAnswer(Output& out) {
  const std::shared_ptr<Stream> stream = stream_;
  if (!head_) {
    head_ = stream->TakeHead();
    if (!head_) return;
    const bool no_body =
        stream->request().method == "HEAD" || head_->status == 204 || head_->status == 304;
    framing_ = head_->upgrade         ? BodyFraming::kUpgrade
               : head_->status == 204 ? BodyFraming::kNone
               : head_->whole         ? BodyFraming::kLength
               : http_1_0_            ? BodyFraming::kUntilClose
                                      : BodyFraming::kChunked;
    if (framing_ == BodyFraming::kUntilClose) keep_ = false;
    if (framing_ == BodyFraming::kLength && head_->status == 304) framing_ = BodyFraming::kNone;
    keep_ = keep_ && !draining_;
    out.AppendText(FormatHead(head_->status, head_->headers, framing_, head_->length, keep_));
    if (head_->upgrade) phase_ = Phase::kTunnel;
    if (no_body && !head_->upgrade) {
      FinishAnswer(true);
      return;
    }
    if (end_ && !head_->whole && !head_->upgrade) {
      FinishAnswer(false);
      return;
    }
  }
  while (out.bytes() < kFillUpTo) {
    const Stream::Pending pending = stream->pending();
    const size_t bytes = std::min(pending.bytes, kFillUpTo);
    if (bytes > 0) {
      if (framing_ == BodyFraming::kChunked) out.AppendText(fmt::format("{:x}\r\n", bytes));
      stream->TakeBody(out, bytes);
      if (framing_ == BodyFraming::kChunked) out.Append(Buffer::Static("\r\n"));
    }
    if (pending.ended && bytes == pending.bytes) {
      if (framing_ == BodyFraming::kChunked) out.Append(Buffer::Static("0\r\n\r\n"));
      FinishAnswer(true);
      return;
    }
    if (bytes == 0) return;
  }
}

void Http1::FinishAnswer(bool whole) {
  const bool tunnel = phase_ == Phase::kTunnel;
  const std::shared_ptr<Stream> stream = std::move(stream_);
  stream_.reset();
  head_.reset();
  if (!keep_ || tunnel || !whole) {
    phase_ = Phase::kDone;
  } else {
    BeginIdle();
  }
  stream->SetGone(whole && !tunnel);
}

}  // namespace

std::unique_ptr<Protocol> MakeHttp1(Connection& connection) {
  return std::make_unique<Http1>(connection);
}

}  // namespace keelson::service
