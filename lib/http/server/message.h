// SPDX-License-Identifier: Apache-2.0
// Requests out of bytes, answers' heads into bytes. No descriptors, no time. Each object belongs to
// one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/http/server/server.h"

namespace keelson::http {

// Nothing where a '%' is not followed by two hexadecimal digits or a zero byte comes out.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);
// "/a%20b?x=1&y" as path and query of the request; InvalidArgument names what is wrong.
base::Status ParseTarget(std::string_view target, Request& request);

class RequestParser {
 public:
  RequestParser(size_t max_header_bytes, size_t max_body_bytes);
  ~RequestParser();

  // Takes from the front of `buffer`. True: request() is whole, and what is left in the buffer
  // belongs to the next one. InvalidArgument: not HTTP; ResourceExhausted: too large.
  base::Result<bool> Feed(std::string& buffer);
  bool wants_continue() const;  // the head is there and asks for "100 Continue" before the body
  // After Feed() gave true.
  Request& request() { return request_; }
  bool keep_alive() const;
  bool is_http_1_0() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  Request request_;
};

enum class Framing { kLength, kChunked, kUntilClose };
// The status line and headers with the empty line after them. Headers with control characters are
// left out.
std::string FormatHead(const Response& response, Framing framing, bool keep_alive);
std::string FormatChunk(std::string_view piece);  // of an empty piece: the last chunk

}  // namespace keelson::http
