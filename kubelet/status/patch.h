// SPDX-License-Identifier: Apache-2.0
// From the status that the API server has and the one that is true to the patch between them
// (strategic merge), and to how urgent it is. Pure. Conditions of others are not named, so they
// stay.
#pragma once

#include <optional>
#include <string>

#include "lib/json/value.h"

namespace keelson::status {

// The body of a PATCH of /status, for the pod of that uid alone; nothing: there is no difference.
// What a condition says since when is kept while it says the same.
std::optional<json::Value> PlanPatch(const std::string& uid, const json::Value& known,
                                     const json::Value& wanted);

// Larger is written first: an end, then who gets traffic, then the rest.
enum class Urgency { kOther, kReadiness, kTerminal };
Urgency UrgencyOf(const json::Value& known, const json::Value& wanted);

bool IsTerminal(const json::Value& status);
// The status of a pod whose containers are all gone, before its object goes: Succeeded if each of
// the regular ones ended well, else Failed; of what nobody saw end that is said.
json::Value Terminated(json::Value status);
// Ready only if the conditions that the pod names as its gates (spec.readinessGates) hold; those
// are others' and stand in `known`.
void ApplyReadinessGates(const json::Value& spec, const json::Value& known, json::Value& status);

}  // namespace keelson::status
