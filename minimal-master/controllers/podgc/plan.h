// SPDX-License-Identifier: Apache-2.0
// Which pods are taken away because nobody else would, and how. Pure. Source: k8s.io/kubernetes,
// pkg/controller/podgc (1.35).
#pragma once

#include <string_view>
#include <vector>

#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::controllers::podgc {

// Of the ended pods those beyond the threshold: evicted ones first, then the oldest.
std::vector<pods::PodPtr> PlanExcess(std::vector<pods::PodPtr> ended, size_t threshold);
// It says that its node is not to come back, and does not report.
bool IsOutOfService(const json::Value& node);
// It must go at once, whoever still holds it: it has nothing to run on.
enum class Reason {
  kEnded,
  kOrphaned,     // its node is gone
  kUnscheduled,  // deleted before it had a node
  kOutOfService,
};
// Failed first, when it has not ended, then without any grace; nothing: that was asked already.
std::vector<control::Write> PlanRemoval(const json::Value& pod, Reason reason, int64_t now);

}  // namespace keelson::controllers::podgc
