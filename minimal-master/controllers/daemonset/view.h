// SPDX-License-Identifier: Apache-2.0
// A daemon set node by node, for one plan. Pure, one thread; the facts outlive it.
#pragma once

#include "minimal-master/controllers/daemonset/plan.h"

namespace keelson::daemonset {

class View {
 public:
  struct Place {
    std::string node;
    Placement::Verdict verdict;
    std::vector<pods::PodPtr> pods;  // the oldest first, those with a node before those without
  };
  // What is on a node beside what is being deleted.
  struct Versions {
    bool clear = true;  // not two of the same
    pods::PodPtr present;
    pods::PodPtr old;
  };

  explicit View(const Facts& facts);
  const std::vector<Place>& places() const { return places_; }  // by the node's name
  const std::vector<pods::PodPtr>& lost() const { return lost_; }
  Versions VersionsAt(const Place& place) const;
  // Of the present template.
  bool IsPresent(const pods::PodFacts& pod) const;

  bool rolls() const { return rolls_; }  // and does not wait for pods to be deleted by hand
  int64_t min_ready() const { return min_ready_; }
  int64_t surge() const { return surge_; }
  int64_t unavailable() const { return unavailable_; }

 private:
  const Facts& facts_;
  std::vector<Place> places_;
  std::vector<pods::PodPtr> lost_;  // not on a node yet, and the node is gone
  std::string generation_;
  bool rolls_ = false;
  int64_t min_ready_ = 0;
  int64_t surge_ = 0;
  int64_t unavailable_ = 0;
};

}  // namespace keelson::daemonset
