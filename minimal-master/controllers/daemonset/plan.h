// SPDX-License-Identifier: Apache-2.0
// What becomes of a daemon set's pods: where one is missing, which go, which are replaced by the
// present template, and what the status says. Pure, any thread. Source: observed behaviour of
// kube-controller-manager 1.35.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/daemonset/placement.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::daemonset {

// Of a node whose pods fail: it gets its next one later and later, 1 s to 15 min.
struct Backoff {
  int64_t wait = 0;  // nanoseconds
  int64_t since = 0;
};
Backoff Next(const Backoff& before, int64_t now);

struct Facts {
  const json::Value& set;
  std::vector<NodePtr> nodes;
  std::vector<pods::PodPtr> pods;                        // its own, in any state
  std::string hash;                                      // of the present template
  std::map<std::string, Backoff, std::less<>> backoffs;  // by node
  int64_t now = 0;
};

struct Event {
  std::string type;
  std::string reason;
  std::string message;
};

struct Plan {
  std::vector<std::string> create;   // nodes that get a pod, at most 250
  std::vector<pods::PodPtr> remove;  // at most 250
  std::vector<std::string> failed;   // nodes of failed pods among these
  std::vector<Event> events;
  std::optional<int64_t> again;  // nanoseconds from now
};
// One pod where there shall be one, none elsewhere, none that has ended.
Plan PlanPresence(const Facts& facts);
// The next step of a rolling update, when all of that is done.
Plan PlanUpdate(const Facts& facts);

struct StatusPlan {
  std::optional<control::Write> write;  // nothing: it says so already
  std::optional<int64_t> again;         // nanoseconds from now
};
StatusPlan PlanStatus(const Facts& facts);

// Hashes that its pods carry.
std::set<std::string, std::less<>> HashesInUse(const std::vector<pods::PodPtr>& pods);

}  // namespace keelson::daemonset
