// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/schema.h"

#include <map>
#include <string>
#include <unordered_map>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/names.h"
#include "lib/kube/quantity.h"

namespace keelson::kube {
namespace {

using FieldKinds = std::unordered_map<std::string_view, std::string_view>;

// The table read once; all text in it is static.
const std::unordered_map<std::string_view, FieldKinds>& Types() {
  static const auto types = [] {
    std::unordered_map<std::string_view, FieldKinds> out;
    for (size_t i = 0; i < kSchemaTypeCount; ++i) {
      FieldKinds& fields = out[kSchemaTypes[i].name];
      for (std::string_view word : base::Split(kSchemaTypes[i].fields, ' ')) {
        const size_t equals = word.find('=');
        if (equals != std::string_view::npos)
          fields.emplace(word.substr(0, equals), word.substr(equals + 1));
      }
    }
    return out;
  }();
  return types;
}

std::string_view KindName(const json::Value& value) {
  switch (value.kind()) {
    case json::Value::Kind::kBool:
      return "a boolean";
    case json::Value::Kind::kInt:
    case json::Value::Kind::kDouble:
      return "a number";
    case json::Value::Kind::kString:
      return "a string";
    case json::Value::Kind::kArray:
      return "a list";
    case json::Value::Kind::kObject:
      return "an object";
    default:
      return "null";
  }
}

class Checker {
 public:
  explicit Checker(Problems& problems) : problems_(problems) {}

  bool ok() const { return ok_; }

  void Check(const Field& at, std::string_view kind) {
    const json::Value& value = at.value();
    if (value.IsNull()) return;
    if (kind.starts_with("[]")) {
      if (!Is(at, value.IsArray(), "a list")) return;
      for (const Field& item : at.Items()) Check(item, kind.substr(2));
    } else if (kind.starts_with("{}")) {
      if (!Is(at, value.IsObject(), "an object")) return;
      for (const Field& entry : at.Entries()) Check(entry, kind.substr(2));
    } else if (kind.size() == 1) {
      Scalar(at, kind[0]);
    } else if (Is(at, value.IsObject(), "an object")) {
      Object(at, kind);
    }
  }

 private:
  bool Is(const Field& at, bool good, std::string_view wanted) {
    if (good) return true;
    const bool quotes = wanted == "a string" && (at.value().IsNumber() || at.value().IsBool());
    Bad(at, fmt::format("must be {}, not {}{}", wanted, KindName(at.value()),
                        quotes ? ": write it in quotes" : ""));
    return false;
  }
  void Bad(const Field& at, std::string_view why) {
    ok_ = false;
    problems_.Invalid(at, why);
  }

  void Object(const Field& at, std::string_view type) {
    const auto known = Types().find(type);
    if (known == Types().end()) return;
    for (const auto& [name, value] : at.value().members()) {
      const auto field = known->second.find(name);
      const Field member = at[name];
      if (field == known->second.end()) {
        problems_.AddBare(member.line(),
                          fmt::format("unknown field {}", json::Quote(member.path())));
      } else {
        Check(member, field->second);
      }
    }
  }

  void Scalar(const Field& at, char kind) {
    const json::Value& value = at.value();
    switch (kind) {
      case 's':
        Is(at, value.IsString(), "a string");
        return;
      case 'b':
        Is(at, value.IsBool(), "a boolean");
        return;
      case 'd':
        Is(at, value.IsNumber(), "a number");
        return;
      case 'o':
        Is(at, value.IsObject(), "an object");
        return;
      case 'i':
      case 'l':
        if (!Is(at, value.IsNumber(), "an integer")) return;
        if (!value.IsInt()) return Bad(at, "must be an integer");
        if (kind == 'i' && (value.AsInt() < INT32_MIN || value.AsInt() > INT32_MAX))
          Bad(at, "must fit in 32 bits");
        return;
      case 'x':
        if (!Is(at, value.IsInt() || value.IsString(), "an integer or a string")) return;
        if (value.IsInt() && (value.AsInt() < INT32_MIN || value.AsInt() > INT32_MAX))
          Bad(at, "must fit in 32 bits");
        return;
      case 't':
        if (Is(at, value.IsString(), "a string") && !IsRfc3339(value.AsString()))
          Bad(at, "must be a time as RFC 3339 writes it");
        return;
      case 'y':
        if (Is(at, value.IsString(), "a string") && !base::Base64Decode(value.AsString()))
          Bad(at, "must be base64 text");
        return;
      case 'q': {
        if (!Is(at, value.IsString() || value.IsNumber(), "a quantity")) return;
        const auto quantity = QuantityOf(value);
        if (!quantity.ok()) Bad(at, quantity.error().message());
        return;
      }
      default:
        return;
    }
  }

  Problems& problems_;
  bool ok_ = true;
};

}  // namespace

bool CheckSchema(const Field& object, std::string_view type, Problems& problems) {
  Checker checker(problems);
  checker.Check(object, type);
  return checker.ok();
}

base::Result<Quantity> QuantityOf(const json::Value& value) {
  if (value.IsNull()) return Quantity();
  return Quantity::Parse(value.IsString() ? value.AsString() : json::WriteJson(value));
}

}  // namespace keelson::kube
