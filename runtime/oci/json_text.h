// SPDX-License-Identifier: Apache-2.0
// JSON as text, written from front to back: for the static monitor, which has no JSON library and
// reads none. Commas are put where they belong; nesting is the caller's to close. Bytes that are
// not UTF-8 stay as they are: environments may hold any. Value type, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::oci {

class JsonText {
 public:
  JsonText& Open(char bracket) {  // '{' or '['
    Separate();
    text_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& Close(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  JsonText& Key(std::string_view name) {
    Separate();
    Quote(name);
    text_ += ':';
    first_ = true;  // no comma before the value
    return *this;
  }
  JsonText& String(std::string_view text) {
    Separate();
    Quote(text);
    return *this;
  }
  JsonText& Number(int64_t number) { return Raw(std::to_string(number)); }
  JsonText& Unsigned(uint64_t number) { return Raw(std::to_string(number)); }
  JsonText& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonText& Raw(std::string_view json) {
    Separate();
    text_ += json;
    return *this;
  }
  JsonText& Strings(const std::vector<std::string>& items) {
    Open('[');
    for (const std::string& item : items) String(item);
    return Close(']');
  }
  std::string Take() { return std::move(text_); }

 private:
  void Separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }
  void Quote(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    text_ += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += c;
      } else if (byte < 0x20) {
        text_ += "\\u00";
        text_ += kHex[byte >> 4];
        text_ += kHex[byte & 15];
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  std::string text_;
  bool first_ = true;
};

}  // namespace keelson::oci
