// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/garbage/plan.h"

#include <algorithm>

#include "minimal-master/control/objects.h"

namespace keelson::controllers::garbage {
namespace {

using control::Write;
using json::Value;

// Only if it is still as it was when this was decided.
Value MetadataPatch(const Value& object, const char* key, Value list) {
  Value metadata;
  metadata.Set("uid", object.At({"metadata", "uid"}));
  metadata.Set("resourceVersion", object.At({"metadata", "resourceVersion"}));
  metadata.Set(key, list.items().empty() ? Value() : std::move(list));
  Value patch;
  patch.Set("metadata", std::move(metadata));
  return patch;
}

Write Patch(const schema::Resource& resource, const Value& object, const char* key, Value list) {
  return control::MergePatch(resource, object.At({"metadata", "namespace"}).AsString(),
                             object.At({"metadata", "name"}).AsString(),
                             MetadataPatch(object, key, std::move(list)));
}

Write WithoutFinalizer(const schema::Resource& resource, const Value& object,
                       std::string_view finalizer) {
  Value kept = Value::Array();
  for (const Value& one : object.At({"metadata", "finalizers"}).items()) {
    if (one.AsString() != finalizer) kept.Append(one);
  }
  return Patch(resource, object, "finalizers", std::move(kept));
}

// Its references to those uids taken away, or no longer blocking.
Write WithoutOwners(const schema::Resource& resource, const Value& object,
                    const std::vector<std::string>& uids) {
  Value kept = Value::Array();
  for (const Value& reference : object.At({"metadata", "ownerReferences"}).items()) {
    if (std::find(uids.begin(), uids.end(), reference.At({"uid"}).AsString()) == uids.end())
      kept.Append(reference);
  }
  return Patch(resource, object, "ownerReferences", std::move(kept));
}

Write Unblocked(const schema::Resource& resource, const Value& object) {
  Value references = object.At({"metadata", "ownerReferences"});
  for (Value& reference : references.items()) {
    if (reference.At({"blockOwnerDeletion"}).AsBool())
      reference.Set("blockOwnerDeletion", Value(false));
  }
  return Patch(resource, object, "ownerReferences", std::move(references));
}

Write Remove(const Facts& facts, const char* policy) {
  Write write =
      control::Delete(*facts.resource, facts.object.At({"metadata", "namespace"}).AsString(),
                      facts.object.At({"metadata", "name"}).AsString(),
                      facts.object.At({"metadata", "uid"}).AsString(), policy);
  write.body.Find("preconditions")
      ->Set("resourceVersion", facts.object.At({"metadata", "resourceVersion"}));
  return write;
}

Planned OrphanDependents(const Facts& facts) {
  Planned planned;
  const std::string& uid = facts.object.At({"metadata", "uid"}).AsString();
  for (const Dependent& dependent : facts.dependents)
    planned.writes.push_back(WithoutOwners(*dependent.resource, dependent.object, {uid}));
  planned.writes.push_back(WithoutFinalizer(*facts.resource, facts.object, kOrphan));
  return planned;
}

Planned WaitForDependents(const Facts& facts) {
  const std::string& uid = facts.object.At({"metadata", "uid"}).AsString();
  for (const Dependent& dependent : facts.dependents) {
    if (Blocks(dependent.object, uid)) return {};
  }
  return {{WithoutFinalizer(*facts.resource, facts.object, kForeground)}, std::nullopt};
}

}  // namespace

bool Blocks(const Value& dependent, std::string_view uid) {
  for (const Value& reference : dependent.At({"metadata", "ownerReferences"}).items()) {
    if (reference.At({"uid"}).AsString() == uid)
      return reference.At({"blockOwnerDeletion"}).AsBool();
  }
  return false;
}

bool HasFinalizer(const Value& object, std::string_view finalizer) {
  for (const Value& one : object.At({"metadata", "finalizers"}).items()) {
    if (one.AsString() == finalizer) return true;
  }
  return false;
}

bool IsDeletingDependents(const Value& object) {
  return control::IsBeingDeleted(object) && HasFinalizer(object, kForeground);
}

Planned Plan(const Facts& facts) {
  if (control::IsBeingDeleted(facts.object)) {
    if (HasFinalizer(facts.object, kOrphan)) return OrphanDependents(facts);
    if (HasFinalizer(facts.object, kForeground)) return WaitForDependents(facts);
    return {};
  }
  if (facts.owners.empty()) return {};
  std::vector<std::string> going;
  bool there = false;
  bool waiting = false;
  for (const Owner& owner : facts.owners) {
    if (owner.state == OwnerState::kThere || owner.state == OwnerState::kUnknownKind) there = true;
    if (owner.state == OwnerState::kWaiting) waiting = true;
    if (owner.state == OwnerState::kAbsent || owner.state == OwnerState::kWaiting)
      going.push_back(owner.reference.At({"uid"}).AsString());
  }
  if (there && going.empty()) return {};
  if (there) return {{WithoutOwners(*facts.resource, facts.object, going)}, std::nullopt};
  if (waiting && !facts.dependents.empty()) {
    Planned planned;
    const bool circle = std::any_of(
        facts.dependents.begin(), facts.dependents.end(),
        [](const Dependent& dependent) { return IsDeletingDependents(dependent.object); });
    if (circle) planned.writes.push_back(Unblocked(*facts.resource, facts.object));
    planned.writes.push_back(Remove(facts, "Foreground"));
    // The version has changed by then.
    if (circle) planned.writes.back().body.Find("preconditions")->Erase("resourceVersion");
    return planned;
  }
  if (HasFinalizer(facts.object, kOrphan)) return {{Remove(facts, "Orphan")}, std::nullopt};
  if (HasFinalizer(facts.object, kForeground)) return {{Remove(facts, "Foreground")}, std::nullopt};
  return {{Remove(facts, "Background")}, std::nullopt};
}

}  // namespace keelson::controllers::garbage
