// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/strategy/strategy.h"

#include "minimal-master/strategy/kinds.h"

namespace keelson::strategy {
namespace {

// Takes `key` of `old`, also if it is not there.
void Restore(Value& object, const Value& old, std::string_view key) {
  const Value* before = old.Find(key);
  if (before == nullptr) {
    object.Erase(key);
  } else {
    object.Set(key, *before);
  }
}

bool IsNothing(const Value& value) {
  return value.IsNull() || (value.IsArray() && value.items().empty());
}

// Whether what people want has changed: everything but metadata and status, which may be told by a
// zero value in one and by nothing in the other.
bool WantsOther(const Value& object, const Value& old) {
  const auto differs = [](const Value& a, const Value& b) {
    for (const auto& [key, value] : a.members()) {
      if (key == "metadata" || key == "status" || key == "apiVersion" || key == "kind") continue;
      const Value* other = b.Find(key);
      if (IsNothing(value) && (other == nullptr || IsNothing(*other))) continue;
      if (other == nullptr || !(*other == value)) return true;
    }
    return false;
  };
  return differs(object, old) || differs(old, object);
}

void SetGeneration(Value& object, int64_t generation) {
  if (generation != 0) Member(object, "metadata").Set("generation", Value(generation));
}

}  // namespace

Value& Member(Value& object, std::string_view key) {
  Value* value = object.Find(key);
  if (value != nullptr && value->IsObject()) return *value;
  object.Set(key, Value::Object());
  return *object.Find(key);
}

void PrepareCreate(const Kind& kind, Value& object, std::string_view time) {
  const Rules* rules = RulesOf(kind);
  if (rules == nullptr) {
    Member(object, "metadata").Erase("generation");
    return;
  }
  if (rules->status) object.Erase("status");
  if (rules->generation) {
    SetGeneration(object, 1);
  } else {
    Member(object, "metadata").Erase("generation");
  }
  if (rules->create != nullptr) rules->create(object, time);
}

void PrepareUpdate(const Kind& kind, Value& object, const Value& old) {
  const Rules* rules = RulesOf(kind);
  const int64_t generation = old.At({"metadata", "generation"}).AsInt();
  Member(object, "metadata").Erase("generation");
  SetGeneration(object, generation);
  if (rules == nullptr) return;
  if (rules->status) Restore(object, old, "status");
  if (rules->update != nullptr) rules->update(object, old);
  if (!rules->generation) return;
  const auto other = [&](const char* key) {
    return !(object.At({"metadata", key}) == old.At({"metadata", key}));
  };
  const bool counted = (rules->counts == Counts::kAnnotationsToo && other("annotations")) ||
                       (rules->counts == Counts::kLabelsToo && other("labels"));
  if (counted || (rules->counts != Counts::kNothing && WantsOther(object, old)))
    SetGeneration(object, generation + 1);
}

void PrepareStatusUpdate(const Kind& kind, Value& object, const Value& old) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.members()) keys.push_back(key);
  for (const auto& [key, value] : old.members()) {
    if (object.Find(key) == nullptr) keys.push_back(key);
  }
  for (const std::string& key : keys) {
    if (key != "metadata" && key != "status" && key != "apiVersion" && key != "kind")
      Restore(object, old, key);
  }
  Value& metadata = Member(object, "metadata");
  const Value& before = old.At({"metadata"});
  for (const char* key :
       {"generation", "ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds"})
    Restore(metadata, before, key);
  if (kind.name == "Deployment") Restore(metadata, before, "labels");
  if (kind.group.empty() && kind.name == "Pod") {
    if (const Value& quality = old.At({"status", "qosClass"}); !quality.IsNull())
      Member(object, "status").Set("qosClass", quality);
  }
}

}  // namespace keelson::strategy
