// SPDX-License-Identifier: Apache-2.0
// A recursive-descent reader of RFC 8259: depth, size and count are bounded before anything is
// stored.
#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>

#include "lib/json/text.h"
#include "lib/json/value.h"

namespace keelson::json {
namespace {

// ASCII that stands for itself inside a string.
constexpr bool IsPlain(char c) { return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f; }

class JsonReader {
 public:
  JsonReader(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  base::Result<Value> Document() {
    Value value;
    SkipSpace();
    if (!Read(value, 0)) return *std::move(error_);
    SkipSpace();
    if (at_ != text_.size()) {
      (void)Bad("there is more after the end of the value");
      return *std::move(error_);
    }
    return value;
  }

 private:
  // False, for those who read to return: thousands of small results would cost more than the text.
  template <typename... Args>
  [[gnu::noinline, gnu::cold]] bool Bad(fmt::format_string<Args...> format, Args&&... args) {
    error_ = base::InvalidArgument("line {}: {}", line_,
                                   fmt::format(format, std::forward<Args>(args)...));
    return false;
  }

  void SkipSpace() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool Read(Value& out, size_t depth) {
    if (depth > limits_.depth) return Bad("nested deeper than {} levels", limits_.depth);
    if (++values_ > limits_.values) return Bad("more than {} values", limits_.values);
    if (at_ >= text_.size()) return Bad("the text ends before the value does");
    const int line = line_;
    switch (text_[at_]) {
      case '{':
        if (!ReadObject(out, depth)) return false;
        break;
      case '[':
        if (!ReadArray(out, depth)) return false;
        break;
      case '"': {
        std::string s;
        if (!ReadString(s)) return false;
        out = Value(std::move(s));
        break;
      }
      case 't':
        if (!TakeWord("true")) return Bad("not a JSON value");
        out = Value(true);
        break;
      case 'f':
        if (!TakeWord("false")) return Bad("not a JSON value");
        out = Value(false);
        break;
      case 'n':
        if (!TakeWord("null")) return Bad("not a JSON value");
        out = Value();
        break;
      default:
        if (!ReadNumber(out)) return false;
    }
    out.set_line(line);
    return true;
  }

  // Whether the last member's name is new. Few names are compared one by one, more are hashed.
  static bool IsNew(const std::vector<Value::Member>& members,
                    std::unordered_set<std::string>& names) {
    constexpr size_t kFew = 16;
    const std::string& name = members.back().first;
    if (members.size() <= kFew) {
      return std::none_of(members.begin(), members.end() - 1,
                          [&](const Value::Member& m) { return m.first == name; });
    }
    if (names.empty()) {
      for (size_t i = 0; i + 1 < members.size(); ++i) names.insert(members[i].first);
    }
    return names.insert(name).second;
  }

  bool ReadObject(Value& out, size_t depth) {
    ++at_;
    out = Value::Object();
    SkipSpace();
    if (Take('}')) return true;
    std::unordered_set<std::string> names;  // of an object with many members
    std::vector<Value::Member>& members = out.members();
    members.reserve(4);
    while (true) {
      SkipSpace();
      if (at_ >= text_.size() || text_[at_] != '"')
        return Bad("expected the name of a member in double quotes");
      Value::Member& member = members.emplace_back(std::string(), Value());
      if (!ReadString(member.first)) return false;
      if (!IsNew(members, names)) return Bad("key {} already set in map", Quote(member.first));
      SkipSpace();
      if (!Take(':')) return Bad("expected ':' after {}", Quote(member.first));
      SkipSpace();
      if (!Read(member.second, depth + 1)) return false;
      SkipSpace();
      if (Take('}')) return true;
      if (!Take(',')) return Bad("expected ',' or '}}'");
    }
  }

  bool ReadArray(Value& out, size_t depth) {
    ++at_;
    out = Value::Array();
    SkipSpace();
    if (Take(']')) return true;
    while (true) {
      SkipSpace();
      if (!Read(out.items().emplace_back(), depth + 1)) return false;
      SkipSpace();
      if (Take(']')) return true;
      if (!Take(',')) return Bad("expected ',' or ']'");
    }
  }

  bool ReadHex4(uint32_t& out) {
    if (text_.size() - at_ < 4) return Bad("\\u needs four hexadecimal digits");
    const char* first = text_.data() + at_;
    const auto result = std::from_chars(first, first + 4, out, 16);
    if (result.ec != std::errc() || result.ptr != first + 4 || *first == '-')
      return Bad("\\u needs four hexadecimal digits");
    at_ += 4;
    return true;
  }

  bool ReadEscape(std::string& out) {
    if (at_ >= text_.size()) return Bad("the text ends inside a string");
    switch (text_[at_++]) {
      case '"':
        out += '"';
        return true;
      case '\\':
        out += '\\';
        return true;
      case '/':
        out += '/';
        return true;
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case 'u':
        break;
      default:
        return Bad("unknown escape in a string");
    }
    uint32_t c = 0;
    if (!ReadHex4(c)) return false;
    if (c >= 0xDC00 && c <= 0xDFFF) return Bad("half of a surrogate pair");
    if (c >= 0xD800 && c <= 0xDBFF) {
      uint32_t low = 0;
      if (!TakeWord("\\u")) return Bad("half of a surrogate pair");
      if (!ReadHex4(low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return Bad("half of a surrogate pair");
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendUtf8(out, c);
    return true;
  }

  bool ReadString(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      const size_t from = at_;
      while (at_ < text_.size() && IsPlain(text_[at_])) ++at_;
      if (at_ > from) out.append(text_, from, at_ - from);
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        ++at_;
        if (!ReadEscape(out)) return false;
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20)
        return Bad("a control character inside a string must be escaped");
      const size_t n = Utf8Length(text_.substr(at_));
      if (n == 0) return Bad("invalid UTF-8");
      out.append(text_, at_, n);
      at_ += n;
    }
    return Bad("the text ends inside a string");
  }

  bool ReadNumber(Value& out) {
    const size_t start = at_;
    const auto digits = [this] {
      const size_t before = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ - before;
    };
    Take('-');
    const bool zero = at_ < text_.size() && text_[at_] == '0';
    const size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return Bad("not a JSON value");
    bool integer = true;
    if (Take('.')) {
      integer = false;
      if (digits() == 0) return Bad("a number needs digits after '.'");
    }
    if (Take('e') || Take('E')) {
      integer = false;
      if (!Take('+')) Take('-');
      if (digits() == 0) return Bad("a number needs digits after 'e'");
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    if (integer) {
      int64_t i = 0;
      if (std::from_chars(first, last, i).ec == std::errc()) {
        out = Value(i);
        return true;
      }
    }
    double d = 0;
    const auto result = std::from_chars(first, last, d);
    if (result.ec != std::errc()) return Bad("number out of range");
    out = Value(d);
    return true;
  }

  std::string_view text_;
  const Limits& limits_;
  size_t at_ = 0;
  size_t values_ = 0;
  int line_ = 1;
  std::optional<base::Error> error_;
};

}  // namespace

base::Result<Value> ParseJson(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes)
    return base::InvalidArgument("line 1: {} bytes, more than {}", text.size(), limits.bytes);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return JsonReader(text, limits).Document();
}

}  // namespace keelson::json
