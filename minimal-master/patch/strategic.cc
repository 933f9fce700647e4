// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/patch/strategic.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "minimal-master/patch/element_order.h"

namespace keelson::patch {
namespace {

using json::Value;
using schema::Field;
using schema::Type;

constexpr std::string_view kPatch = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeleteFrom = "$deleteFromPrimitiveList/";
constexpr std::string_view kOrder = "$setElementOrder/";

// What the type says of a member.
struct Meta {
  const Type* type = nullptr;  // null: nothing is known, as below a map of anything
  bool merge = false;          // a list whose items are merged
  bool replace = false;
  std::string key;  // by which items are the same; empty: by value
};

Meta MetaOf(const Type* type, std::string_view name) {
  Meta meta;
  if (type == nullptr) return meta;
  if (type->IsMap()) {
    meta.type = type->Element();
    return meta;
  }
  const Field* field = type->IsStruct() ? type->Find(name) : nullptr;
  if (field == nullptr) return meta;
  meta.type = &field->type();
  meta.merge = field->patch_merge();
  meta.replace = field->patch_replace();
  meta.key = field->patch_merge_key();
  return meta;
}

const Type* ItemType(const Meta& meta) {
  return meta.type != nullptr && meta.type->IsList() ? meta.type->Element() : nullptr;
}

status::Failure Bare(std::string message) {
  status::Failure failure;
  failure.message = std::move(message);
  return failure;
}

status::Failure UnknownDirective(const Value& map) {
  return Bare(
      fmt::format("unknown patch type: {} in map: {}", GoText(map.At({kPatch})), GoText(map)));
}

class Merger {
 public:
  status::Or<Value> Map(Value original, const Value& patch, const Type* type) {
    if (const Value* directive = patch.Find(kPatch)) {
      const std::string& what = directive->AsString();
      if (what == "replace") {
        Value whole = patch;
        whole.Erase(kPatch);
        return Without(whole, type);
      }
      if (what == "delete") return Value::Object();
      return UnknownDirective(patch);  // "merge" too, for which upstream has a word only
    }
    if (const Value* keep = patch.Find(kRetainKeys)) {
      if (const auto failure = Retain(original, patch, *keep)) return *failure;
    }
    if (const auto failure = Orders(original, patch, type)) return *failure;
    for (const auto& [name, value] : patch.members()) {
      if (name == kPatch || name == kRetainKeys || name.starts_with(kOrder)) continue;
      if (name.starts_with(kDeleteFrom)) {
        const std::string list = name.substr(kDeleteFrom.size());
        if (Value* there = original.Find(list); there != nullptr && there->IsArray())
          RemoveAll(*there, value);
        continue;
      }
      if (patch.Find(std::string(kOrder) + name) != nullptr) continue;  // done with its order
      if (value.IsNull()) {
        original.Erase(name);
        continue;
      }
      status::Or<Value> merged = Member(original.Find(name), value, MetaOf(type, name));
      if (!merged.ok()) return merged.failure();
      original.Set(name, *std::move(merged));
    }
    return original;
  }

 private:
  // What a member becomes; `there` may be null.
  status::Or<Value> Member(const Value* there, const Value& patch, const Meta& meta) {
    if (patch.IsObject()) {
      const bool onto = there != nullptr && there->IsObject() && !meta.replace;
      return Map(onto ? *there : Value::Object(), patch, meta.type);
    }
    if (patch.IsArray() && meta.merge) {
      const bool onto = there != nullptr && there->IsArray();
      return List(onto ? there->items() : std::vector<Value>(), patch.items(), meta);
    }
    return patch;
  }

  // A value that is taken whole: its directives and nulls go.
  status::Or<Value> Without(const Value& patch, const Type* type) {
    return Map(Value::Object(), patch, type);
  }

  std::optional<status::Failure> Retain(Value& original, const Value& patch, const Value& keep) {
    const auto kept = [&](std::string_view name) {
      return std::any_of(keep.items().begin(), keep.items().end(),
                         [&](const Value& item) { return item.AsString() == name; });
    };
    bool good = keep.IsArray();
    for (const auto& [name, value] : patch.members())
      good = good && (name.starts_with('$') || value.IsNull() || kept(name));
    if (!good) return status::BadRequest("invalid patch format of retainKeys");
    std::vector<std::string> gone;
    for (const auto& [name, value] : original.members()) {
      if (!kept(name)) gone.push_back(name);
    }
    for (const std::string& name : gone) original.Erase(name);
    return std::nullopt;
  }

  static void RemoveAll(Value& list, const Value& values) {
    std::erase_if(list.items(), [&](const Value& item) {
      return std::find(values.items().begin(), values.items().end(), item) != values.items().end();
    });
  }

