// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/merge.h"

#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

namespace keelson::fields {

using json::Value;

namespace {

bool IsEmptyList(const Value* value) { return value == nullptr || value->items().empty(); }
bool IsEmptyMap(const Value* value) { return value == nullptr || value->members().empty(); }

// A list's items by their element; those that come twice on the server have no one value.
struct Indexed {
  std::vector<Element> order;
  std::vector<const Value*> items;
  std::unordered_map<std::string, const Value*> by;

  Indexed(const Value* list, const Spot& spot) {
    if (list == nullptr) return;
    for (const Value& item : list->items()) {
      base::Result<Element> element = spot.ElementOf(item);
      if (!element.ok()) continue;
      const auto [at, fresh] = by.try_emplace(element->text(), &item);
      if (!fresh) at->second = nullptr;
      items.push_back(&item);
      order.push_back(*std::move(element));
    }
  }
  bool Has(const Element& element) const { return by.contains(element.text()); }
  const Value* Get(const Element& element) const {
    const auto at = by.find(element.text());
    return at == by.end() ? nullptr : at->second;
  }
};

// Either may be null, not both. Null where nothing is left.
Value MergeAt(const Value* live, const Value* applied, const Spot& spot);

// Walks both lists in step. Where an item of the server is also applied, but not the next one that
// both have, it waits for its turn in the applied order.
Value MergeLists(const Value* live, const Value* applied, const Spot& spot) {
  const Indexed left(live, spot);
  const Indexed right(applied, spot);
  std::vector<const Element*> shared;
  for (const Element& element : right.order) {
    if (left.Has(element)) shared.push_back(&element);
  }
  size_t next = 0;
  std::unordered_set<std::string> done;
  std::vector<Value> out;
  const auto take = [&](const Value* a, const Value* b) {
    if (a == nullptr && b == nullptr) return;
    Value merged = MergeAt(a, b, spot.Item());
    if (!merged.IsNull()) out.push_back(std::move(merged));
  };
  size_t l = 0;
  size_t r = 0;
  while (l < left.order.size() || r < right.order.size()) {
    if (l < left.order.size() && r < right.order.size()) {
      const Element& element = left.order[l];
      if (element == right.order[r]) {
        done.insert(element.text());
        take(left.Get(element), right.Get(element));
        ++l;
        ++r;
        ++next;
        continue;
      }
      if (right.Has(element) && next < shared.size() && !(*shared[next] == element)) {
        ++l;
        continue;
      }
    }
    if (l < left.order.size()) {
      const Element& element = left.order[l];
      if (!right.Has(element)) {
        take(left.items[l++], nullptr);
        continue;
      }
      if (done.contains(element.text())) ++l;
    }
    if (r < right.order.size()) {
      const Element& element = right.order[r++];
      done.insert(element.text());
      take(left.Get(element), right.Get(element));
      if (next < shared.size() && *shared[next] == element) ++next;
    }
  }
  return out.empty() ? Value() : Value::Array(std::move(out));
}

Value MergeMembers(const Value* live, const Value* applied, const Spot& spot) {
  Value out = Value::Object();
  const auto merge = [&](const std::string& key, const Value* a, const Value* b) {
    const std::optional<Spot> below = spot.Member(key);
    if (!below) return;
    const bool null = b != nullptr ? b->IsNull() : a->IsNull();
    Value merged = MergeAt(a, b, *below);
    if (!merged.IsNull() || null) out.members().emplace_back(key, std::move(merged));
  };
  if (live != nullptr) {
    for (const auto& [key, value] : live->members())
      merge(key, &value, applied == nullptr ? nullptr : applied->Find(key));
  }
  if (applied != nullptr) {
    for (const auto& [key, value] : applied->members()) {
      if (live == nullptr || live->Find(key) == nullptr) merge(key, nullptr, &value);
    }
  }
  return out.members().empty() ? Value() : out;
}

Value MergeAt(const Value* live, const Value* applied, const Spot& spot) {
  // An empty list or map is kept apart from none.
  const bool whole = spot.IsLeaf() ||
                     (spot.IsList() && IsEmptyList(live) && IsEmptyList(applied)) ||
                     (!spot.IsList() && IsEmptyMap(live) && IsEmptyMap(applied));
  if (whole) return applied != nullptr ? *applied : *live;
  return spot.IsList() ? MergeLists(live, applied, spot) : MergeMembers(live, applied, spot);
}

// As upstream's program prints a value of any type.
std::string Printed(const Value& value) {
  std::string out;
  if (value.IsObject()) {
    for (const auto& [key, member] : value.members())
      out += (out.empty() ? "" : " ") + key + ":" + Printed(member);
    return "map[" + out + "]";
  }
  if (value.IsArray()) {
    for (const Value& item : value.items()) out += (out.empty() ? "" : " ") + Printed(item);
    return "[" + out + "]";
  }
  if (value.IsString()) return value.AsString();
  return value.IsNull() ? "<nil>" : json::WriteJson(value);
}

std::string_view GoType(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kBool:
      return "bool";
    case Value::Kind::kInt:
      return "int64";
    case Value::Kind::kDouble:
      return "float64";
    case Value::Kind::kString:
      return "string";
    case Value::Kind::kArray:
      return "[]interface {}";
    case Value::Kind::kObject:
      return "map[string]interface {}";
    default:
      return "<nil>";
  }
}

// As Go's %#v.
std::string GoSyntax(const Value& value) {
  std::string out;
  if (value.IsObject()) {
    for (const auto& [key, member] : value.members())
      out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ", ", key, GoSyntax(member));
    return fmt::format("{}{{{}}}", GoType(value), out);
  }
  if (value.IsArray()) {
    for (const Value& item : value.items()) out += (out.empty() ? "" : ", ") + GoSyntax(item);
    return fmt::format("{}{{{}}}", GoType(value), out);
  }
  return json::WriteJson(value);
}

