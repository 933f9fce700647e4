// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/http1_head.h"

#include <fmt/core.h>

#include <ctime>

#include "lib/base/strings.h"

namespace keelson::service {

std::string HttpDate() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  thread_local std::time_t last = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != last) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    text = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday], parts.tm_mday,
                       kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                       parts.tm_sec);
    last = now;
  }
  return text;
}

std::string FormatHead(int status, const Fields& headers, BodyFraming framing, size_t length,
                       bool keep_alive) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, ReasonPhrase(status));
  const auto add = [&head](std::string_view name, std::string_view value) {
    if (base::ContainsControlCharacter(name) || base::ContainsControlCharacter(value)) return;
    head.append(name).append(": ").append(value).append("\r\n");
  };
  for (const auto& [name, value] : headers) {
    const std::string lower = base::ToLower(name);
    if (lower == "content-length" || lower == "transfer-encoding") continue;
    if (lower == "connection" && framing != BodyFraming::kUpgrade) continue;
    add(name, value);
  }
  if (framing == BodyFraming::kUpgrade) return head + "\r\n";
  add("Date", HttpDate());
  if (framing == BodyFraming::kLength) add("Content-Length", std::to_string(length));
  if (framing == BodyFraming::kChunked) add("Transfer-Encoding", "chunked");
  if (!keep_alive) add("Connection", "close");
  return head + "\r\n";
}

}  // namespace keelson::service
