// SPDX-License-Identifier: Apache-2.0
#include "lib/http/server/message.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "lib/base/percent.h"
#include "lib/base/strings.h"

namespace keelson::http {

namespace beast = boost::beast::http;
using base::Result;
using base::Status;

namespace {

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  if (text.find("%00") != std::string_view::npos) return std::nullopt;
  return base::PercentDecode(text, plus_is_space);
}

Status ParseTarget(std::string_view target, Request& request) {
  if (!target.starts_with('/'))
    return base::InvalidArgument("the request's target does not begin with '/'");
  const size_t mark = target.find('?');
  const std::optional<std::string> path = PercentDecode(target.substr(0, mark), false);
  if (!path) return base::InvalidArgument("the request's path is not percent-encoded correctly");
  request.path = *path;
  if (mark == std::string_view::npos) return {};
  for (const std::string_view pair : base::Split(target.substr(mark + 1), '&')) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::optional<std::string> name = PercentDecode(pair.substr(0, equals), true);
    const std::optional<std::string> value = equals == std::string_view::npos
                                                 ? std::string()
                                                 : PercentDecode(pair.substr(equals + 1), true);
    if (!name || !value)
      return base::InvalidArgument("the request's query is not percent-encoded correctly");
    request.query.emplace(*name, *value);
  }
  return {};
}

struct RequestParser::State {
  beast::request_parser<beast::string_body> parser;
  bool continued = false;
};

RequestParser::RequestParser(size_t max_header_bytes, size_t max_body_bytes)
    : state_(std::make_unique<State>()) {
  state_->parser.header_limit(static_cast<std::uint32_t>(max_header_bytes));
  state_->parser.body_limit(max_body_bytes);
  state_->parser.eager(true);
}
RequestParser::~RequestParser() = default;

Result<bool> RequestParser::Feed(std::string& buffer) {
  auto& parser = state_->parser;
  while (!buffer.empty() && !parser.is_done()) {
    boost::system::error_code error;
    const size_t taken = parser.put(boost::asio::buffer(buffer), error);
    buffer.erase(0, taken);
    if (error == beast::error::need_more) break;
    if (error == beast::error::header_limit)
      return base::ResourceExhausted("the request's headers are too large");
    if (error == beast::error::body_limit)
      return base::ResourceExhausted("the request's body is too large");
    if (error) return base::InvalidArgument("not an HTTP/1.1 request: {}", error.message());
  }
  if (!parser.is_done()) return false;
  auto& message = parser.get();
  request_ = {};
  request_.method = View(message.method_string());
  for (const auto& field : message) {
    request_.headers.emplace(base::ToLower(View(field.name_string())), View(field.value()));
  }
  RETURN_IF_ERROR(ParseTarget(View(message.target()), request_));
  request_.body = std::move(message.body());
  return true;
}

bool RequestParser::wants_continue() const {
  const auto& parser = state_->parser;
  if (state_->continued || !parser.is_header_done() || parser.is_done()) return false;
  const auto expect = parser.get().find("Expect");
  state_->continued =
      expect != parser.get().end() && base::ToLower(View(expect->value())) == "100-continue";
  return state_->continued;
}
bool RequestParser::keep_alive() const { return state_->parser.get().keep_alive(); }
bool RequestParser::is_http_1_0() const { return state_->parser.get().version() < 11; }

std::string FormatHead(const Response& response, Framing framing, bool keep_alive) {
  const auto reason = beast::obsolete_reason(static_cast<beast::status>(response.status));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, View(reason));
  const auto add = [&head](std::string_view name, std::string_view value) {
    if (base::ContainsControlCharacter(name) || base::ContainsControlCharacter(value)) return;
    head.append(name).append(": ").append(value).append("\r\n");
  };
  add("Content-Type", response.content_type);
  add("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) add(name, value);
  if (framing == Framing::kLength) add("Content-Length", std::to_string(response.body.size()));
  if (framing == Framing::kChunked) add("Transfer-Encoding", "chunked");
  add("Connection", keep_alive ? "keep-alive" : "close");
  return head + "\r\n";
}

std::string FormatChunk(std::string_view piece) {
  return fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
}

}  // namespace keelson::http
