// SPDX-License-Identifier: Apache-2.0
// What becomes of an object whose owners go, and of one that goes with what it owns: upstream's
// rules as a pure function. Source: k8s.io/kubernetes, pkg/controller/garbagecollector (1.35).
#pragma once

#include <string>
#include <vector>

#include "minimal-master/controllers/apply.h"

namespace keelson::controllers::garbage {

inline constexpr char kOrphan[] = "orphan";
inline constexpr char kForeground[] = "foregroundDeletion";

enum class OwnerState {
  kThere,
  kAbsent,       // nobody of that kind, name and uid, where it must be
  kWaiting,      // it goes, once its dependents are gone
  kUnknownKind,  // nobody can say: nothing is collected because of it
};

struct Owner {
  json::Value reference;
  OwnerState state = OwnerState::kThere;
};

struct Dependent {
  const schema::Resource* resource = nullptr;
  json::Value object;
};

struct Facts {
  const schema::Resource* resource = nullptr;
  json::Value object;
  std::vector<Owner> owners;
  // Those that name it by its uid: all when it makes orphans or follows an owner that waits, enough
  // of them to tell when it waits itself.
  std::vector<Dependent> dependents;
};

bool HasFinalizer(const json::Value& object, std::string_view finalizer);
// It goes in the foreground: its dependents first.
bool IsDeletingDependents(const json::Value& object);
// The dependent keeps the owner of this uid.
bool Blocks(const json::Value& dependent, std::string_view uid);
Planned Plan(const Facts& facts);

}  // namespace keelson::controllers::garbage
