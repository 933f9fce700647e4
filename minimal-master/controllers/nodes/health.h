// SPDX-License-Identifier: Apache-2.0
// What a node's status becomes when nothing was heard of it for the time of grace, and what becomes
// of the pods on it. Pure. Source: k8s.io/kubernetes, pkg/controller/nodelifecycle (1.35).
#pragma once

#include <optional>
#include <string>

#include "minimal-master/control/write.h"

namespace keelson::controllers::nodes {

// Of the condition Ready.
enum class Ready { kNever, kTrue, kFalse, kUnknown };  // kNever: there is none

Ready ReadyOf(const json::Value& node);
// Changes whenever a kubelet reports: the time in Ready, or nothing.
std::string HeartbeatOf(const json::Value& node);
// "region:\0:zone", as upstream's; empty: it has no such labels.
std::string ZoneOf(const json::Value& node);

// The status with what nobody knows any more as Unknown; nothing: it says so already.
std::optional<control::Write> PlanSilence(const json::Value& node, int64_t now);
// The pod's Ready becomes False; nothing: it is not ready, or has no such condition.
std::optional<control::Write> PlanPodNotReady(const json::Value& pod, int64_t now);

}  // namespace keelson::controllers::nodes
