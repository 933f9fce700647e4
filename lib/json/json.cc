// SPDX-License-Identifier: Apache-2.0
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::json {
namespace {

// Builds our values from Boost.JSON's events; refuses duplicate keys, which its own values would swallow.
struct Handler {
  static constexpr size_t max_object_size = SIZE_MAX, max_array_size = SIZE_MAX, max_key_size = SIZE_MAX, max_string_size = SIZE_MAX;
  using Code = boost::json::error_code;
  using Text = boost::json::string_view;

  const Limits* limits = nullptr;
  std::vector<Value> stack;
  std::vector<std::string> keys;
  std::string text;
  std::string refused;
  Value root;
  size_t values = 0;

  bool Refuse(Code& code, std::string why) {
    refused = std::move(why);
    code = boost::json::error::syntax;
    return false;
  }
  bool Put(Value value, Code& code) {
    if (++values > limits->values) return Refuse(code, "too many values");
    if (stack.empty()) {
      root = std::move(value);
    } else if (stack.back().IsArray()) {
      stack.back().Append(std::move(value));
    } else {
      stack.back().members().emplace_back(std::move(keys.back()), std::move(value));
      keys.pop_back();
    }
    return true;
  }
  bool Open(Value value) {
    stack.push_back(std::move(value));
    return true;
  }
  bool Close(Code& code) {
    Value value = std::move(stack.back());
    stack.pop_back();
    return Put(std::move(value), code);
  }

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return Open(Value::Object()); }
  bool on_object_end(size_t, Code& code) { return Close(code); }
  bool on_array_begin(Code&) { return Open(Value::Array()); }
  bool on_array_end(size_t, Code& code) { return Close(code); }
  bool on_key_part(Text part, size_t, Code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, size_t, Code& code) {
    text.append(part.data(), part.size());
    if (stack.back().Find(text) != nullptr) return Refuse(code, "duplicate key \"" + text + "\"");
    keys.push_back(std::move(text));
    text.clear();
    return true;
  }
  bool on_string_part(Text part, size_t, Code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(Text part, size_t, Code& code) {
    text.append(part.data(), part.size());
    Value value(std::move(text));
    text.clear();
    return Put(std::move(value), code);
  }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(int64_t number, Text, Code& code) { return Put(Value(number), code); }
  bool on_uint64(uint64_t number, Text, Code& code) { return Put(Value(static_cast<double>(number)), code); }
  bool on_double(double number, Text, Code& code) { return Put(Value(number), code); }
  bool on_bool(bool value, Code& code) { return Put(Value(value), code); }
  bool on_null(Code& code) { return Put(Value(), code); }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
};

void WriteString(const std::string& text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[(c >> 4) & 15];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void Write(const Value& value, bool pretty, size_t indent, std::string& out) {
  const auto line = [&](size_t depth) {
    if (pretty) out.append("\n").append(depth * 2, ' ');
  };
  switch (value.kind()) {
    case Value::Kind::kNull: out += "null"; return;
    case Value::Kind::kBool: out += value.AsBool() ? "true" : "false"; return;
    case Value::Kind::kInt: out += std::to_string(value.AsInt()); return;
    case Value::Kind::kDouble: {
      char buffer[40];
      const double number = std::isfinite(value.AsDouble()) ? value.AsDouble() : 0;
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
      out.append(buffer, end);
      return;
    }
    case Value::Kind::kString: WriteString(value.AsString(), out); return;
    case Value::Kind::kArray: {
      if (value.items().empty()) {
        out += "[]";
        return;
      }
      out += '[';
      bool first = true;
      for (const Value& item : value.items()) {
        if (!first) out += ',';
        first = false;
        line(indent + 1);
        Write(item, pretty, indent + 1, out);
      }
      line(indent);
      out += ']';
      return;
    }
    case Value::Kind::kObject: {
      if (value.members().empty()) {
        out += "{}";
        return;
      }
      out += '{';
      bool first = true;
      for (const auto& [key, member] : value.members()) {
        if (!first) out += ',';
        first = false;
        line(indent + 1);
        WriteString(key, out);
        out += pretty ? ": " : ":";
        Write(member, pretty, indent + 1, out);
      }
      line(indent);
      out += '}';
      return;
    }
  }
}

}  // namespace

base::Result<Value> ParseJson(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) return base::InvalidArgument("{} bytes are more than the {} that are read", text.size(), limits.bytes);
  boost::json::parse_options options;
  options.max_depth = limits.depth;
  boost::json::basic_parser<Handler> parser(options);
  parser.handler().limits = &limits;
  boost::json::error_code code;
  const size_t read = parser.write_some(false, text.data(), text.size(), code);
  if (!code && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos) code = boost::json::error::extra_data;
  if (code) {
    const auto lines = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(read), '\n') + 1;
    const std::string& refused = parser.handler().refused;
    return base::InvalidArgument("line {}: {}", lines, refused.empty() ? "not JSON: " + code.message() : refused);
  }
  return std::move(parser.handler().root);
}

std::string WriteJson(const Value& value, bool pretty) {
  std::string out;
  Write(value, pretty, 0, out);
  return out;
}

}  // namespace keelson::json
