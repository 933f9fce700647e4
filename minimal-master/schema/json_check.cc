// SPDX-License-Identifier: Apache-2.0
// The grammar of RFC 8259 with the refusals of Go's scanner, without recursion.
#include <fmt/core.h>

#include <array>
#include <cctype>
#include <string>

#include "lib/json/text.h"
#include "minimal-master/schema/decode.h"

namespace keelson::schema {
namespace {

// Letters of a string that need no second look.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> out{};
  for (size_t c = 0x20; c < out.size(); ++c) out[c] = c != '"' && c != '\\';
  return out;
}();

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  base::Status Run() {
    SkipSpace();
    RETURN_IF_ERROR(Value());
    while (depth_ > 0) {
      SkipSpace();
      if (End()) return UnexpectedEnd();
      const char open = stack_[depth_ - 1];
      const char close = open == '{' ? '}' : ']';
      if (text_[at_] == close) {
        ++at_;
        stack_.pop_back();
        --depth_;
        continue;
      }
      if (text_[at_] != ',')
        return Bad(open == '{' ? "after object key:value pair" : "after array element");
      ++at_;
      SkipSpace();
      if (open == '{') RETURN_IF_ERROR(Key());
      RETURN_IF_ERROR(Value());
    }
    SkipSpace();
    if (!End()) return Bad("after top-level value");
    return base::Ok();
  }

 private:
  bool End() const { return at_ >= text_.size(); }
  static base::Error UnexpectedEnd() {
    return base::InvalidArgument("unexpected end of JSON input");
  }
  base::Error Bad(std::string_view context) const {
    const auto c = static_cast<unsigned char>(text_[at_]);
    std::string quoted;
    if (c == '\'') {
      quoted = R"('\'')";
    } else if (c == '"') {
      quoted = R"('"')";
    } else if (c == '\\') {
      quoted = R"('\\')";
    } else if (c == '\n') {
      quoted = R"('\n')";
    } else if (c == '\t') {
      quoted = R"('\t')";
    } else if (c == '\r') {
      quoted = R"('\r')";
    } else if (c < 0x20 || c == 0x7f) {
      quoted = fmt::format("'\\x{:02x}'", c);
    } else if (c >= 0x80 && c < 0xa0) {
      quoted = fmt::format("'\\u{:04x}'", c);
    } else {
      quoted = "'";
      json::AppendUtf8(quoted, c);
      quoted += "'";
    }
    return base::InvalidArgument("invalid character {} {}", quoted, context);
  }
  void SkipSpace() {
    while (!End() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  // A scalar whole, or the start of an array or object up to and without the first value's end.
  base::Status Value() {
    while (true) {
      SkipSpace();
      if (End()) return UnexpectedEnd();
      switch (text_[at_]) {
        case '{':
          RETURN_IF_ERROR(Push('{'));
          SkipSpace();
          if (End()) return UnexpectedEnd();
          if (text_[at_] == '}') return base::Ok();  // Run() closes it
          RETURN_IF_ERROR(Key());
          continue;
        case '[':
          RETURN_IF_ERROR(Push('['));
          SkipSpace();
          if (!End() && text_[at_] == ']') return base::Ok();
          continue;
        case '"':
          return String();
        case 't':
          return Word("true");
        case 'f':
          return Word("false");
        case 'n':
          return Word("null");
        default:
          return Number();
      }
    }
  }

  base::Status Push(char open) {
    if (depth_ >= kMaxDepth) return Bad("exceeded max depth");
    stack_.push_back(open);
    ++depth_;
    ++at_;
    return base::Ok();
  }

  base::Status Key() {
    if (End()) return UnexpectedEnd();
    if (text_[at_] != '"') return Bad("looking for beginning of object key string");
    RETURN_IF_ERROR(String());
    SkipSpace();
    if (End()) return UnexpectedEnd();
    if (text_[at_] != ':') return Bad("after object key");
    ++at_;
    return base::Ok();
  }

  base::Status String() {
    ++at_;
    while (true) {
      while (!End() && kPlain[static_cast<unsigned char>(text_[at_])]) ++at_;
      if (End()) return UnexpectedEnd();
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return base::Ok();
      }
      if (c != '\\') return Bad("in string literal");
      ++at_;
      if (End()) return UnexpectedEnd();
      if (std::string_view("bfnrt\\/\"").find(text_[at_]) != std::string_view::npos) {
        ++at_;
        continue;
      }
      if (text_[at_] != 'u') return Bad("in string escape code");
      ++at_;
      for (int i = 0; i < 4; ++i, ++at_) {
        if (End()) return UnexpectedEnd();
        if (std::isxdigit(static_cast<unsigned char>(text_[at_])) == 0)
          return Bad("in \\u hexadecimal character escape");
      }
    }
  }

  base::Status Word(std::string_view word) {
    for (size_t i = 0; i < word.size(); ++i, ++at_) {
      if (End()) return UnexpectedEnd();
      if (text_[at_] != word[i])
        return Bad(fmt::format("in literal {} (expecting '{}')", word, word[i]));
    }
    return base::Ok();
  }

  bool Digit() const { return !End() && text_[at_] >= '0' && text_[at_] <= '9'; }
  base::Status Number() {
    if (text_[at_] == '-') {
      ++at_;
      if (End()) return UnexpectedEnd();
      if (!Digit()) return Bad("in numeric literal");
    } else if (!Digit()) {
      return Bad("looking for beginning of value");
    }
    if (text_[at_] == '0') {
      ++at_;
    } else {
      while (Digit()) ++at_;
    }
    if (!End() && text_[at_] == '.') {
      ++at_;
      if (End()) return UnexpectedEnd();
      if (!Digit()) return Bad("after decimal point in numeric literal");
      while (Digit()) ++at_;
    }
    if (!End() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (!End() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (End()) return UnexpectedEnd();
      if (!Digit()) return Bad("in exponent of numeric literal");
      while (Digit()) ++at_;
    }
    return base::Ok();
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
  std::string stack_;
};

}  // namespace

base::Status CheckJson(std::string_view json) { return Checker(json).Run(); }

}  // namespace keelson::schema
