// SPDX-License-Identifier: Apache-2.0
// JSON and YAML text of a value. What is written reads back as the same value.
#include <cmath>

#include "lib/json/scalar.h"
#include "lib/json/text.h"
#include "lib/json/value.h"

namespace keelson::json {
namespace {

std::string ScalarText(const Value& v) {
  switch (v.kind()) {
    case Value::Kind::kBool:
      return v.AsBool() ? "true" : "false";
    case Value::Kind::kInt:
      return std::to_string(v.AsInt());
    case Value::Kind::kDouble:
      return std::isfinite(v.AsDouble()) ? DoubleText(v.AsDouble()) : "null";
    case Value::Kind::kString:
      return Quote(v.AsString());
    default:
      return "null";
  }
}

void Json(std::string& out, const Value& v, bool pretty, size_t indent) {
  const auto newline = [&](size_t depth) {
    if (!pretty) return;
    out += '\n';
    out.append(depth * 2, ' ');
  };
  bool first = true;
  const auto separate = [&] {
    if (!first) out += ',';
    first = false;
    newline(indent + 1);
  };
  if (v.IsArray()) {
    out += '[';
    for (const Value& item : v.items()) {
      separate();
      Json(out, item, pretty, indent + 1);
    }
    if (!first) newline(indent);
    out += ']';
  } else if (v.IsObject()) {
    out += '{';
    for (const auto& [key, value] : v.members()) {
      separate();
      out += Quote(key);
      out += pretty ? ": " : ":";
      Json(out, value, pretty, indent + 1);
    }
    if (!first) newline(indent);
    out += '}';
  } else {
    out += ScalarText(v);
  }
}

// Printable ASCII and letters of other scripts, without what some YAML reader takes for a line end
// or for nothing.
bool IsPlainText(std::string_view text, bool newlines) {
  while (!text.empty()) {
    const size_t n = Utf8Length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    if (n == 0 || c == 0x7f || (c < 0x20 && !(newlines && c == '\n'))) return false;
    if (c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0) return false;  // C1 controls
    if (text.starts_with("\xE2\x80\xA8") || text.starts_with("\xE2\x80\xA9"))
      return false;                                      // separators
    if (text.starts_with("\xEF\xBB\xBF")) return false;  // byte order mark
    text.remove_prefix(n);
  }
  return true;
}

bool CanBePlain(std::string_view text) {
  if (text.empty() || !IsPlainText(text, false) || text.front() == ' ' || text.back() == ' ' ||
      text.back() == ':')
    return false;
  static constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`=<.";
  if (kIndicators.find(text.front()) != std::string_view::npos) {
    // "-x" and ".x" are ordinary; "- ", "---" and "..." are not.
    const bool ordinary = (text.front() == '-' || text.front() == '.') && text.size() > 1 &&
                          text[1] != ' ' && text[1] != text[0];
    if (!ordinary) return false;
  }
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos)
    return false;
  if (text.find_first_of("[]{},") != std::string_view::npos) return false;
  const std::optional<Value> value = ResolvePlainScalar(text);
  return value && value->IsString();
}

std::string YamlString(std::string_view text) {
  if (CanBePlain(text)) return std::string(text);
  std::string quoted = Quote(text);
  if (IsPlainText(text, true) || text.find('\t') != std::string_view::npos) {
    if (IsPlainText(quoted, false)) return quoted;
  }
  // Quote leaves these as they are, which is right for JSON.
  std::string out;
  for (std::string_view rest = quoted; !rest.empty();) {
    const size_t n = Utf8Length(rest);
    if (IsPlainText(rest.substr(0, n), false)) {
      out.append(rest, 0, n);
    } else {
      uint32_t c = static_cast<unsigned char>(rest[0]) & (n == 2 ? 0x1F : 0x0F);
      for (size_t i = 1; i < n; ++i) c = (c << 6) | (static_cast<unsigned char>(rest[i]) & 0x3F);
      out += fmt::format("\\u{:04x}", c);
    }
    rest.remove_prefix(n);
  }
  return out;
}

// Text of several lines as a literal block, if a block can hold it.
bool CanBeBlock(std::string_view text) {
  const size_t newline = text.find('\n');
  if (newline == std::string_view::npos || newline == 0 || text.front() == ' ') return false;
  return IsPlainText(text, true) && text.find(" \n") == std::string_view::npos &&
         text.back() != ' ';
}

void Block(std::string& out, std::string_view text, size_t indent) {
  const bool ends = text.back() == '\n';
  out += !ends ? "|-" : text.ends_with("\n\n") ? "|+" : "|";
  if (ends) text.remove_suffix(1);
  while (true) {
    const size_t end = text.find('\n');
    out += '\n';
    const std::string_view line = text.substr(0, end);
    if (!line.empty()) out.append(indent, ' ').append(line);
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

void Yaml(std::string& out, const Value& v, size_t indent);

// After "key:" or "-": on the same line if it is short, below otherwise.
void YamlAfter(std::string& out, const Value& v, size_t indent, bool in_list) {
  if (v.IsObject() && !v.members().empty()) {
    if (in_list) {
      out += ' ';
    } else {
      out += '\n';
      out.append(indent, ' ');
    }
    Yaml(out, v, indent);
  } else if (v.IsArray() && !v.items().empty()) {
    // A list stands below its key in the key's own column.
    const size_t column = in_list ? indent : indent - 2;
    if (in_list) {
      out += ' ';
    } else {
      out += '\n';
      out.append(column, ' ');
    }
    Yaml(out, v, column);
  } else {
    out += ' ';
    Yaml(out, v, indent);
  }
}

// The cursor stands in column `indent`.
void Yaml(std::string& out, const Value& v, size_t indent) {
  bool first = true;
  const auto next = [&] {
    if (!first) {
      out += '\n';
      out.append(indent, ' ');
    }
    first = false;
  };
  if (v.IsObject() && !v.members().empty()) {
    for (const auto& [key, value] : v.members()) {
      next();
      out += YamlString(key);
      out += ':';
      YamlAfter(out, value, indent + 2, false);
    }
  } else if (v.IsArray() && !v.items().empty()) {
    for (const Value& item : v.items()) {
      next();
      out += '-';
      YamlAfter(out, item, indent + 2, true);
    }
  } else if (v.IsObject()) {
    out += "{}";
  } else if (v.IsArray()) {
    out += "[]";
  } else if (v.IsString() && CanBeBlock(v.AsString())) {
    Block(out, v.AsString(), indent == 0 ? 2 : indent);
  } else {
    out += v.IsString() ? YamlString(v.AsString()) : ScalarText(v);
  }
}

}  // namespace

std::string WriteJson(const Value& value, bool pretty) {
  std::string out;
  Json(out, value, pretty, 0);
  return out;
}

std::string WriteYaml(const Value& value) {
  std::string out;
  Yaml(out, value, 0);
  out += '\n';
  return out;
}

}  // namespace keelson::json
