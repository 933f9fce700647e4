// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/owners.h"

#include <algorithm>
#include <utility>

#include "minimal-master/fields/apply.h"
#include "minimal-master/schema/canonical.h"

namespace keelson::fields {

using json::Value;

namespace {

constexpr char kManagedFields[] = "managedFields";
constexpr size_t kLongestManager = 128;

Path PathOf(std::initializer_list<std::string_view> names) {
  Path path;
  for (const std::string_view name : names) path.push_back(Element::Field(name));
  return path;
}

// [] and [{}] forget who owned what.
bool IsReset(const Value& managed_fields) {
  const auto& entries = managed_fields.items();
  if (entries.empty()) return managed_fields.IsArray();
  return entries.size() == 1 && entries[0].members().empty();
}

// What an object that was sent says of its managers, which is taken off it.
struct Sent {
  bool reset = false;
  std::optional<Managers> managers;  // nothing: they are those there were
};

Sent TakeSent(const Target& target, std::string_view before, Value& object) {
  Sent out;
  Value* metadata = object.Find("metadata");
  Value* sent = metadata == nullptr ? nullptr : metadata->Find(kManagedFields);
  if (sent == nullptr) return out;
  if (target.subresource.empty()) {
    out.reset = IsReset(*sent);
    const schema::Field* of = target.type->Find("metadata");
    const schema::Field* type = of == nullptr ? nullptr : of->type().Find(kManagedFields);
    if (!out.reset && !sent->items().empty() && type != nullptr &&
        schema::WriteCanonical(*sent, type->type()) != before) {
      out.managers = ReadSentManagers(*sent);
      if (out.managers && out.managers->empty()) out.managers.reset();
    }
  }
  metadata->Erase(kManagedFields);
  return out;
}

}  // namespace

const Change* Versions::Get(const std::string& version) {
  for (const auto& [known, change] : known_) {
    if (known == version) return change ? &*change : nullptr;
  }
  std::optional<Change> change;
  Value before;
  Value after;
  if (target_.convert) {
    const schema::Type* type = target_.convert(version, before_, before);
    if (type != nullptr && target_.convert(version, after_, after) != nullptr)
      change = Passing(Compare(schema::Canonical(before, *type), after, Form::kDecoded, {type}),
                       target_.reset);
  }
  known_.emplace_back(version, std::move(change));
  return Get(version);
}

const Set& Stripped() {
  static const Set* const set = [] {
    auto* out = new Set;
    for (const char* name : {"apiVersion", "kind", "metadata"}) out->Insert(PathOf({name}));
    for (const char* name : {"name", "namespace", "creationTimestamp", "selfLink", "uid",
                             "clusterName", "generation", kManagedFields, "resourceVersion"})
      out->Insert(PathOf({"metadata", name}));
    return out;
  }();
  return *set;
}

Value Nothing(const schema::Type& type) { return schema::Canonical(Value::Object(), type); }

Change Passing(Change change, const Set& reset) {
  if (reset.Empty()) return change;
  return {Without(std::move(change.added), reset), Without(std::move(change.removed), reset),
          Without(std::move(change.modified), reset)};
}

Set ResetFields(const std::string& group, const std::string& kind, const std::string& subresource,
                bool has_status) {
  Set out;
  if (kind == "CertificateSigningRequest") {
    out.Insert(PathOf({"spec"}));
    if (subresource == "status")
      out.Insert(PathOf({"status", "conditions"}));
    else if (subresource == "approval")
      out.Insert(PathOf({"status", "certificate"}));
    else
      out.Insert(PathOf({"status"}));
    return out;
  }
  if (!has_status || kind == "ServiceCIDR") return out;
  if (subresource.empty() || subresource == "finalize") {
    out.Insert(PathOf({"status"}));
    return out;
  }
  if (subresource != "status") return out;
  out.Insert(PathOf({"spec"}));
  if (group == "apps" && kind == "Deployment") out.Insert(PathOf({"metadata", "labels"}));
  if (group.empty() && kind == "Pod") {
    out.Insert(PathOf({"metadata", "deletionTimestamp"}));
    out.Insert(PathOf({"metadata", "ownerReferences"}));
  }
  if (kind == "FlowSchema" || kind == "PriorityLevelConfiguration" || kind == "ResourceClaim" ||
      kind == "VolumeAttachment" || kind == "ValidatingAdmissionPolicy")
    out.Insert(PathOf({"metadata"}));
  return out;
}

std::string ManagerOf(std::string_view asked, std::string_view user_agent) {
  if (!asked.empty()) return std::string(asked);
  std::string out;
  for (const char c : user_agent.substr(0, user_agent.find('/'))) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f && out.size() < kLongestManager) out += c;
  }
  return out.empty() ? "unknown" : out;
}

void Take(const Target& target, const Manager& writer, Change change, Managers& managers,
          const std::function<const Change*(const std::string& version)>& in_version) {
  const std::string version = target.ApiVersion();
  Set taken = Union(std::move(change.added), change.modified);
  const Set all = managers.empty() ? Set() : Union(taken, change.removed);
  taken = Difference(std::move(taken), Stripped());
  bool owned = false;
  std::erase_if(managers, [&](Manager& each) {
    if (!taken.Empty() && each.IsSame(writer)) {
      // Most writers change again what is theirs: then only the time is new.
      const bool loses = Touches(each.written(), change.removed);
      if (loses || !Covers(each.written(), taken))
        each.SetFields(Union(Difference(each.set(), change.removed), taken));
      each.time = writer.time;
      owned = true;
      return false;
    }
    const Set* theirs = &all;
    Set converted;
    if (each.version != version) {
      const Change* seen = in_version(each.version);
      if (seen == nullptr) return true;
      converted = Union(Union(seen->added, seen->modified), seen->removed);
      theirs = &converted;
    }
    if (Touches(each.written(), *theirs)) each.SetFields(Difference(each.set(), *theirs));
    return each.OwnsNothing();
  });
  if (taken.Empty() || owned) return;
  Manager added = writer;
  added.SetFields(std::move(taken));
  managers.push_back(std::move(added));
}

std::string TrackWrite(const Target& target, const Value* old, std::string_view managers,
                       Value& object, const std::string& manager, const std::string& time) {
  Sent sent = TakeSent(target, managers, object);
  // Of what nobody tracked so far nobody begins to.
  if (old != nullptr && (sent.reset || (managers.empty() && !sent.managers))) return {};
  Manager writer;
  writer.name = manager;
  writer.version = target.ApiVersion();
  writer.subresource = target.subresource;
  writer.time = time;
  const Value nothing = old == nullptr ? Nothing(*target.type) : Value();
  const Value& before = old == nullptr ? nothing : *old;
  Change change = Passing(Compare(before, object, Form::kDecoded, {target.type}), target.reset);
  Managers known = sent.managers ? *std::move(sent.managers) : ReadManagers(managers);
  Versions versions(target, before, object);
  Take(target, writer, std::move(change), known,
       [&](const std::string& version) { return versions.Get(version); });
  CapUpdaters(known);
  return WriteManagers(std::move(known));
}

}  // namespace keelson::fields
