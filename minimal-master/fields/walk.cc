// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/walk.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "minimal-master/schema/decode.h"
#include "minimal-master/schema/json_decoder.h"

namespace keelson::fields {

using json::Value;
using schema::ListType;
using schema::MapType;
using schema::Shape;

namespace {

bool IsEmpty(const Value* value) {
  return value == nullptr || (value->items().empty() && value->members().empty());
}

// The zero value that is written for an absent field of this type; null for those without one.
const Value& Zero(const schema::Type& type) {
  constexpr size_t kShapes = 32;
  static const std::array<Value, kShapes>* const zeros = [] {
    auto* out = new std::array<Value, kShapes>;
    for (const schema::Type& each : schema::Types())
      (*out)[static_cast<size_t>(each.shape())] = schema::ZeroValue(each);
    return out;
  }();
  return (*zeros)[static_cast<size_t>(type.shape())];
}

base::Result<Element> KeysOf(const Value& item, const schema::Field& field,
                             const schema::Type& type) {
  if (item.IsNull())
    return base::InvalidArgument("associative list with keys may not have a null element");
  if (!item.IsObject())
    return base::InvalidArgument("associative list with keys may not have non-map elements");
  Value keys = Value::Object();
  for (const std::string_view key : field.list_map_keys()) {
    if (const Value* value = item.Find(key)) {
      keys.members().emplace_back(key, *value);
    } else if (const schema::Field* of = type.Find(key);
               of != nullptr && !of->default_json().empty()) {
      base::Result<Value> filled = schema::DecodeAny(of->default_json());
      if (filled.ok()) keys.members().emplace_back(key, *std::move(filled));
    }
  }
  if (keys.members().empty()) {
    std::string names;
    for (const std::string_view key : field.list_map_keys())
      names += (names.empty() ? "[\"" : " \"") + std::string(key) + "\"";
    return base::InvalidArgument(
        "associative list with keys has an element that omits all key fields {}] (and doesn't "
        "have default values for any key fields)",
        names);
  }
  return Element::Keys(std::move(keys));
}

}  // namespace

bool Spot::IsLeaf() const {
  switch (type->shape()) {
    case Shape::kStruct:
      return field != nullptr ? field->atomic() : type->map_type() == MapType::kAtomic;
    case Shape::kMap:
      return field != nullptr && field->atomic();
    case Shape::kList:
      return field == nullptr || field->atomic();
    default:
      return true;
  }
}

std::optional<Spot> Spot::Member(std::string_view name) const {
  if (IsMap()) return Spot{type->Element()};
  const schema::Field* found = IsStruct() ? type->Find(name) : nullptr;
  if (found == nullptr) return std::nullopt;
  return Spot{&found->type(), found};
}

std::optional<Spot> Spot::Below(const Element& element) const {
  if (element.IsField()) return Member(element.text());
  if (IsList()) return Item();
  return std::nullopt;
}

base::Result<Element> Spot::ElementOf(const Value& item) const {
  if (field != nullptr && field->list_type() == ListType::kMap)
    return KeysOf(item, *field, *type->Element());
  if (item.IsNull())
    return base::InvalidArgument(
        "associative list without keys has an element that's an explicit null");
  if (item.IsObject())
    return base::InvalidArgument("associative list without keys has an element that's a map type");
  if (item.IsArray())
    return base::InvalidArgument("not supported: associative list with lists as elements");
  return Element::ByValue(item);
}

const Value* MemberOf(const Value& object, const schema::Field& field, Form form) {
  static const Value null;
  const Value* member = object.Find(field.name());
  if (form == Form::kWritten) return member;
  const bool omitted = schema::IsOmittedWhenEmpty(field);
  const bool absent =
      member == nullptr || member->IsNull() || (omitted && schema::IsEmptyValue(*member));
  if (!absent) return member;
  if (field.omitzero() || omitted || (field.pointer() && field.omitempty())) return nullptr;
  return field.pointer() ? &null : &Zero(field.type());
}

namespace {

// Equal as they would be written.
bool Same(const Value& a, const Value& b, Form form, const Spot& spot) {
  const schema::Type& type = *spot.type;
  if (type.IsStruct() && a.IsObject() && b.IsObject()) {
    for (const schema::Field& field : type.fields()) {
      const Value* left = MemberOf(a, field, Form::kWritten);
      const Value* right = MemberOf(b, field, form);
      if (left == nullptr && right == nullptr) continue;
      if (left == nullptr || right == nullptr) return false;
      if (!Same(*left, *right, form, {&field.type(), &field})) return false;
    }
    return true;
  }
  if (type.IsList() && a.IsArray() && b.IsArray()) {
    return std::equal(
        a.items().begin(), a.items().end(), b.items().begin(), b.items().end(),
        [&](const Value& x, const Value& y) { return Same(x, y, form, spot.Item()); });
  }
  if (type.IsMap() && a.IsObject() && b.IsObject()) {
    if (a.members().size() != b.members().size()) return false;
    return std::all_of(a.members().begin(), a.members().end(), [&](const auto& member) {
      const Value* other = b.Find(member.first);
      return other != nullptr && Same(member.second, *other, form, spot.Item());
    });
  }
  if (a.IsNumber() && b.IsNumber() && a.kind() != b.kind()) return a.AsDouble() == b.AsDouble();
  return a == b;
}

enum class Self { kSame, kAdded, kRemoved, kModified };

class Comparer {
 public:
  explicit Comparer(Form form) : form_(form) {}

