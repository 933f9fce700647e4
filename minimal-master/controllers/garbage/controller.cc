// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/garbage/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "minimal-master/storage/storage.h"

namespace keelson::controllers::garbage {
namespace {

using json::Value;
using watch::ObjectPtr;

constexpr char kAs[] = "generic-garbage-collector";

bool IsGoing(const watch::Object& object) {
  return object.bytes().view().find("\"deletionTimestamp\":\"") != std::string_view::npos;
}

bool IsGoingWith(const watch::Object& object, std::string_view finalizer) {
  return IsGoing(object) && object.bytes().view().find(finalizer) != std::string_view::npos;
}

const schema::Resource* ResourceOf(const Value& reference) {
  const std::string& version = reference.At({"apiVersion"}).AsString();
  const size_t slash = version.find('/');
  return schema::FindResourceOfKind(
      slash == std::string::npos ? std::string_view() : std::string_view(version).substr(0, slash),
      slash == std::string::npos ? std::string_view(version)
                                 : std::string_view(version).substr(slash + 1),
      reference.At({"kind"}).AsString());
}

}  // namespace

std::vector<const schema::Resource*> Collector::Watches() const {
  std::vector<const schema::Resource*> out;
  for (const schema::Resource& resource : schema::Resources()) {
    if (resource.Can("delete") && resource.Can("list") && resource.name() != "events" &&
        &storage::StoredAs(resource) == &resource)
      out.push_back(&resource);
  }
  return out;
}

std::vector<std::string> Collector::DependentsOf(std::string_view uid) const {
  const std::lock_guard lock(mutex_);
  const auto found = dependents_.find(std::string(uid));
  if (found == dependents_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::vector<std::string> Collector::DependentsAt(std::string_view uid,
                                                 watch::Revision revision) const {
  if (heard_ >= revision) return DependentsOf(uid);
  std::vector<std::string> out;
  context_.cache.Current().ForEach("", "", [&](const ObjectPtr& object) {
    const auto& uids = object->owner_uids();
    if (std::find(uids.begin(), uids.end(), uid) != uids.end()) out.emplace_back(object->key());
    return true;
  });
  return out;
}

void Collector::Index(const control::Change& change) {
  static const std::vector<std::string_view> kNone;
  const bool gone = change.kind == watch::Kind::kDeleted;
  const auto& before = change.old ? change.old->owner_uids() : kNone;
  const auto& after = gone ? kNone : change.object->owner_uids();
  if (before == after) return;
  const std::string key(change.object->key());
  const std::lock_guard lock(mutex_);
  for (const std::string_view uid : before) {
    const auto found = dependents_.find(std::string(uid));
    if (found == dependents_.end()) continue;
    found->second.erase(key);
    if (found->second.empty()) dependents_.erase(found);
  }
  for (const std::string_view uid : after) dependents_[std::string(uid)].insert(key);
}

void Collector::Route(const control::Change& change, const Add& add) {
  Index(change);
  const watch::Object& object = *change.object;
  const bool gone = change.kind == watch::Kind::kDeleted;
  // Another object took the place of the one that was there.
  const bool other = change.old && change.old->uid() != object.uid();
  if (gone || other) {
    for (std::string& key : DependentsOf(gone ? object.uid() : change.old->uid()))
      add(std::move(key));
  }
  const bool owned_anew = !object.owner_uids().empty() &&
                          (!change.old || change.old->owner_uids() != object.owner_uids());
  const bool going = !gone && IsGoing(object);
  if (!gone && owned_anew && !going) add(std::string(object.key()));
  if (going && object.bytes().view().find("\"finalizers\":[") != std::string_view::npos) {
    if (IsGoingWith(object, kForeground) &&
        !(change.old && IsGoingWith(*change.old, kForeground))) {
      for (std::string& key : DependentsOf(object.uid())) add(std::move(key));
    }
    add(std::string(object.key()));
  }
  // An owner may wait for this one: of what goes, what it owned and what no longer names it.
  if (!change.old || change.old->owner_uids().empty()) return;
  if (!gone && !going && change.old->owner_uids() == object.owner_uids() &&
      change.old->bytes().size() == object.bytes().size())
    return;
  if (!gone && !going && change.old->owner_uids() == object.owner_uids()) {
    // blockOwnerDeletion is all that can matter then.
    const auto blocks = [](const watch::Object& one) {
      return one.bytes().view().find("\"blockOwnerDeletion\":true") != std::string_view::npos;
    };
    if (blocks(*change.old) == blocks(object)) return;
  }
  const Value old = control::Parse(*change.old);
  for (const Value& reference : old.At({"metadata", "ownerReferences"}).items()) {
    const schema::Resource* resource = ResourceOf(reference);
    if (resource == nullptr) continue;
    const ObjectPtr owner = control::Find(context_.cache, *resource, change.old->ns(),
                                          reference.At({"name"}).AsString());
    if (owner && IsGoing(*owner)) add(std::string(owner->key()));
  }
}

bool Collector::IsElsewhere(const schema::Resource& resource, std::string_view uid) const {
  bool found = false;
  context_.cache.Current().ForEach(storage::PrefixOf(resource, ""), "",
                                   [&](const ObjectPtr& object) {
                                     found = object->uid() == uid;
                                     return !found;
                                   });
  return found;
}

OwnerState Collector::StateOf(const Value& reference, const Value& object,
                              watch::Revision& revision) const {
  const schema::Resource* resource = ResourceOf(reference);
  if (resource == nullptr) return OwnerState::kUnknownKind;
  const std::string& ns = object.At({"metadata", "namespace"}).AsString();
  const std::string& uid = reference.At({"uid"}).AsString();
  // What lies in no namespace cannot be owned by what does: it is left alone.
  const bool impossible = ns.empty() && resource->namespaced();
  const ObjectPtr owner =
      impossible ? ObjectPtr()
                 : control::Find(context_.cache, *resource, resource->namespaced() ? ns : "",
                                 reference.At({"name"}).AsString());
  if (owner && owner->uid() == uid) {
    revision = std::max(revision, owner->revision());
    if (!IsGoingWith(*owner, kForeground)) return OwnerState::kThere;
    return IsDeletingDependents(control::Parse(*owner)) ? OwnerState::kWaiting : OwnerState::kThere;
  }
  if (impossible || (resource->namespaced() && IsElsewhere(*resource, uid))) {
    context_.recorder.Record(
        object, "Warning", "OwnerRefInvalidNamespace",
        fmt::format(
            "ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in namespace "
            "\"{}\"",
            reference.At({"apiVersion"}).AsString(), reference.At({"kind"}).AsString(), ns,
            reference.At({"name"}).AsString(), uid, ns),
        "garbage-collector-controller");
  }
  return impossible ? OwnerState::kUnknownKind : OwnerState::kAbsent;
}

void Collector::AddDependents(const watch::Object& object, watch::Revision revision,
                              Facts& facts) const {
  // One that goes after its dependents waits for the first that is left: no other matters.
  const bool waits = IsDeletingDependents(facts.object) && !HasFinalizer(facts.object, kOrphan);
  const bool orphans = control::IsBeingDeleted(facts.object) && HasFinalizer(facts.object, kOrphan);
  const bool follows = std::any_of(facts.owners.begin(), facts.owners.end(), [](const Owner& one) {
    return one.state == OwnerState::kWaiting;
  });
  if (!waits && !orphans && !follows) return;
  for (const std::string& key : DependentsAt(object.uid(), revision)) {
    const ObjectPtr dependent = context_.cache.Find(key);
    const schema::Resource* resource = storage::ResourceOfKey(key);
    if (!dependent || resource == nullptr) continue;
    const auto& uids = dependent->owner_uids();
    if (std::find(uids.begin(), uids.end(), object.uid()) == uids.end()) continue;
    // A namesake in another namespace is none of its dependents.
    if (!object.ns().empty() && dependent->ns() != object.ns()) continue;
    facts.dependents.push_back({resource, control::Parse(*dependent)});
    if (waits && Blocks(facts.dependents.back().object, object.uid())) return;
  }
}

control::Outcome Collector::Sync(const std::string& key) {
  const ObjectPtr object = context_.cache.Find(key);
  if (!object) return control::Outcome::Done();
  Facts facts;
  facts.resource = storage::ResourceOfKey(key);
  if (facts.resource == nullptr) return control::Outcome::Done();
  facts.object = control::Parse(*object);
  watch::Revision revision = object->revision();
  for (const Value& reference : facts.object.At({"metadata", "ownerReferences"}).items())
    facts.owners.push_back({reference, StateOf(reference, facts.object, revision)});
  AddDependents(*object, revision, facts);
  return Apply(context_.client, kAs, Plan(facts));
}

}  // namespace keelson::controllers::garbage
