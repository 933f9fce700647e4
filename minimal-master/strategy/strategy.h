// SPDX-License-Identifier: Apache-2.0
// What only the server may write into an object, kind by kind: what becomes of status, generation
// and the fields that follow from others when somebody creates or updates it. Names, times, uids
// and resource versions are the same for every kind and the api's. Pure, any thread. Source: the
// strategy.go files of k8s.io/kubernetes/pkg/registry (1.35), recorded answers in
// tests/data/golden.
#pragma once

#include <string>
#include <string_view>

#include "lib/json/value.h"

namespace keelson::strategy {

struct Kind {
  std::string_view group;  // empty for core
  std::string_view name;   // "Deployment"
};

// Of several ways to say one thing the one that is kept; before anything is compared.
void Normalize(const Kind& kind, json::Value& object);

// `object` has its defaults, name and uid; `time` is now by RFC 3339.
void PrepareCreate(const Kind& kind, json::Value& object, std::string_view time);
// Of the resource itself: what others own comes from `old`.
void PrepareUpdate(const Kind& kind, json::Value& object, const json::Value& old);
// Of the subresource status: everything but the status and some of the metadata comes from `old`.
void PrepareStatusUpdate(const Kind& kind, json::Value& object, const json::Value& old);
// Of subresources that write one part of the spec (ephemeralcontainers and resize of pods); false:
// it is none of them.
bool PreparePartUpdate(const Kind& kind, std::string_view subresource, json::Value& object,
                       const json::Value& old);

// "Guaranteed", "Burstable", "BestEffort" for a pod's spec.
std::string_view QosClass(const json::Value& pod_spec);

}  // namespace keelson::strategy