class Checker {
 public:
  std::vector<std::string> problems;

  void Check(const Value& value, const Spot& spot, const std::string& path) {
    if (value.IsNull()) return;
    if (spot.IsStruct() || spot.IsMap()) return CheckMembers(value, spot, path);
    if (spot.IsList()) return CheckItems(value, spot, path);
    CheckScalar(value, *spot.type, path);
  }

 private:
  void Tell(const std::string& path, std::string_view what) {
    problems.push_back(path.empty() ? std::string(what) : fmt::format("{}: {}", path, what));
  }

  void CheckMembers(const Value& value, const Spot& spot, const std::string& path) {
    if (!value.IsObject())
      return Tell(path, fmt::format("expected map, got &{{{}}}", Printed(value)));
    for (const auto& [key, member] : value.members()) {
      const std::string at = path + "." + key;
      const std::optional<Spot> below = spot.Member(key);
      if (!below) return Tell(at, "field not declared in schema");
      Check(member, *below, at);
    }
  }

  void CheckItems(const Value& value, const Spot& spot, const std::string& path) {
    if (!value.IsArray())
      return Tell(path, fmt::format("expected list, got &{{{}}}", Printed(value)));
    const bool keyed = !spot.IsLeaf();
    std::unordered_set<std::string> seen;
    for (size_t i = 0; i < value.items().size(); ++i) {
      const Value& item = value.items()[i];
      std::string shown = fmt::format("[{}]", i);
      if (keyed) {
        const base::Result<Element> element = spot.ElementOf(item);
        if (!element.ok())
          return Tell(path, fmt::format("element {}: {}", i, element.error().message()));
        shown = element->Shown();
        if (!seen.insert(element->text()).second)
          Tell(path, fmt::format("duplicate entries for key {}", shown));
      }
      Check(item, spot.Item(), path + shown);
    }
  }

  void CheckScalar(const Value& value, const schema::Type& type, const std::string& path) {
    using schema::Shape;
    switch (type.shape()) {
      case Shape::kString:
      case Shape::kBytes:
      case Shape::kDuration:
        if (!value.IsString())
          Tell(path, fmt::format("expected string, got &value.valueUnstructured{{Value:{}}}",
                                 GoSyntax(value)));
        return;
      case Shape::kBool:
        if (!value.IsBool()) Tell(path, fmt::format("expected boolean, got {}", GoType(value)));
        return;
      case Shape::kInt32:
      case Shape::kInt64:
      case Shape::kDouble:
        if (!value.IsNumber())
          Tell(path, fmt::format("expected numeric (int or float), got {}", GoType(value)));
        return;
      case Shape::kQuantity:
      case Shape::kTime:
      case Shape::kMicroTime:
      case Shape::kIntOrString:
        if (value.IsObject() || value.IsArray())
          Tell(path, fmt::format("expected any scalar, got &{{{}}}", Printed(value)));
        return;
      default:
        return;
    }
  }
};

}  // namespace

Value Merge(const Value& live, const Value& applied, const Spot& spot) {
  Value merged = MergeAt(&live, &applied, spot);
  return merged.IsNull() ? Value::Object() : merged;
}

Value Remove(const Value& value, const Set& set, const Spot& spot) {
  if (spot.IsList() || spot.IsMap() || spot.IsStruct()) {
    if (spot.IsLeaf()) return {};
  } else {
    return value;
  }
  if (spot.IsList()) {
    std::vector<Value> kept;
    for (const Value& item : value.items()) {
      const base::Result<Element> element = spot.ElementOf(item);
      if (element.ok() && set.HasMember(*element)) continue;
      const Set* below = element.ok() ? &set.Below(*element) : nullptr;
      kept.push_back(below == nullptr || below->Empty() ? item : Remove(item, *below, spot.Item()));
    }
    return kept.empty() ? Value() : Value::Array(std::move(kept));
  }
  Value out = Value::Object();
  for (const auto& [key, member] : value.members()) {
    const Element element = Element::Field(key);
    if (set.HasMember(element)) continue;
    const Set& below = set.Below(element);
    const std::optional<Spot> at = spot.Member(key);
    out.members().emplace_back(key, below.Empty() || !at ? member : Remove(member, below, *at));
  }
  return out.members().empty() ? Value() : out;
}

std::vector<std::string> ProblemsOf(const Value& value, const Spot& spot) {
  Checker checker;
  checker.Check(value, spot, "");
  return std::move(checker.problems);
}

}  // namespace keelson::fields
