// SPDX-License-Identifier: Apache-2.0
// The steps of an apply. For this folder alone.
#pragma once

#include <optional>
#include <vector>

#include "minimal-master/fields/managers.h"
#include "minimal-master/fields/owners.h"
#include "minimal-master/fields/walk.h"

namespace keelson::fields {

// Fields that nobody owns: what names an object, and what the server alone says.
const Set& Stripped();
// The zero value of the type, as it is written.
json::Value Nothing(const schema::Type& type);
// What the door lets pass of a change.
Change Passing(Change change, const Set& reset);
// A write by `manager` that changed `change` (in the target's version).
void Take(const Target& target, const Manager& writer, Change change, Managers& managers,
          const std::function<const Change*(const std::string& version)>& in_version);

// A change as other versions of the API see it. `before` and `after` outlive it.
class Versions {
 public:
  Versions(const Target& target, const json::Value& before, const json::Value& after)
      : target_(target), before_(before), after_(after) {}
  // Null: there is no such version.
  const Change* Get(const std::string& version);

 private:
  const Target& target_;
  const json::Value& before_;
  const json::Value& after_;
  std::vector<std::pair<std::string, std::optional<Change>>> known_;
};

// `merged` without what a manager applied last time, and nobody owns now (`owners`: all there are,
// the manager too, as it owns what it applies this time).
json::Value Prune(const Target& target, const json::Value& merged, Manager& last, Managers& owners);

struct Conflict {
  Manager manager;
  Path path;
};
status::Failure ConflictFailure(std::vector<Conflict> conflicts);

// kubectl's annotation with what was applied by it on the client's side.
constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";
// What `live` has as that annotation says: kubectl may take it over from whoever owns it. Nothing:
// there is no annotation to go by.
std::optional<Set> LastAppliedFields(const Target& target, const json::Value& live);
// Brings the annotation up to date if there is one.
void SyncLastApplied(json::Value& object, const json::Value& config);

}  // namespace keelson::fields
