// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/fields/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lib/base/strings.h"
#include "minimal-master/fields/merge.h"

namespace keelson::fields {

using json::Value;
using status::Failure;

namespace {

constexpr char kManagedFields[] = "managedFields";
constexpr char kBefore[] = "before-first-apply";
constexpr char kKubectl[] = "kubectl";

// "apps/v1, Kind=Deployment" of what an object says of itself.
std::string KindOf(const Value& object) {
  const std::string& version = object.At({"apiVersion"}).AsString();
  const bool bare = version.find('/') == std::string::npos;
  return fmt::format("{}{}, Kind={}", bare ? "/" : "", version, object.At({"kind"}).AsString());
}

status::Or<bool> CheckConfig(const Target& target, const Value& config) {
  const Value& metadata = config.At({"metadata"});
  if (config.At({"apiVersion"}).AsString() != target.ApiVersion() ||
      config.At({"kind"}).AsString() != target.kind)
    return status::BadRequest("invalid object type: " + KindOf(config));
  if (metadata.At({kManagedFields}).IsArray())
    return status::BadRequest("metadata.managedFields must be nil");
  const std::vector<std::string> problems = ProblemsOf(config, {target.type});
  if (problems.empty()) return true;
  std::string shown = problems[0];
  if (problems.size() > 1) {
    shown = "errors:";
    for (const std::string& problem : problems) shown += "\n  " + problem;
  }
  Failure failure;
  failure.message = fmt::format("failed to create typed patch object ({}/{}; {}): {}",
                                metadata.At({"namespace"}).AsString(),
                                metadata.At({"name"}).AsString(), KindOf(config), shown);
  return failure;
}

struct Outcome {
  Value object;
  bool changed = false;
  Managers managers;
  std::vector<Conflict> conflicts;  // then nothing else counts
};

class Applier {
 public:
  Applier(const Target& target, const Value& live, const Value& config, Manager self)
      : target_(target), spot_{target.type}, live_(live), config_(config), self_(std::move(self)) {
    self_.SetFields(Without(SetOf(config, spot_), target.reset));
  }

  Outcome Run(Managers managers, bool force) {
    Value merged = Merge(live_, config_, spot_);
    std::optional<Manager> last;
    for (Manager& each : managers) {
      if (each.IsSame(self_)) last = std::exchange(each, self_);
    }
    if (!last) managers.push_back(self_);
    if (last) merged = Prune(target_, merged, *last, managers);
    Outcome out;
    out.changed = !(merged == live_);
    const Change change = Passing(Compare(live_, merged, Form::kWritten, spot_), target_.reset);
    Versions versions(target_, live_, merged);
    std::erase_if(managers, [&](Manager& each) {
      if (each.IsSame(self_)) return true;
      const Change* seen = each.version == self_.version ? &change : versions.Get(each.version);
      if (seen == nullptr) return true;
      const Set conflict = Intersection(each.set(), Union(seen->added, seen->modified));
      conflict.ForEach([&](const Path& path) { out.conflicts.push_back({each, path}); });
      if (!conflict.Empty() || Touches(each.written(), seen->removed))
        each.SetFields(Difference(Difference(each.set(), conflict), seen->removed));
      return false;
    });
    if (force) out.conflicts.clear();
    Manager self = self_;
    self.SetFields(Difference(self_.set(), Stripped()));
    if (!out.changed) self.time = last ? last->time : "";
    managers.push_back(std::move(self));
    DropEmpty(managers);
    out.managers = std::move(managers);
    out.object = std::move(merged);
    return out;
  }

 private:
  const Target& target_;
  const Spot spot_;
  const Value& live_;
  const Value& config_;
  Manager self_;
};

// What is there when the first apply comes belongs to all who wrote before.
Managers BeforeFirst(const Target& target, const Value& live, const std::string& time) {
  Manager before;
  before.name = kBefore;
  before.version = target.ApiVersion();
  before.subresource = target.subresource;
  before.time = time;
  const Change change =
      Passing(Compare(Nothing(*target.type), live, Form::kWritten, {target.type}), target.reset);
  Managers managers;
  Take(target, before, change, managers, [](const std::string&) { return nullptr; });
  return managers;
}

}  // namespace

status::Or<Applied> Apply(const Target& target, const Value* live, std::string_view owners,
                          const Value& config, const std::string& manager, bool force,
                          const std::string& time) {
  const status::Or<bool> fit = CheckConfig(target, config);
  if (!fit.ok()) return fit.failure();
  Value before = live == nullptr ? Nothing(*target.type) : *live;
  Managers managers = ReadManagers(owners);
  if (managers.empty() && live != nullptr) managers = BeforeFirst(target, before, time);
  Manager self;
  self.name = manager;
  self.applies = true;
  self.version = target.ApiVersion();
  self.subresource = target.subresource;
  self.time = time;
  Applier applier(target, before, config, self);
  Outcome outcome = applier.Run(managers, force);
  if (!outcome.conflicts.empty() && manager == kKubectl) {
    // What kubectl applied on the client's side is its own.
    if (const std::optional<Set> allowed = LastAppliedFields(target, before)) {
      std::erase_if(outcome.conflicts,
                    [&](const Conflict& conflict) { return allowed->Has(conflict.path); });
      if (outcome.conflicts.empty()) outcome = applier.Run(managers, true);
    }
  }
  if (!outcome.conflicts.empty()) return ConflictFailure(std::move(outcome.conflicts));
  Applied applied{outcome.changed ? std::move(outcome.object) : std::move(before),
                  WriteManagers(std::move(outcome.managers)), outcome.changed};
  if (manager == kKubectl) SyncLastApplied(applied.object, config);
  return applied;
}

Failure ConflictFailure(std::vector<Conflict> conflicts) {
  std::stable_sort(conflicts.begin(), conflicts.end(), [](const Conflict& a, const Conflict& b) {
    return a.manager.Identity() < b.manager.Identity();
  });
  Failure failure;
  failure.code = 409;
  failure.reason = "Conflict";
  failure.has_details = true;
  std::string list;
  const Manager* last = nullptr;
  for (const Conflict& conflict : conflicts) {
    std::string path;
    for (const Element& element : conflict.path) path += element.Shown();
    const std::string who = conflict.manager.Shown();
    if (last == nullptr || !last->IsSame(conflict.manager))
      list += fmt::format("{}conflicts with {}:", list.empty() ? "" : "\n", who);
    last = &conflict.manager;
    list += "\n- " + path;
    failure.details.causes.push_back({"FieldManagerConflict", "conflict with " + who, path});
  }
  failure.message =
      conflicts.size() == 1
          ? fmt::format("Apply failed with 1 conflict: {}: {}", failure.details.causes[0].message,
                        failure.details.causes[0].field)
          : fmt::format("Apply failed with {} conflicts: {}", conflicts.size(), list);
  return failure;
}

}  // namespace keelson::fields
