// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/history.h"

#include <algorithm>

#include "minimal-master/control/objects.h"
#include "minimal-master/controllers/daemonset/placement.h"
#include "minimal-master/controllers/pods/hash.h"

namespace keelson::daemonset {
namespace {

using json::Value;

const schema::Resource& Revisions() {
  static const schema::Resource& resource = control::ResourceNamed("apps", "controllerrevisions");
  return resource;
}

// What going back to it would send: a strategic merge patch.
Value PatchOf(const Value& set) {
  Value pod_template = set.At({"spec", "template"});
  pod_template.Set("$patch", Value("replace"));
  return Value::Object({{"spec", Value::Object({{"template", std::move(pod_template)}})}});
}

int64_t NumberOf(const Value& revision) { return revision.At({"revision"}).AsInt(); }
std::string HashOf(const Value& revision) {
  return revision.At({"metadata", "labels", kHashLabel}).AsString();
}

control::Write Renumber(Value revision, int64_t number) {
  revision.Set("revision", Value(number));
  return control::Update(Revisions(), std::move(revision));
}

control::Write NewRevision(const Value& set, const std::string& hash, int64_t number) {
  constexpr size_t kLongestName = 253;
  const std::string name =
      set.At({"metadata", "name"}).AsString().substr(0, kLongestName - 1 - hash.size()) + "-" +
      hash;
  Value labels = set.At({"spec", "template", "metadata", "labels"});
  labels.Set(kHashLabel, Value(hash));
  Value metadata;
  metadata.Set("name", Value(name));
  metadata.Set("namespace", set.At({"metadata", "namespace"}));
  metadata.Set("labels", std::move(labels));
  const Value& annotations = set.At({"metadata", "annotations"});
  if (!annotations.IsNull()) metadata.Set("annotations", annotations);
  metadata.Set("ownerReferences",
               Value::Array({control::ControllerReference("apps/v1", "DaemonSet", set)}));
  Value revision;
  revision.Set("apiVersion", Value("apps/v1"));
  revision.Set("kind", Value("ControllerRevision"));
  revision.Set("metadata", std::move(metadata));
  revision.Set("data", PatchOf(set));
  revision.Set("revision", Value(number));
  return control::Create(Revisions(), set.At({"metadata", "namespace"}).AsString(),
                         std::move(revision));
}

}  // namespace

History PlanHistory(const Value& set, const std::vector<Value>& revisions) {
  const Value patch = PatchOf(set);
  History out;
  std::vector<Value> same;
  for (const Value& revision : revisions) {
    (revision.At({"data"}) == patch ? same : out.old).push_back(revision);
  }
  const auto by_number = [](const Value& a, const Value& b) { return NumberOf(a) < NumberOf(b); };
  std::stable_sort(same.begin(), same.end(), by_number);
  std::stable_sort(out.old.begin(), out.old.end(), by_number);
  const int64_t next = out.old.empty() ? 1 : NumberOf(out.old.back()) + 1;
  if (same.empty()) {
    out.hash = pods::HashOf(set.At({"spec", "template"}), set.At({"status", "collisionCount"}));
    out.writes.push_back(NewRevision(set, out.hash, next));
    return out;
  }
  // Of several that say the same the newest is kept; their pods are of the present template.
  out.hash = HashOf(same.back());
  if (NumberOf(same.back()) < next) out.writes.push_back(Renumber(same.back(), next));
  same.pop_back();
  out.old.insert(out.old.begin(), same.begin(), same.end());
  return out;
}

std::optional<control::Write> AfterCollision(const Value& set, const Value& present) {
  const Value* owner = control::ControllerOf(present);
  if (owner != nullptr && owner->At({"uid"}) == set.At({"metadata", "uid"}) &&
      present.At({"data"}) == PatchOf(set)) {
    return std::nullopt;
  }
  Value status = set.At({"status"});
  status.Set("collisionCount", Value(status.At({"collisionCount"}).AsInt() + 1));
  Value updated = set;
  updated.Set("status", std::move(status));
  return control::Update(control::ResourceNamed("apps", "daemonsets"), std::move(updated),
                         "status");
}

std::vector<control::Write> PlanForgetting(const Value& set, const std::vector<Value>& old,
                                           const std::set<std::string, std::less<>>& in_use) {
  const Value& limit = set.At({"spec", "revisionHistoryLimit"});
  const int64_t keep = limit.IsInt() ? limit.AsInt() : 10;
  int64_t too_many = static_cast<int64_t>(old.size()) - keep;
  std::vector<control::Write> out;
  for (const Value& revision : old) {
    if (too_many <= 0) break;
    if (in_use.contains(HashOf(revision))) continue;
    const Value& metadata = revision.At({"metadata"});
    out.push_back(control::Delete(Revisions(), metadata.At({"namespace"}).AsString(),
                                  metadata.At({"name"}).AsString(),
                                  metadata.At({"uid"}).AsString()));
    --too_many;
  }
  return out;
}

}  // namespace keelson::daemonset
