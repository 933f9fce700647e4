// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/json_text.h"

#include <charconv>
#include <unordered_map>

#include "lib/json/text.h"
#include "minimal-master/schema/decode.h"

namespace keelson::schema {
namespace {

uint32_t Hex4(std::string_view text) {
  uint32_t out = 0;
  text = text.substr(0, 4);
  std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return out;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string_view TokenName(Token token) {
  switch (token) {
    case Token::kNull:
      return "null";
    case Token::kBool:
      return "bool";
    case Token::kNumber:
      return "number";
    case Token::kString:
      return "string";
    case Token::kArray:
      return "array";
    case Token::kObject:
      break;
  }
  return "object";
}

void JsonCursor::SkipSpace() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
    ++at_;
}

Token JsonCursor::Peek() {
  SkipSpace();
  switch (at_ < text_.size() ? text_[at_] : 'n') {
    case '{':
      return Token::kObject;
    case '[':
      return Token::kArray;
    case '"':
      return Token::kString;
    case 't':
    case 'f':
      return Token::kBool;
    case 'n':
      return Token::kNull;
    default:
      return Token::kNumber;
  }
}

void JsonCursor::Enter() {
  SkipSpace();
  ++at_;
  first_ = true;
}

bool JsonCursor::Next(char close) {
  SkipSpace();
  if (at_ >= text_.size()) return false;
  if (text_[at_] == close) {
    ++at_;
    first_ = false;  // the array or object around it has this one
    return false;
  }
  if (!first_) ++at_;  // the comma
  first_ = false;
  return true;
}

bool JsonCursor::NextKey(std::string& key) {
  if (!Next('}')) return false;
  SkipSpace();
  key = String();
  SkipSpace();
  ++at_;  // the colon
  return true;
}

bool JsonCursor::NextItem() { return Next(']'); }

std::string JsonCursor::String() {
  SkipSpace();
  const size_t start = ++at_;
  // Mostly plain text.
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
         static_cast<unsigned char>(text_[at_]) < 0x80)
    ++at_;
  std::string out(text_.substr(start, at_ - start));
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      break;
    }
    if (c != '\\') {
      const size_t n = json::Utf8Length(text_.substr(at_));
      n == 0 ? out.append(kReplacement) : out.append(text_, at_, n);
      at_ += n == 0 ? 1 : n;
      continue;
    }
    const char escape = text_[at_ + 1];
    at_ += 2;
    static constexpr std::string_view kFrom = "bfnrt";
    static constexpr std::string_view kTo = "\b\f\n\r\t";
    if (escape != 'u') {
      const size_t known = kFrom.find(escape);
      out += known == std::string_view::npos ? escape : kTo[known];
      continue;
    }
    uint32_t code = Hex4(text_.substr(at_));
    at_ += 4;
    if (code >= 0xD800 && code <= 0xDFFF) {
      uint32_t low = 0;
      if (code <= 0xDBFF && text_.substr(at_).starts_with("\\u")) low = Hex4(text_.substr(at_ + 2));
      if (low >= 0xDC00 && low <= 0xDFFF) {
        at_ += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else {
        code = 0xFFFD;
      }
    }
    json::AppendUtf8(out, code);
  }
  return out;
}

std::string_view JsonCursor::Number() {
  SkipSpace();
  const size_t start = at_;
  while (at_ < text_.size() &&
         (std::string_view("+-.eE").find(text_[at_]) != std::string_view::npos ||
          (text_[at_] >= '0' && text_[at_] <= '9')))
    ++at_;
  return text_.substr(start, at_ - start);
}

bool JsonCursor::Bool() {
  SkipSpace();
  const bool value = text_[at_] == 't';
  at_ += value ? 4 : 5;
  return value;
}

void JsonCursor::Null() {
  SkipSpace();
  at_ += 4;
}

std::string_view JsonCursor::Skip() {
  SkipSpace();
  const size_t start = at_;
  size_t depth = 0;
  do {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '\0') break;
    if (c == '"') {
      for (++at_; text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\') ++at_;
      }
      ++at_;
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at_;
    } else if (c == '}' || c == ']') {
      --depth;
      ++at_;
    } else if (depth == 0) {
      while (at_ < text_.size() &&
             std::string_view(" \t\r\n,]}").find(text_[at_]) == std::string_view::npos)
        ++at_;
    } else {
      ++at_;
    }
  } while (depth > 0);
  return text_.substr(start, at_ - start);
}

json::Value JsonCursor::Any() {
  switch (Peek()) {
    case Token::kNull:
      Null();
      return {};
    case Token::kBool:
      return json::Value(Bool());
    case Token::kNumber:
      return NumberValue(Number());
    case Token::kString:
      return json::Value(String());
    case Token::kArray: {
      json::Value out = json::Value::Array();
      Enter();
      while (NextItem()) out.items().push_back(Any());
      return out;
    }
    case Token::kObject:
      break;
  }
  json::Value out = json::Value::Object();
  std::unordered_map<std::string, size_t> places;  // for large objects
  auto& members = out.members();
  std::string key;
  Enter();
  while (NextKey(key)) {
    json::Value value = Any();
    json::Value* known = nullptr;
    if (members.size() < 16) {
      known = out.Find(key);
    } else {
      if (places.empty()) {
        for (size_t i = 0; i < members.size(); ++i) places.emplace(members[i].first, i);
      }
      const auto [place, added] = places.emplace(key, members.size());
      if (!added) known = &members[place->second].second;
    }
    if (known != nullptr) {
      *known = std::move(value);
    } else {
      members.emplace_back(std::move(key), std::move(value));
    }
  }
  return out;
}

bool ParseInt(std::string_view text, int64_t& out) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

json::Value NumberValue(std::string_view text) {
  int64_t i = 0;
  if (ParseInt(text, i)) return json::Value(i);
  double d = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), d);
  if (result.ec == std::errc::result_out_of_range) d = 0;  // callers refuse it where it matters
  return json::Value(d);
}

void AppendQuoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  size_t start = 0;
  size_t at = 0;
  const auto flush = [&] { out.append(text, start, at - start); };
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&') {
      ++at;
      continue;
    }
    if (c >= 0x80) {
      const size_t n = json::Utf8Length(text.substr(at));
      const bool separator = n == 3 && c == 0xE2 && text[at + 1] == '\x80' &&
                             (text[at + 2] == '\xA8' || text[at + 2] == '\xA9');
      if (n != 0 && !separator) {
        at += n;
        continue;
      }
      flush();
      out += n == 0 ? "\\ufffd" : text[at + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      at += n == 0 ? 1 : n;
      start = at;
      continue;
    }
    flush();
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
    start = ++at;
  }
  flush();
  out += '"';
}

std::string QuoteForMessage(std::string_view text) { return json::Quote(text); }

base::Result<json::Value> DecodeAny(std::string_view json) {
  RETURN_IF_ERROR(CheckJson(json));
  return JsonCursor(json).Any();
}

}  // namespace keelson::schema
