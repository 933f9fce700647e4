// SPDX-License-Identifier: Apache-2.0
// Decoding: the table says what a number means; a field's path through embedded messages becomes
// one flat object.
#include "minimal-master/schema/protobuf.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "minimal-master/schema/json_decoder.h"
#include "minimal-master/schema/scalars.h"
#include "minimal-master/schema/wire.h"

namespace keelson::schema {

using json::Value;

namespace {

constexpr std::string_view kMagic("k8s\0", 4);

std::string Utf8(std::string_view bytes) {
  if (json::IsUtf8(bytes)) return std::string(bytes);
  std::string out;
  while (!bytes.empty()) {
    const size_t n = json::Utf8Length(bytes);
    n == 0 ? out.append("\xEF\xBF\xBD") : out.append(bytes, 0, n);
    bytes.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

bool TakesBytes(Shape shape) {
  switch (shape) {
    case Shape::kBool:
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kDouble:
      return false;
    default:
      return true;
  }
}

class Decoder {
 public:
  // The fields of `type` whose path begins with `path`, as one message.
  base::Status Message(const Type& type, std::string_view bytes, std::string_view path,
                       Value& out) {
    if (++depth_ > kMaxDepth) return base::InvalidArgument("proto: exceeded max depth");
    if (!out.IsObject()) out = Value::Object();
    WireReader in(bytes, type.short_name());
    while (!in.done()) {
      ASSIGN_OR_RETURN(const WireField wire, in.Next());
      for (const Field& field : type.fields()) {
        const Rows<uint8_t> numbers = field.protobuf();
        if (numbers.size() <= path.size() || numbers[path.size()] != wire.number ||
            !std::equal(path.begin(), path.end(), numbers.begin(),
                        [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; }))
          continue;
        if (numbers.size() > path.size() + 1) {
          if (wire.wire != Wire::kBytes) return WrongWire(wire.wire, field.name());
          std::string deeper(path);
          deeper += static_cast<char>(numbers[path.size()]);
          RETURN_IF_ERROR(Message(type, wire.bytes, deeper, out));
        } else {
          RETURN_IF_ERROR(ReadField(field, wire, out));
        }
        break;
      }
    }
    --depth_;
    return base::Ok();
  }

  // Once for the whole object, since messages that come again are read into what is there: of equal
  // keys the last counts, and nothing stays that a decoded value does not have.
  static void Finish(const Type& type, Value& value) {
    for (Value& item : value.items()) {
      if (type.Element() != nullptr) Finish(*type.Element(), item);
    }
    if (type.IsMap()) {
      Settle(value);
      for (auto& member : value.members()) Finish(*type.Element(), member.second);
      return;
    }
    const Type& of = type.IsStruct() || type.Element() == nullptr ? type : *type.Element();
    if (!of.IsStruct()) return;
    std::erase_if(value.members(), [&of](Value::Member& member) {
      const Field* field = of.Find(member.first);
      if (field == nullptr) return false;
      Finish(field->type(), member.second);
      return member.second.IsNull() || (IsOmittedWhenEmpty(*field) && IsEmptyValue(member.second));
    });
  }

 private:
  base::Status ReadField(const Field& field, const WireField& wire, Value& object) {
    const Type& type = field.type();
    Value* known = object.Find(field.name());
    Value& value = known != nullptr
                       ? *known
                       : object.members().emplace_back(std::string(field.name()), Value()).second;
    if (type.IsMap()) return Entry(type, field.name(), wire, value);
    if (!type.IsList()) return One(type, field.name(), wire, value);
    if (!value.IsArray()) value = Value::Array();
    if (type.wrapped()) return Wrapped(type, wire, value);
    return Item(type, field.name(), wire, value);
  }

  base::Status Item(const Type& list, std::string_view name, const WireField& wire, Value& out) {
    const Type& element = *list.Element();
    if (wire.wire == Wire::kBytes && !TakesBytes(element.shape())) {
      if (element.shape() == Shape::kDouble) return WrongWire(wire.wire, name);
      WireReader packed(wire.bytes, name);
      while (!packed.done()) {
        WireField each;
        ASSIGN_OR_RETURN(each.integer, packed.Varint());
        RETURN_IF_ERROR(One(element, name, each, out.items().emplace_back()));
      }
      return base::Ok();
    }
    Value& item = out.items().emplace_back();
    RETURN_IF_ERROR(One(element, name, wire, item));
    if (item.IsNull()) item = ZeroValue(element);
    return base::Ok();
  }

  // A message whose only field is the list.
  base::Status Wrapped(const Type& list, const WireField& wire, Value& out) {
    if (wire.wire != Wire::kBytes) return WrongWire(wire.wire, list.short_name());
    if (!out.IsArray()) out = Value::Array();
    WireReader in(wire.bytes, list.short_name());
    while (!in.done()) {
      ASSIGN_OR_RETURN(const WireField item, in.Next());
      if (item.number == 1) RETURN_IF_ERROR(Item(list, "Items", item, out));
    }
    return base::Ok();
  }

  base::Status Entry(const Type& map, std::string_view name, const WireField& wire, Value& out) {
    if (wire.wire != Wire::kBytes) return WrongWire(wire.wire, name);
    if (!out.IsObject()) out = Value::Object();
    std::string key;
    Value value;
    const Type& element = *map.Element();
    WireReader in(wire.bytes, name);
    while (!in.done()) {
      ASSIGN_OR_RETURN(const WireField part, in.Next());
      if (part.number == 1) {
        if (part.wire != Wire::kBytes) return WrongWire(part.wire, name);
        key = Utf8(part.bytes);
      } else if (part.number == 2) {
        if (element.IsList() && element.wrapped()) {
          RETURN_IF_ERROR(Wrapped(element, part, value));
        } else {
          RETURN_IF_ERROR(One(element, name, part, value));
        }
      }
    }
    if (value.IsNull()) value = ZeroValue(element);
    out.members().emplace_back(std::move(key), std::move(value));  // Settle() looks at the keys
    return base::Ok();
  }

  // Drops all but the last of equal keys, without a look at each pair: maps may be large.
  static void Settle(Value& map) {
    auto& members = map.members();
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i + 1 < members.size(); ++i) {
      if (members[i].first == members[i + 1].first) members[i].second.set_line(-1);
    }
    std::erase_if(members, [](const auto& member) { return member.second.line() == -1; });
  }

  base::Status One(const Type& type, std::string_view name, const WireField& wire, Value& out);
  base::Status Special(const Type& type, std::string_view bytes, Value& out);
  base::Status Union(const Type& type, std::string_view bytes, Value& out);

  size_t depth_ = 0;
};

base::Status Decoder::One(const Type& type, std::string_view name, const WireField& wire,
                          Value& out) {
  if (TakesBytes(type.shape())) {
    if (wire.wire != Wire::kBytes) return WrongWire(wire.wire, name);
  } else if (wire.wire != (type.shape() == Shape::kDouble ? Wire::kFixed64 : Wire::kVarint)) {
    return WrongWire(wire.wire, name);
  }
  switch (type.shape()) {
    case Shape::kStruct:
      return Message(type, wire.bytes, {}, out);
    case Shape::kString:
      out = Value(Utf8(wire.bytes));
      return base::Ok();
    case Shape::kBytes:
      out = Value(base::Base64Encode(wire.bytes));
      return base::Ok();
    case Shape::kBool:
      out = Value(wire.integer != 0);
      return base::Ok();
    case Shape::kInt32:
      out = Value(static_cast<int64_t>(static_cast<int32_t>(wire.integer)));
      return base::Ok();
    case Shape::kInt64:
      out = Value(static_cast<int64_t>(wire.integer));
      return base::Ok();
    case Shape::kDouble: {
      const auto d = std::bit_cast<double>(wire.integer);
      out = Value(std::isfinite(d) ? d : 0.0);
      return base::Ok();
    }
    case Shape::kSchemaOrBool:
    case Shape::kSchemaOrSchemas:
    case Shape::kSchemaOrStrings:
      return Union(type, wire.bytes, out);
    default:
      return Special(type, wire.bytes, out);
  }
}

// Messages of one or two scalars that JSON writes as one value.
base::Status Decoder::Special(const Type& type, std::string_view bytes, Value& out) {
  WireReader in(bytes, type.short_name());
  uint64_t first = 0;
  uint64_t second = 0;
  std::string_view text;
  while (!in.done()) {
    ASSIGN_OR_RETURN(const WireField part, in.Next());
    if (part.wire == Wire::kBytes) {
      text = part.bytes;
    } else if (part.number == 1) {
      first = part.integer;
    } else if (part.number == 2) {
      second = part.integer;
    }
  }
  switch (type.shape()) {
    case Shape::kQuantity: {
      if (text.empty() && bytes.empty()) {
        out = Value("0");
        return base::Ok();
      }
      ASSIGN_OR_RETURN(std::string canonical, CanonicalQuantity(text));
      out = Value(std::move(canonical));
      return base::Ok();
    }
    case Shape::kTime:
    case Shape::kMicroTime: {
      out = Value();
      if (bytes.empty()) return base::Ok();
      std::string written = FormatTime(static_cast<int64_t>(first), static_cast<int32_t>(second),
                                       type.shape() == Shape::kMicroTime);
      if (written.empty()) return base::InvalidArgument("proto: Time: out of range");
      out = Value(std::move(written));
      return base::Ok();
    }
    case Shape::kDuration:
      out = Value(FormatDuration(static_cast<int64_t>(first)));
      return base::Ok();
    case Shape::kIntOrString:
      out = first == 0 ? Value(static_cast<int64_t>(static_cast<int32_t>(second)))
                       : Value(Utf8(text));
      return base::Ok();
    default:
      break;
  }
  out = Value();
  if (text.empty()) return base::Ok();
  if (const base::Status good = CheckJson(text); !good.ok()) return good.error();
  out = JsonCursor(text).Any();
  return base::Ok();
}

base::Status Decoder::Union(const Type& type, std::string_view bytes, Value& out) {
  const uint32_t schema = type.shape() == Shape::kSchemaOrBool ? 2 : 1;
  if (type.shape() == Shape::kSchemaOrBool) out = Value(false);
  WireReader in(bytes, type.short_name());
  while (!in.done()) {
    ASSIGN_OR_RETURN(const WireField part, in.Next());
    if (part.number == schema) {
      if (part.wire != Wire::kBytes) return WrongWire(part.wire, type.short_name());
      RETURN_IF_ERROR(Message(*type.Element(), part.bytes, {}, out));
    } else if (part.number == 1) {
      if (!out.IsObject()) out = Value(part.integer != 0);
    } else if (part.number == 2 && !out.IsObject()) {
      if (part.wire != Wire::kBytes) return WrongWire(part.wire, type.short_name());
      if (!out.IsArray()) out = Value::Array();
      Value& item = out.items().emplace_back();
      if (type.shape() == Shape::kSchemaOrStrings) {
        item = Value(Utf8(part.bytes));
      } else {
        RETURN_IF_ERROR(Message(*type.Element(), part.bytes, {}, item));
      }
    }
  }
  return base::Ok();
}

}  // namespace

bool IsProtobuf(std::string_view bytes) { return bytes.starts_with(kMagic); }

base::Result<ProtobufObject> ReadProtobufEnvelope(std::string_view body) {
  if (!IsProtobuf(body)) {
    return base::InvalidArgument(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  ProtobufObject out;
  WireReader in(body.substr(kMagic.size()), "Unknown");
  while (!in.done()) {
    ASSIGN_OR_RETURN(const WireField field, in.Next());
    if (field.number > 4) continue;
    if (field.wire != Wire::kBytes) {
      static constexpr std::string_view kNames[] = {"TypeMeta", "Raw", "ContentEncoding",
                                                    "ContentType"};
      return WrongWire(field.wire, kNames[field.number - 1]);
    }
    if (field.number == 1) {
      WireReader meta(field.bytes, "TypeMeta");
      while (!meta.done()) {
        ASSIGN_OR_RETURN(const WireField part, meta.Next());
        if (part.number == 1) out.api_version = Utf8(part.bytes);
        if (part.number == 2) out.kind = Utf8(part.bytes);
      }
    } else if (field.number == 2) {
      out.raw = field.bytes;
    } else {
      (field.number == 3 ? out.content_encoding : out.content_type) = std::string(field.bytes);
    }
  }
  return out;
}

base::Result<Decoded> DecodeProtobuf(const ProtobufObject& object, const Type& type) {
  if (object.content_type.starts_with("application/json"))
    return Decode(object.raw, type, Media::kJson);
  Decoded out;
  out.type = &type;
  RETURN_IF_ERROR(Decoder().Message(type, object.raw, {}, out.value));
  Decoder::Finish(type, out.value);
  if (!type.kind().empty()) {
    if (!object.kind.empty()) out.value.Set("kind", Value(object.kind));
    if (!object.api_version.empty()) out.value.Set("apiVersion", Value(object.api_version));
  }
  return out;
}

}  // namespace keelson::schema
