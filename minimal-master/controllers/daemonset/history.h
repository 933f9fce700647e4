// SPDX-License-Identifier: Apache-2.0
// The versions that a daemon set's template had, as ControllerRevisions: what `kubectl rollout
// history` and `undo` work with. Pure, any thread. Source: observed behaviour of
// kube-controller-manager 1.35.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "minimal-master/control/write.h"

namespace keelson::daemonset {

struct History {
  std::string hash;                    // of the present template
  std::vector<control::Write> writes;  // a new revision, others renumbered or merged
  std::vector<json::Value> old;        // from the oldest on
};
// `revisions`: those that are the set's own.
History PlanHistory(const json::Value& set, const std::vector<json::Value>& revisions);
// A revision of this name is there. Ours with our template: nothing needs to be done; else the
// status by which the next one gets another name.
std::optional<control::Write> AfterCollision(const json::Value& set, const json::Value& present);
// Those beyond its limit that no pod is of.
std::vector<control::Write> PlanForgetting(const json::Value& set,
                                           const std::vector<json::Value>& old,
                                           const std::set<std::string, std::less<>>& in_use);

}  // namespace keelson::daemonset
