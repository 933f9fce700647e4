// SPDX-License-Identifier: Apache-2.0
// What a PodDisruptionBudget says when one of its pods is to be evicted. Pure, any thread. Source:
// k8s.io/kubernetes, pkg/registry/core/pod/storage/eviction.go (1.35).
#pragma once

#include <optional>
#include <string>

#include "lib/json/value.h"
#include "minimal-master/status/failure.h"
#include "minimal-master/watch/object.h"

namespace keelson::api {

// What does not run yet, has ended, or goes already: no budget is asked.
bool MayGoUnasked(const json::Value& pod);
bool Covers(const json::Value& budget, const watch::Object& pod);

struct Leave {
  // What is left of the budget, to be stored first. Nothing: the pod is not healthy and may go
  // without being counted, as long as it is what was looked at.
  std::optional<json::Value> left;
};
// The budget with the pod counted against it, or 429 or 403 with the reason. `now`: as objects have
// times.
status::Or<Leave> AskLeave(const json::Value& budget, const json::Value& pod,
                           const std::string& now);
// While another writes it, and while what its spec says has not been counted yet.
status::Failure IsBusy(const json::Value& budget);

}  // namespace keelson::api