  // Lists whose order the patch gives.
  std::optional<status::Failure> Orders(Value& original, const Value& patch, const Type* type) {
    for (const auto& [directive, order] : patch.members()) {
      if (!directive.starts_with(kOrder)) continue;
      const std::string name = directive.substr(kOrder.size());
      if (!order.IsArray())
        return Bare(fmt::format("expected a []interface {{}}, but received a {}",
                                order.IsString()   ? "string"
                                : order.IsObject() ? "map"
                                                   : "value"));
      const Meta meta = MetaOf(type, name);
      const Value* changes = patch.Find(name);
      const Value* before = original.Find(name);
      if (changes != nullptr && changes->IsNull()) {
        original.Erase(name);
        continue;
      }
      if (changes != nullptr && changes->IsArray() &&
          !FollowsOrder(changes->items(), order.items(), meta.key))
        return Bare(
            fmt::format("The order in patch list:\n{}\n doesn't match $setElementOrder "
                        "list:\n{}\n",
                        GoText(*changes), GoText(order)));
      const std::vector<Value> server =
          before != nullptr && before->IsArray() ? before->items() : std::vector<Value>();
      std::vector<Value> merged = server;
      if (changes != nullptr && changes->IsArray()) {
        status::Or<Value> list = List(server, changes->items(), meta);
        if (!list.ok()) return list.failure();
        merged = std::move((*list).items());
      }
      // What is deleted from a list of plain values goes before the order is made.
      if (const Value* deleted = patch.Find(std::string(kDeleteFrom) + name)) {
        Value list = Value::Array(std::move(merged));
        RemoveAll(list, *deleted);
        merged = std::move(list.items());
      }
      if (merged.empty() && before == nullptr && changes == nullptr) continue;
      original.Set(name, Value::Array(InOrder(std::move(merged), order.items(), server, meta.key)));
    }
    return std::nullopt;
  }

  status::Or<Value> List(const std::vector<Value>& original, const std::vector<Value>& patch,
                         const Meta& meta) {
    const auto is_map = [](const Value& item) { return item.IsObject(); };
    const bool maps = std::any_of(patch.begin(), patch.end(), is_map) ||
                      std::any_of(original.begin(), original.end(), is_map);
    if (!maps) {
      std::vector<Value> both;
      for (const std::vector<Value>* list : {&original, &patch}) {
        for (const Value& item : *list) {
          if (std::find(both.begin(), both.end(), item) == both.end()) both.push_back(item);
        }
      }
      return Value::Array(InOrder(std::move(both), patch, original, ""));
    }
    if (!std::all_of(patch.begin(), patch.end(), is_map) ||
        !std::all_of(original.begin(), original.end(), is_map))
      return Bare(fmt::format("list element types are not identical: [{} {}]",
                              GoText(Value::Array(original)), GoText(Value::Array(patch))));
    std::vector<Value> merged = original;
    std::vector<Value> changes;
    bool replace = false;
    for (const Value& item : patch) {
      const std::string& what = item.At({kPatch}).AsString();
      if (item.Find(kPatch) == nullptr) {
        changes.push_back(item);
      } else if (what == "replace") {
        replace = true;
      } else if (what == "delete") {
        const Value* key = item.Find(meta.key);
        if (key == nullptr) return NoKey(item, meta.key);
        std::erase_if(merged, [&](const Value& one) { return SameElement(one, item, meta.key); });
      } else if (what == "merge") {
        return Bare("merging lists cannot yet be specified in the patch");
      } else {
        return UnknownDirective(item);
      }
    }
    if (replace) {
      merged.clear();
      for (const Value& item : changes) {
        status::Or<Value> whole = Without(item, ItemType(meta));
        if (!whole.ok()) return whole.failure();
        merged.push_back(*std::move(whole));
      }
      return Value::Array(std::move(merged));
    }
    const std::vector<Value> server = merged;
    for (const Value& item : changes) {
      if (item.Find(meta.key) == nullptr) return NoKey(item, meta.key);
      const auto there = std::find_if(merged.begin(), merged.end(), [&](const Value& one) {
        return SameElement(one, item, meta.key);
      });
      status::Or<Value> one =
          Map(there == merged.end() ? Value::Object() : *there, item, ItemType(meta));
      if (!one.ok()) return one.failure();
      if (there == merged.end())
        merged.push_back(*std::move(one));
      else
        *there = *std::move(one);
    }
    return Value::Array(InOrder(std::move(merged), changes, server, meta.key));
  }

  static status::Failure NoKey(const Value& item, const std::string& key) {
    return Bare(fmt::format("map: {} does not contain declared merge key: {}", GoText(item), key));
  }
};

}  // namespace

status::Or<Value> ApplyStrategicMerge(const Value& object, const Value& patch, const Type& type) {
  return Merger().Map(object, patch, &type);
}

}  // namespace keelson::patch
