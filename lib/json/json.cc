// SPDX-License-Identifier: Apache-2.0
// A recursive-descent reader of RFC 8259: depth, size and count are bounded before anything is
// stored.
#include <charconv>
#include <unordered_set>

#include "lib/json/text.h"
#include "lib/json/value.h"

namespace keelson::json {
namespace {

class JsonReader {
 public:
  JsonReader(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  base::Result<Value> Document() {
    Value value;
    SkipSpace();
    RETURN_IF_ERROR(Read(value, 0));
    SkipSpace();
    if (at_ != text_.size()) return Bad("there is more after the end of the value");
    return value;
  }

 private:
  template <typename... Args>
  base::Error Bad(fmt::format_string<Args...> format, Args&&... args) const {
    return base::InvalidArgument("line {}: {}", line_,
                                 fmt::format(format, std::forward<Args>(args)...));
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

  base::Status Read(Value& out, size_t depth) {
    if (depth > limits_.depth) return Bad("nested deeper than {} levels", limits_.depth);
    if (++values_ > limits_.values) return Bad("more than {} values", limits_.values);
    if (at_ >= text_.size()) return Bad("the text ends before the value does");
    const int line = line_;
    switch (text_[at_]) {
      case '{':
        RETURN_IF_ERROR(ReadObject(out, depth));
        break;
      case '[':
        RETURN_IF_ERROR(ReadArray(out, depth));
        break;
      case '"': {
        std::string s;
        RETURN_IF_ERROR(ReadString(s));
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
        RETURN_IF_ERROR(ReadNumber(out));
    }
    out.set_line(line);
    return base::Ok();
  }

  base::Status ReadObject(Value& out, size_t depth) {
    ++at_;
    out = Value::Object();
    std::unordered_set<std::string> keys;  // only of those that have many
    SkipSpace();
    if (Take('}')) return base::Ok();
    while (true) {
      SkipSpace();
      if (at_ >= text_.size() || text_[at_] != '"')
        return Bad("expected the name of a member in double quotes");
      std::string key;
      RETURN_IF_ERROR(ReadString(key));
      if (IsRepeated(key, out, keys)) return Bad("key {} already set in map", Quote(key));
      SkipSpace();
      if (!Take(':')) return Bad("expected ':' after {}", Quote(key));
      SkipSpace();
      Value value;
      RETURN_IF_ERROR(Read(value, depth + 1));
      out.members().emplace_back(std::move(key), std::move(value));
      SkipSpace();
      if (Take('}')) return base::Ok();
      if (!Take(',')) return Bad("expected ',' or '}}'");
    }
  }

  static bool IsRepeated(const std::string& key, const Value& object,
                         std::unordered_set<std::string>& keys) {
    constexpr size_t kFew = 16;  // are compared one by one
    if (object.members().size() < kFew) return object.Find(key) != nullptr;
    if (keys.empty()) {
      for (const auto& [name, value] : object.members()) keys.insert(name);
    }
    return !keys.insert(key).second;
  }

  base::Status ReadArray(Value& out, size_t depth) {
    ++at_;
    out = Value::Array();
    SkipSpace();
    if (Take(']')) return base::Ok();
    while (true) {
      SkipSpace();
      Value value;
      RETURN_IF_ERROR(Read(value, depth + 1));
      out.items().push_back(std::move(value));
      SkipSpace();
      if (Take(']')) return base::Ok();
      if (!Take(',')) return Bad("expected ',' or ']'");
    }
  }

  base::Status ReadHex4(uint32_t& out) {
    if (text_.size() - at_ < 4) return Bad("\\u needs four hexadecimal digits");
    const char* first = text_.data() + at_;
    const auto result = std::from_chars(first, first + 4, out, 16);
    if (result.ec != std::errc() || result.ptr != first + 4 || *first == '-')
      return Bad("\\u needs four hexadecimal digits");
    at_ += 4;
    return base::Ok();
  }

  base::Status ReadEscape(std::string& out) {
    if (at_ >= text_.size()) return Bad("the text ends inside a string");
    switch (text_[at_++]) {
      case '"':
        out += '"';
        return base::Ok();
      case '\\':
        out += '\\';
        return base::Ok();
      case '/':
        out += '/';
        return base::Ok();
      case 'b':
        out += '\b';
        return base::Ok();
      case 'f':
        out += '\f';
        return base::Ok();
      case 'n':
        out += '\n';
        return base::Ok();
      case 'r':
        out += '\r';
        return base::Ok();
      case 't':
        out += '\t';
        return base::Ok();
      case 'u':
        break;
      default:
        return Bad("unknown escape in a string");
    }
    uint32_t c = 0;
    RETURN_IF_ERROR(ReadHex4(c));
    if (c >= 0xDC00 && c <= 0xDFFF) return Bad("half of a surrogate pair");
    if (c >= 0xD800 && c <= 0xDBFF) {
      uint32_t low = 0;
      if (!TakeWord("\\u")) return Bad("half of a surrogate pair");
      RETURN_IF_ERROR(ReadHex4(low));
      if (low < 0xDC00 || low > 0xDFFF) return Bad("half of a surrogate pair");
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendUtf8(out, c);
    return base::Ok();
  }

  // Of a string: stands for itself.
  static bool IsPlain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

  base::Status ReadString(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      size_t end = at_;
      while (end < text_.size() && IsPlain(text_[end])) ++end;
      out.append(text_, at_, end - at_);
      at_ = end;
      if (at_ >= text_.size()) break;
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return base::Ok();
      }
      if (c == '\\') {
        ++at_;
        RETURN_IF_ERROR(ReadEscape(out));
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

  base::Status ReadNumber(Value& out) {
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
        return base::Ok();
      }
    }
    double d = 0;
    const auto result = std::from_chars(first, last, d);
    if (result.ec != std::errc()) return Bad("number out of range");
    out = Value(d);
    return base::Ok();
  }

  std::string_view text_;
  const Limits& limits_;
  size_t at_ = 0;
  size_t values_ = 0;
  int line_ = 1;
};

}  // namespace

base::Result<Value> ParseJson(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes)
    return base::InvalidArgument("line 1: {} bytes, more than {}", text.size(), limits.bytes);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return JsonReader(text, limits).Document();
}

}  // namespace keelson::json
