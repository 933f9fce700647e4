// SPDX-License-Identifier: Apache-2.0
// The decoder's scalars, and apiextensions' unions of a schema with something else.
#include <charconv>
#include <limits>

#include "minimal-master/schema/json_decoder.h"
#include "minimal-master/schema/scalars.h"

namespace keelson::schema {

using json::Value;

base::Status JsonDecoder::Canonical(base::Result<std::string> text, Value& out) {
  if (!text.ok()) return text.error();
  out = Value(*std::move(text));
  return base::Ok();
}

base::Status JsonDecoder::ReadScalar(const Type& type, Token token, Value& out) {
  switch (type.shape()) {
    case Shape::kString:
      if (token != Token::kString) break;
      out = Value(in_.String());
      return base::Ok();
    case Shape::kBool:
      if (token != Token::kBool) break;
      out = Value(in_.Bool());
      return base::Ok();
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kDouble:
      if (token != Token::kNumber) break;
      return ReadInt(type, out);
    case Shape::kBytes: {
      if (token != Token::kString) break;
      base::Result<std::string> bytes = CanonicalBase64(in_.String());
      if (bytes.ok()) {
        out = Value(*std::move(bytes));
      } else if (first_error_.empty()) {
        first_error_ = bytes.error().message();
      }
      return base::Ok();
    }
    case Shape::kQuantity: {
      const std::string_view text = in_.Skip();
      const bool quoted = token == Token::kString;
      return Canonical(CanonicalQuantity(quoted ? text.substr(1, text.size() - 2) : text), out);
    }
    case Shape::kTime:
    case Shape::kMicroTime:
    case Shape::kDuration: {
      if (token != Token::kString) return WrongType(TokenName(token), "string");
      const std::string text = in_.String();
      if (type.shape() == Shape::kDuration) return Canonical(CanonicalDuration(text), out);
      return Canonical(CanonicalTime(text, type.shape() == Shape::kMicroTime), out);
    }
    case Shape::kIntOrString:
      return ReadIntOrString(token, out);
    default:
      break;
  }
  SaveWrongType(token, type);
  return base::Ok();
}

base::Status JsonDecoder::ReadInt(const Type& type, Value& out) {
  const std::string_view text = in_.Number();
  bool fits = false;
  if (type.shape() == Shape::kDouble) {
    double d = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), d);
    fits = result.ec == std::errc();
    out = Value(d);
  } else {
    int64_t i = 0;
    fits = ParseInt(text, i) &&
           (type.shape() == Shape::kInt64 ||
            (i >= std::numeric_limits<int32_t>::min() && i <= std::numeric_limits<int32_t>::max()));
    out = Value(i);
  }
  if (!fits) {
    out = Value();
    if (first_error_.empty())
      first_error_ = WrongType("number " + std::string(text), type.go_name()).message();
  }
  return base::Ok();
}

base::Status JsonDecoder::ReadIntOrString(Token token, Value& out) {
  if (token == Token::kString) {
    out = Value(in_.String());
    return base::Ok();
  }
  if (token != Token::kNumber) return WrongType(TokenName(token), "int32");
  const std::string_view text = in_.Number();
  int64_t i = 0;
  if (!ParseInt(text, i) || i < std::numeric_limits<int32_t>::min() ||
      i > std::numeric_limits<int32_t>::max())
    return WrongType("number " + std::string(text), "int32");
  out = Value(i);
  return base::Ok();
}

base::Status JsonDecoder::ReadUnion(const Type& type, Token token, Value& out) {
  ++quiet_;
  base::Status status = base::Ok();
  if (token == Token::kObject) {
    status = Read(*type.Element(), out);
  } else if (type.shape() == Shape::kSchemaOrBool) {
    if (token != Token::kBool) return base::InvalidArgument("boolean or JSON schema expected");
    out = Value(in_.Bool());
  } else if (token == Token::kArray) {
    out = Value::Array();
    in_.Enter();
    while (in_.NextItem() && status.ok()) {
      Value& item = out.items().emplace_back();
      if (type.shape() == Shape::kSchemaOrSchemas) {
        status = Read(*type.Element(), item);
        if (item.IsNull()) item = Value::Object();
      } else if (in_.Peek() == Token::kString) {
        item = Value(in_.String());
      } else {
        return WrongType(TokenName(in_.Peek()), "string");
      }
    }
  } else {
    in_.Skip();
  }
  --quiet_;
  return status;
}

}  // namespace keelson::schema