  // Either may be null, not both. What differs below goes to `out`.
  Self Walk(const Value* a, const Value* b, const Spot& spot, Change& out) {
    // A list or map that is empty on both sides is one thing: empty and none are told apart.
    const bool whole =
        spot.IsLeaf() || (!spot.IsStruct() && IsEmpty(a) && IsEmpty(b)) ||
        (spot.IsStruct() && IsBare(a, *spot.type, Form::kWritten) && IsBare(b, *spot.type, form_));
    if (!whole) {
      if (spot.IsStruct()) Fields(a, b, *spot.type, out);
      if (spot.IsMap()) Entries(a, b, spot, out);
      if (spot.IsList()) Items(a, b, spot, out);
    }
    if (a == nullptr) return Self::kAdded;
    if (b == nullptr) return Self::kRemoved;
    return whole && !Same(*a, *b, form_, spot) ? Self::kModified : Self::kSame;
  }

 private:
  static bool IsBare(const Value* value, const schema::Type& type, Form form) {
    if (value == nullptr || value->IsNull()) return true;
    if (form == Form::kWritten) return value->members().empty();
    const auto fields = type.fields();
    return std::none_of(fields.begin(), fields.end(), [&](const schema::Field& field) {
      return MemberOf(*value, field, form) != nullptr;
    });
  }

  static void Attach(Set& set, const Element& element, bool member, Set& below) {
    if (member || !below.Empty()) set.Attach(element, member, std::move(below));
  }

  void Into(const Element& element, const Value* a, const Value* b, const Spot& spot, Change& out) {
    Change below;
    const Self self = Walk(a, b, spot, below);
    Attach(out.added, element, self == Self::kAdded, below.added);
    Attach(out.removed, element, self == Self::kRemoved, below.removed);
    Attach(out.modified, element, self == Self::kModified, below.modified);
  }

  void Fields(const Value* a, const Value* b, const schema::Type& type, Change& out) {
    for (const schema::Field& field : type.fields()) {
      const Value* left = a == nullptr ? nullptr : MemberOf(*a, field, Form::kWritten);
      const Value* right = b == nullptr || b->IsNull() ? nullptr : MemberOf(*b, field, form_);
      if (left == nullptr && right == nullptr) continue;
      Into(Element::Field(field.name()), left, right, {&field.type(), &field}, out);
    }
  }

