// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/json_decoder.h"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "minimal-master/schema/scalars.h"

namespace keelson::schema {

using json::Value;

namespace {

constexpr size_t kMostProblems = 100;  // as upstream
constexpr size_t kMostMerged = 1'000'000;
constexpr size_t kMostFields = 128;  // of one struct; more is an error of the table

}  // namespace

Value ZeroValue(const Type& type) {
  switch (type.shape()) {
    case Shape::kString:
      return Value("");
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kDouble:
    case Shape::kIntOrString:
      return Value(0);
    case Shape::kBool:
      return Value(false);
    case Shape::kQuantity:
      return Value("0");
    case Shape::kDuration:
      return Value("0s");
    case Shape::kStruct:
      return Value::Object();
    default:
      return {};
  }
}

bool IsEmptyValue(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
      return !value.AsBool();
    case Value::Kind::kInt:
      return value.AsInt() == 0;
    case Value::Kind::kDouble:
      return value.AsDouble() == 0;
    case Value::Kind::kString:
      return value.AsString().empty();
    case Value::Kind::kArray:
      return value.items().empty();
    case Value::Kind::kObject:
      break;
  }
  return value.members().empty();
}

bool IsOmittedWhenEmpty(const Field& field) {
  if (!field.omitempty() || field.pointer()) return false;
  switch (field.type().shape()) {
    case Shape::kString:
    case Shape::kBool:
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kDouble:
    case Shape::kBytes:
    case Shape::kList:
    case Shape::kMap:
      return true;
    default:
      return false;
  }
}

base::Result<Decoded> JsonDecoder::Run(const Type& type) {
  Decoded out;
  out.type = &type;
  RETURN_IF_ERROR(Read(type, out.value));
  if (!first_error_.empty()) return base::Error(base::Code::kInvalidArgument, first_error_);
  if (out.value.IsNull()) out.value = ZeroValue(type);
  out.problems = std::move(problems_);
  return out;
}

base::Error JsonDecoder::WrongType(std::string_view what, std::string_view type) const {
  if (struct_ == nullptr)
    return base::InvalidArgument("json: cannot unmarshal {} into Go value of type {}", what, type);
  return base::InvalidArgument("json: cannot unmarshal {} into Go struct field {}.{} of type {}",
                               what, struct_->short_name(), fields_, type);
}

void JsonDecoder::SaveWrongType(Token token, const Type& type) {
  in_.Skip();
  if (first_error_.empty()) first_error_ = WrongType(TokenName(token), type.go_name()).message();
}

void JsonDecoder::Report(Problem::Kind kind, std::string_view name) {
  if (quiet_ > 0 || problems_.size() >= kMostProblems) return;
  std::string path = path_;
  if (!path.empty()) path += '.';
  path += name;
  std::string message =
      kind == Problem::Kind::kUnknownField ? "unknown field " : "duplicate field ";
  message += QuoteForMessage(path);
  if (!told_.insert(message).second) return;
  problems_.push_back({kind, std::move(path), std::move(message)});
}

base::Status JsonDecoder::Read(const Type& type, Value& out) {
  const Token token = in_.Peek();
  if (token == Token::kNull) {
    in_.Null();
    return base::Ok();
  }
  switch (type.shape()) {
    case Shape::kStruct:
      if (token == Token::kObject) return ReadStruct(type, out);
      break;
    case Shape::kMap:
      if (token == Token::kObject) return ReadMap(type, out);
      break;
    case Shape::kList:
      if (token == Token::kArray) return ReadList(type, out);
      break;
    case Shape::kAny:
    case Shape::kAnyJson:
      out = in_.Any();
      return base::Ok();
    case Shape::kSchemaOrBool:
    case Shape::kSchemaOrSchemas:
    case Shape::kSchemaOrStrings:
      return ReadUnion(type, token, out);
    default:
      return ReadScalar(type, token, out);
  }
  SaveWrongType(token, type);
  return base::Ok();
}

