// SPDX-License-Identifier: Apache-2.0
// How a namespace ends: its pods go first, then everything else; while something is left its
// conditions say what, and once nothing is, the finalizer goes. Pure. Source: k8s.io/kubernetes,
// pkg/controller/namespace/deletion (1.35).
#pragma once

#include <string>
#include <vector>

#include "minimal-master/controllers/apply.h"

namespace keelson::controllers::namespaces {

inline constexpr char kFinalizer[] = "kubernetes";

// The objects of one kind that are in the namespace.
struct Content {
  const schema::Resource* resource = nullptr;
  std::vector<json::Value> objects;
};

// It goes, and nobody has taken the finalizer off yet.
bool IsEnding(const json::Value& space);
// Deletes of what is not on its way already: of the pods alone while there are any.
std::vector<control::Write> PlanDeletes(const std::vector<Content>& contents);

// What is left once the deletes are done. `errors`: of deletes that failed, as they are told.
struct Rest {
  json::Value space;
  std::vector<Content> contents;
  std::vector<std::string> errors;
  int64_t now = 0;  // nanoseconds
};
// Says what is left, or lets the namespace go; when to look again if nothing is heard of.
Planned PlanEnd(const Rest& rest);

}  // namespace keelson::controllers::namespaces
