// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/canonical.h"

#include <algorithm>
#include <vector>

#include "lib/json/text.h"
#include "minimal-master/schema/json_decoder.h"
#include "minimal-master/schema/json_text.h"

namespace keelson::schema {

using json::Value;

namespace {

// What an absent field looks like; false: it is not written.
enum class Absent { kLeftOut, kNull, kZero };

Absent WhenAbsent(const Field& field) {
  if (field.omitzero()) return Absent::kLeftOut;
  if (field.pointer()) return field.omitempty() ? Absent::kLeftOut : Absent::kNull;
  if (IsOmittedWhenEmpty(field)) return Absent::kLeftOut;
  switch (field.type().shape()) {
    case Shape::kStruct:
    case Shape::kString:
    case Shape::kBool:
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kDouble:
    case Shape::kQuantity:
    case Shape::kDuration:
    case Shape::kIntOrString:
      return Absent::kZero;
    default:
      return Absent::kNull;
  }
}

// A list of objects is never null.
bool IsItems(const Field& field, const Type& type) {
  return field.name() == "items" && type.kind().ends_with("List");
}

// Upstream stores objects as protobuf, which does not tell an empty list from none.
bool IsEmptyCollection(const Value& value, const Type& type) {
  return (type.IsList() && value.items().empty()) || (type.IsMap() && value.members().empty());
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void Write(const Value& value, const Type& type) {
    switch (type.shape()) {
      case Shape::kStruct:
        return WriteStruct(value, type);
      case Shape::kMap:
        return value.IsObject() ? WriteMap(value, type) : WritePlain(value);
      case Shape::kList:
        return value.IsArray() ? WriteList(value, type) : WritePlain(value);
      case Shape::kSchemaOrBool:
      case Shape::kSchemaOrSchemas:
      case Shape::kSchemaOrStrings:
        if (value.IsObject()) return WriteStruct(value, *type.Element());
        if (!value.IsArray() || type.shape() == Shape::kSchemaOrStrings) break;
        Separated('[', ']', value.items(),
                  [&](const Value& item) { Write(item, *type.Element()); });
        return;
      default:
        break;
    }
    WritePlain(value);
  }

 private:
  template <typename Range, typename Each>
  void Separated(char open, char close, const Range& range, const Each& each) {
    out_ += open;
    bool first = true;
    for (const auto& item : range) {
      if (!first) out_ += ',';
      first = false;
      each(item);
    }
    out_ += close;
  }

  void WriteStruct(const Value& value, const Type& type) {
    const auto& members = value.members();
    out_ += '{';
    bool first = true;
    size_t expected = 0;  // canonical values have their members in order
    for (const Field& field : type.fields()) {
      const std::string_view name = field.name();
      const Value* member = nullptr;
      for (size_t i = 0; i < members.size(); ++i) {
        const size_t at =
            expected + i < members.size() ? expected + i : expected + i - members.size();
        if (members[at].first == name) {
          member = &members[at].second;
          expected = at + 1 == members.size() ? 0 : at + 1;
          break;
        }
      }
      const bool items = IsItems(field, type);
      const bool absent =
          member == nullptr || member->IsNull() ||
          (!field.pointer() && !items && IsEmptyCollection(*member, field.type())) ||
          (IsOmittedWhenEmpty(field) && IsEmptyValue(*member));
      const Absent rule = items ? Absent::kZero : WhenAbsent(field);
      if (absent && rule == Absent::kLeftOut) continue;
      if (!first) out_ += ',';
      first = false;
      out_ += '"';
      out_ += name;
      out_ += "\":";
      if (!absent) {
        Write(*member, field.type());
      } else if (items) {
        out_ += "[]";
      } else if (rule == Absent::kNull) {
        out_ += "null";
      } else {
        Write(ZeroValue(field.type()), field.type());
      }
    }
    out_ += '}';
  }

  void WriteMap(const Value& value, const Type& type) {
    const auto& members = value.members();
    const auto write = [&](const Value::Member& member) {
      AppendQuoted(out_, member.first);
      out_ += ':';
      Write(member.second, *type.Element());
    };
    if (std::is_sorted(members.begin(), members.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; }))
      return Separated('{', '}', members, write);
    std::vector<const Value::Member*> sorted;
    sorted.reserve(members.size());
    for (const Value::Member& member : members) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    Separated('{', '}', sorted, [&](const Value::Member* member) { write(*member); });
  }

  void WriteList(const Value& value, const Type& type) {
    Separated('[', ']', value.items(), [&](const Value& item) { Write(item, *type.Element()); });
  }

  void WritePlain(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kNull:
        out_ += "null";
        return;
      case Value::Kind::kBool:
        out_ += value.AsBool() ? "true" : "false";
        return;
      case Value::Kind::kInt:
        out_ += std::to_string(value.AsInt());
        return;
      case Value::Kind::kDouble:
        out_ += json::DoubleText(value.AsDouble());
        return;
      case Value::Kind::kString:
        return AppendQuoted(out_, value.AsString());
      case Value::Kind::kArray:
        return Separated('[', ']', value.items(), [&](const Value& item) { WritePlain(item); });
      case Value::Kind::kObject:
        return Separated('{', '}', value.members(), [&](const Value::Member& member) {
          AppendQuoted(out_, member.first);
          out_ += ':';
          WritePlain(member.second);
        });
    }
  }

  std::string& out_;
};

}  // namespace

void AppendCanonical(std::string& out, const Value& value, const Type& type) {
  Writer(out).Write(value, type);
}

std::string WriteCanonical(const Value& value, const Type& type) {
  std::string out;
  out.reserve(1024);
  AppendCanonical(out, value, type);
  return out;
}

Value Canonical(const Value& value, const Type& type) {
  return JsonCursor(WriteCanonical(value, type)).Any();
}

}  // namespace keelson::schema
