// SPDX-License-Identifier: Apache-2.0
#include "lib/http/server/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "lib/http/server/message.h"

namespace keelson::http {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock;

class Connection final : public BodyWriter {
 public:
  Connection(int socket, int stop_fd, const ServerOptions& options)
      : socket_(socket), stop_fd_(stop_fd), options_(options) {}

  // Appends what the client sent; false at its end, after `deadline`, and when the server stops.
  bool Read(std::string& buffer, Time::time_point deadline) {
    char bytes[8192];
    while (true) {
      const ssize_t got = recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (got > 0) {
        buffer.append(bytes, static_cast<size_t>(got));
        return true;
      }
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) return false;
      if (!Ready(POLLIN, deadline)) return false;
    }
  }

  bool Send(std::string_view bytes) {
    Time::time_point deadline = Time::now() + options_.write_timeout;
    while (!gone_ && !bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
        deadline = Time::now() + options_.write_timeout;
      } else {
        const bool broken = sent < 0 && errno != EAGAIN && errno != EINTR;
        gone_ = broken || !Ready(POLLOUT, deadline);
      }
    }
    return !gone_;
  }

  bool Write(std::string_view piece) override {
    if (piece.empty()) return !gone_;
    return chunked_ ? Send(FormatChunk(piece)) : Send(piece);
  }

  bool Wait(milliseconds time) override {
    const Time::time_point deadline = Time::now() + time;
    while (!gone_) {
      // A client that pipelines is not waiting for a stream: what it sends further does not end the
      // wait, its end does.
      pollfd fds[] = {{socket_, POLLRDHUP, 0}, {stop_fd_, POLLIN, 0}};
      const int ready = poll(fds, 2, Left(deadline));
      if (ready == 0) return true;
      if (ready > 0) gone_ = true;
    }
    return false;
  }

  void set_chunked(bool chunked) { chunked_ = chunked; }
  bool gone() const { return gone_; }

 private:
  static int Left(Time::time_point deadline) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Time::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
  }
  bool Ready(short events, Time::time_point deadline) const {
    while (true) {
      pollfd fds[] = {{socket_, events, 0}, {stop_fd_, POLLIN, 0}};
      const int ready = poll(fds, 2, Left(deadline));
      if (ready == 0 || (ready < 0 && errno != EINTR)) return false;
      if (ready > 0) return fds[1].revents == 0;
    }
  }

  const int socket_;
  const int stop_fd_;
  const ServerOptions& options_;
  bool chunked_ = false;
  bool gone_ = false;
};

Response ErrorResponse(int status, const std::string& message) {
  return {.status = status, .body = message + "\n"};
}

// The connection may be kept when true.
bool Answer(Connection& connection, RequestParser& parser, const Handler& handler, bool keep) {
  Response response;
  try {
    response = handler(parser.request());
  } catch (const std::exception& e) {  // a library's; ours throws nothing
    response = ErrorResponse(500, std::string("internal error: ") + e.what());
  }
  const bool head_only = parser.request().method == "HEAD";
  if (!response.stream) {
    std::string bytes = FormatHead(response, Framing::kLength, keep);
    if (!head_only) bytes += response.body;
    return connection.Send(bytes) && keep;
  }
  const Framing framing = parser.is_http_1_0() ? Framing::kUntilClose : Framing::kChunked;
  keep = keep && framing == Framing::kChunked;
  if (!connection.Send(FormatHead(response, framing, keep))) return false;
  if (head_only) return keep;
  connection.set_chunked(framing == Framing::kChunked);
  try {
    response.stream(connection);
  } catch (const std::exception&) {
    return false;  // without the last chunk the client sees that the answer is not whole
  }
  if (connection.gone()) return false;
  return framing == Framing::kChunked && connection.Send(FormatChunk("")) && keep;
}

}  // namespace

void ServeConnection(os::UniqueFd socket, int stop_fd, const ServerOptions& options,
                     const Handler& handler, const std::function<bool()>& crowded) {
  Connection connection(socket.get(), stop_fd, options);
  std::string buffer;
  bool keep = true;
  while (keep) {
    if (buffer.empty() && !connection.Read(buffer, Time::now() + options.idle_timeout)) return;
    const Time::time_point deadline = Time::now() + options.request_timeout;
    RequestParser parser(options.max_header_bytes, options.max_body_bytes);
    base::Result<bool> whole = parser.Feed(buffer);
    for (; whole.ok() && !*whole; whole = parser.Feed(buffer)) {
      if (parser.wants_continue() && !connection.Send("HTTP/1.1 100 Continue\r\n\r\n")) return;
      if (!connection.Read(buffer, deadline)) return;
    }
    if (!whole.ok()) {
      const int status = whole.error().code() == base::Code::kResourceExhausted ? 413 : 400;
      const Response refusal = ErrorResponse(status, whole.error().message());
      (void)connection.Send(FormatHead(refusal, Framing::kLength, false) + refusal.body);
      break;
    }
    keep = Answer(connection, parser, handler, parser.keep_alive() && !crowded());
  }
  // What the client has sent besides would turn our close into a reset that takes the answer's end
  // away from it.
  shutdown(socket.get(), SHUT_WR);
  const Time::time_point deadline = Time::now() + std::chrono::seconds(1);
  while (!connection.gone() && connection.Read(buffer, deadline) &&
         buffer.size() < options.max_body_bytes) {
  }
}

void Refuse(os::UniqueFd socket) {
  const Response refusal = ErrorResponse(503, "too many connections");
  const std::string bytes = FormatHead(refusal, Framing::kLength, false) + refusal.body;
  (void)send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace keelson::http
