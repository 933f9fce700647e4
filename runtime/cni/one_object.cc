// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/result.h"

namespace keelson::cni {
namespace {

constexpr size_t kMostDepth = 64;

// The place after a string that begins at `at`, or npos.
size_t AfterString(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '"') return at + 1;
    if (c < 0x20) return std::string_view::npos;
    if (c == '\\' && ++at == text.size()) return std::string_view::npos;
  }
  return std::string_view::npos;
}

// The place after a number or a word, or npos. Whether it is a number that others take is theirs to
// say: it holds nothing by which it could end early.
size_t AfterScalar(std::string_view text, size_t at) {
  for (const std::string_view word : {"true", "false", "null"})
    if (text.substr(at).starts_with(word)) return at + word.size();
  const size_t end = text.find_first_not_of("0123456789+-.eE", at);
  return end == at || end == std::string_view::npos ? std::string_view::npos : end;
}

}  // namespace

bool IsOneObject(std::string_view text) {
  enum class Next { kValue, kValueOrEnd, kKey, kKeyOrEnd, kColon, kCommaOrEnd };
  constexpr size_t kNone = std::string_view::npos;
  if (text.empty() || text[0] != '{') return false;
  std::string open = "{";  // the brackets that wait for their other half
  Next next = Next::kKeyOrEnd;
  for (size_t at = 1; at < text.size();) {
    const char c = text[at];
    const bool may_end =
        next == Next::kValueOrEnd || next == Next::kKeyOrEnd || next == Next::kCommaOrEnd;
    if (may_end && c == (open.back() == '{' ? '}' : ']')) {
      open.pop_back();
      ++at;
      if (open.empty()) return at == text.size();
      next = Next::kCommaOrEnd;
      continue;
    }
    switch (next) {
      case Next::kKey:
      case Next::kKeyOrEnd:
        if (c != '"' || (at = AfterString(text, at)) == kNone) return false;
        next = Next::kColon;
        break;
      case Next::kColon:
        if (c != ':') return false;
        ++at;
        next = Next::kValue;
        break;
      case Next::kCommaOrEnd:
        if (c != ',') return false;
        ++at;
        next = open.back() == '{' ? Next::kKey : Next::kValue;
        break;
      case Next::kValue:
      case Next::kValueOrEnd:
        if (c == '{' || c == '[') {
          if (open.size() == kMostDepth) return false;
          open += c;
          ++at;
          next = c == '{' ? Next::kKeyOrEnd : Next::kValueOrEnd;
          break;
        }
        at = c == '"' ? AfterString(text, at) : AfterScalar(text, at);
        if (at == kNone) return false;
        next = Next::kCommaOrEnd;
        break;
    }
  }
  return false;
}

}  // namespace keelson::cni
