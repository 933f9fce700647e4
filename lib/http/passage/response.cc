// SPDX-License-Identifier: Apache-2.0
#include "lib/http/passage/response.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace keelson::passage {
namespace {
namespace http = boost::beast::http;
constexpr uint32_t kMostHead = 64u << 10;
constexpr size_t kPiece = 16u << 10;
}  // namespace

struct ResponseReader::Parser {
  http::response_parser<http::buffer_body> http;
};

ResponseReader::ResponseReader(bool head_only) : parser_(std::make_unique<Parser>()) {
  parser_->http.header_limit(kMostHead);
  parser_->http.body_limit(boost::none);
  parser_->http.skip(head_only);
}
ResponseReader::~ResponseReader() = default;

base::Status ResponseReader::Put(std::string_view bytes, std::string& body) {
  auto& parser = parser_->http;
  waiting_.append(bytes);
  size_t used = 0;
  base::Status failed;
  std::array<char, kPiece> piece;
  while (!parser.is_done()) {
    boost::system::error_code error;
    const bool in_body = parser.is_header_done();
    if (in_body) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      parser.get().body().more = true;
    }
    const size_t taken =
        parser.put(boost::asio::buffer(waiting_.data() + used, waiting_.size() - used), error);
    used += taken;
    const size_t got = in_body ? piece.size() - parser.get().body().size : 0;
    body.append(piece.data(), got);
    if (error == http::error::need_more) break;
    if (error && error != http::error::need_buffer) {
      failed = base::Unavailable("malformed HTTP response: {}", error.message());
      break;
    }
    if (parser.is_header_done() && parser.get().result_int() < 100) {
      failed = base::Unavailable("malformed HTTP response: status {}", parser.get().result_int());
      break;
    }
    if (taken == 0 && got == 0 && in_body) break;
  }
  waiting_.erase(0, used);
  return failed;
}

bool ResponseReader::PutEnd() {
  auto& parser = parser_->http;
  if (parser.is_done()) return true;
  if (!parser.is_header_done() || !waiting_.empty()) return false;
  boost::system::error_code error;
  parser.put_eof(error);
  return !error;
}

bool ResponseReader::has_head() const { return parser_->http.is_header_done(); }
bool ResponseReader::whole() const { return parser_->http.is_done(); }

Head ResponseReader::head() const {
  Head head;
  const auto& message = parser_->http.get();
  head.status = static_cast<int>(message.result_int());
  for (const auto& field : message.base())
    head.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  return head;
}

}  // namespace keelson::passage