base::Status JsonDecoder::ReadStruct(const Type& type, Value& out) {
  const bool merging = out.IsObject();  // into what an earlier member of the same name held
  if (!merging) {
    out = Value::Object();
    out.members().reserve(std::min<size_t>(type.fields().size(), 8));
  }
  const Rows<Field> fields = type.fields();
  std::bitset<kMostFields> seen;
  size_t expected = 0;  // clients mostly write fields in one order
  std::string key;
  in_.Enter();
  while (in_.NextKey(key)) {
    const Field* field = nullptr;
    bool again = false;
    for (size_t i = 0, at = expected; i < fields.size(); ++i, ++at) {
      if (at >= fields.size()) at = 0;
      if (fields[at].name() == key) {
        field = &fields[at];
        expected = at + 1;
        again = seen[at];
        seen[at] = true;
        break;
      }
    }
    if (field == nullptr) {
      Report(Problem::Kind::kUnknownField, key);
      in_.Skip();
      continue;
    }
    if (again) Report(Problem::Kind::kDuplicateField, key);
    const Type* const outer = struct_;
    const size_t fields_size = fields_.size();
    const size_t path_size = path_.size();
    struct_ = &type;
    if (!fields_.empty()) fields_ += '.';
    fields_ += field->embedded();
    fields_ += key;
    if (!path_.empty()) path_ += '.';
    path_ += key;
    RETURN_IF_ERROR(ReadField(*field, again || merging, out));
    struct_ = outer;
    fields_.resize(fields_size);
    path_.resize(path_size);
  }
  return base::Ok();
}

base::Status JsonDecoder::ReadField(const Field& field, bool again, Value& out) {
  const bool was_null = in_.Peek() == Token::kNull;
  const auto unset = [&](const Value& value) {
    // An empty list of managers says something: they are to be forgotten.
    if (value.IsArray() && field.name() == "managedFields") return false;
    return value.IsNull() || (IsOmittedWhenEmpty(field) && IsEmptyValue(value)) ||
           (was_null && field.pointer());
  };
  if (Value* known = again ? out.Find(field.name()) : nullptr; known != nullptr) {
    // A list that comes again starts anew; structs and maps are filled further, as in Go.
    if (!known->IsObject()) *known = Value();
    RETURN_IF_ERROR(Read(field.type(), *known));
    if (unset(*known)) out.Erase(field.name());
    return base::Ok();
  }
  auto& members = out.members();
  members.emplace_back(std::piecewise_construct, std::forward_as_tuple(field.name()),
                       std::forward_as_tuple());
  RETURN_IF_ERROR(Read(field.type(), members.back().second));
  if (unset(members.back().second)) members.pop_back();
  return base::Ok();
}

base::Status JsonDecoder::ReadMap(const Type& type, Value& out) {
  if (!out.IsObject()) out = Value::Object();
  auto& members = out.members();
  std::unordered_map<std::string, size_t> places;  // for large maps
  std::unordered_set<std::string> seen;
  std::string key;
  in_.Enter();
  const bool was_empty = members.empty();
  // A map that comes again is walked again: without a bound a body could make that long.
  merged_ += members.size();
  if (merged_ > kMostMerged) return base::InvalidArgument("too many repeated fields");
  while (in_.NextKey(key)) {
    Value* known = nullptr;
    if (members.size() < 16) {
      known = out.Find(key);
    } else {
      if (places.empty()) {
        for (size_t i = 0; i < members.size(); ++i) places.emplace(members[i].first, i);
      }
      const auto [place, added] = places.emplace(key, members.size());
      if (!added) known = &members[place->second].second;
    }
    if (known != nullptr && was_empty) Report(Problem::Kind::kDuplicateField, key);
    const size_t path_size = path_.size();
    if (!path_.empty()) path_ += '.';
    path_ += key;
    Value value;
    RETURN_IF_ERROR(Read(*type.Element(), value));
    path_.resize(path_size);
    if (value.IsNull()) value = ZeroValue(*type.Element());
    if (known != nullptr) {
      *known = std::move(value);
    } else {
      members.emplace_back(std::move(key), std::move(value));
    }
  }
  return base::Ok();
}

base::Status JsonDecoder::ReadList(const Type& type, Value& out) {
  out = Value::Array();
  const Type& element = *type.Element();
  const size_t path_size = path_.size();
  in_.Enter();
  for (size_t i = 0; in_.NextItem(); ++i) {
    char index[24];
    index[0] = '[';
    char* const end = std::to_chars(index + 1, index + sizeof index - 1, i).ptr;
    *end = ']';
    path_.append(index, end + 1);
    Value& value = out.items().emplace_back();
    RETURN_IF_ERROR(Read(element, value));
    if (value.IsNull()) value = ZeroValue(element);
    path_.resize(path_size);
  }
  return base::Ok();
}

}  // namespace keelson::schema