  void Entries(const Value* a, const Value* b, const Spot& spot, Change& out) {
    if (a != nullptr) {
      for (const auto& [key, value] : a->members())
        Into(Element::Field(key), &value, b == nullptr ? nullptr : b->Find(key), spot.Item(), out);
    }
    if (b == nullptr) return;
    for (const auto& [key, value] : b->members()) {
      if (a == nullptr || a->Find(key) == nullptr)
        Into(Element::Field(key), nullptr, &value, spot.Item(), out);
    }
  }

  struct Pair {
    std::vector<const Value*> left;
    std::vector<const Value*> right;
  };

  void Items(const Value* a, const Value* b, const Spot& spot, Change& out) {
    std::vector<std::pair<Element, Pair>> pairs;
    std::unordered_map<std::string, size_t> places;
    const auto collect = [&](const Value* list, std::vector<const Value*> Pair::* side) {
      if (list == nullptr) return;
      for (const Value& item : list->items()) {
        base::Result<Element> element = spot.ElementOf(item);
        if (!element.ok()) continue;
        const auto [place, fresh] = places.try_emplace(element->text(), pairs.size());
        if (fresh) pairs.emplace_back(*std::move(element), Pair{});
        (pairs[place->second].second.*side).push_back(&item);
      }
    };
    collect(a, &Pair::left);
    collect(b, &Pair::right);
    for (auto& [element, pair] : pairs) {
      const Value* left = pair.left.empty() ? nullptr : pair.left[0];
      const Value* right = pair.right.empty() ? nullptr : pair.right[0];
      // Items that come more than once are one thing together.
      const bool before = pair.left.size() > 1;
      const bool after = pair.right.size() > 1;
      if (!before && !after) {
        Into(element, left, right, spot.Item(), out);
      } else if (before && after) {
        const bool same = std::equal(
            pair.left.begin(), pair.left.end(), pair.right.begin(), pair.right.end(),
            [&](const Value* x, const Value* y) { return Same(*x, *y, form_, spot.Item()); });
        if (!same) out.modified.Attach(element, true, {});
      } else if (before) {
        if (right != nullptr) Into(element, nullptr, right, spot.Item(), out);
        out.removed.Attach(element, true, {});
      } else {
        if (left != nullptr) Into(element, left, nullptr, spot.Item(), out);
        out.added.Attach(element, true, {});
      }
    }
  }

  const Form form_;
};

}  // namespace

Set SetOf(const Value& value, const Spot& spot) {
  Set out;
  if (spot.IsLeaf()) return out;
  if (spot.IsList()) {
    Set twice;  // what comes more than once has nothing below it
    for (const Value& item : value.items()) {
      base::Result<Element> element = spot.ElementOf(item);
      if (!element.ok()) continue;
      if (out.HasMember(*element))
        twice.Attach(*std::move(element), true, {});
      else
        out.Attach(*std::move(element), true, SetOf(item, spot.Item()));
    }
    return twice.Empty() ? out : Union(Without(std::move(out), twice), twice);
  }
  for (const auto& [key, member] : value.members()) {
    const std::optional<Spot> below = spot.Member(key);
    if (!below) continue;
    const bool bare = member.IsNull() || (member.IsObject() && member.members().empty());
    out.Attach(Element::Field(key), below->IsLeaf() || bare || spot.IsMap(), SetOf(member, *below));
  }
  return out;
}

Change Compare(const Value& before, const Value& after, Form form, const Spot& spot) {
  Change out;
  (void)Comparer(form).Walk(&before, &after, spot, out);
  return out;
}

Set WithNamedFields(const Set& set, const Spot& spot) {
  Set out;
  for (const Set::Node& node : set.nodes()) {
    const std::optional<Spot> below = spot.Below(node.element);
    const bool named = node.element.IsField() && spot.IsStruct() && below && !node.below.Empty();
    out.Attach(node.element, node.member || named,
               below ? WithNamedFields(node.below, *below) : node.below);
  }
  return out;
}

}  // namespace keelson::fields
