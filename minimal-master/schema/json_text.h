// SPDX-License-Identifier: Apache-2.0
// JSON text as Go's reader sees it: a check of the whole text first, with Go's words, then a cursor
// that trusts it. Strings that are not UTF-8 get U+FFFD in place of what is wrong. Pure, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::schema {

// A value's first letter tells what it is.
enum class Token { kNull, kBool, kNumber, kString, kArray, kObject };
std::string_view TokenName(Token token);  // "string", as in "cannot unmarshal string into"

// Over a text that CheckJson found good. Nothing here fails.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  Token Peek();  // skips spaces
  // Objects: while (NextKey(key)) { … value … }. Arrays: while (NextItem()) { … value … }. The
  // opening bracket is taken by Enter().
  void Enter();
  bool NextKey(std::string& key);
  bool NextItem();
  std::string String();
  std::string_view Number();  // its text
  bool Bool();
  void Null();
  // Leaves a value out; its text.
  std::string_view Skip();
  json::Value Any();  // repeated members: the last counts

 private:
  void SkipSpace();
  bool Next(char close);

  std::string_view text_;
  size_t at_ = 0;
  bool first_ = false;  // nothing of the innermost array or object was read yet
};

// The text of a Go int64; false: not one, or out of range.
bool ParseInt(std::string_view text, int64_t& out);
// The number as an untyped reader has it: int64 where it is one, else double.
json::Value NumberValue(std::string_view text);

// As Go's encoder writes strings: with \u003c for '<' and its like, \u2028, U+FFFD for what is not
// UTF-8.
void AppendQuoted(std::string& out, std::string_view text);
// %q of a name in a message.
std::string QuoteForMessage(std::string_view text);

}  // namespace keelson::schema
