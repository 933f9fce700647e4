// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/program_log.h"

#include <cstdint>

#include "lib/base/strings.h"

namespace keelson::oci {
namespace {

constexpr size_t kMost = 2000;

std::string MessageOf(std::string_view line) {
  size_t at = line.find("\"msg\":");
  if (at == std::string_view::npos) return "";
  at = line.find('"', at + 6);
  if (at == std::string_view::npos) return "";
  std::string out;
  for (size_t i = at + 1; i < line.size() && line[i] != '"' && out.size() < kMost; ++i) {
    if (line[i] != '\\' || i + 1 >= line.size()) {
      out += line[i];
      continue;
    }
    const char escaped = line[++i];
    if (escaped == 'n' || escaped == 't' || escaped == 'r') {
      out += ' ';
    } else if (escaped == 'u' && i + 4 < line.size()) {
      uint32_t code = 0;
      for (int k = 1; k <= 4; ++k) {
        const char c = line[i + static_cast<size_t>(k)];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : 0;
        code = code * 16 + static_cast<uint32_t>(digit);
      }
      out += code >= 0x20 && code < 0x7f ? static_cast<char>(code) : '?';
      i += 4;
    } else {
      out += escaped;
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

std::string ErrorIn(std::string_view log) {
  std::string last, error;
  for (const std::string_view line : base::Split(log, '\n')) {
    std::string message = MessageOf(line);
    if (message.empty()) continue;
    if (line.find("\"level\":\"error\"") != std::string_view::npos ||
        line.find("\"level\":\"fatal\"") != std::string_view::npos)
      error = message;
    last = std::move(message);
  }
  return error.empty() ? last : error;
}

}  // namespace keelson::oci
