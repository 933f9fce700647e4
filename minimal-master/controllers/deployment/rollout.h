// SPDX-License-Identifier: Apache-2.0
// A plan in the making: the Deployment's sets as they shall be. One thread, lives for one plan.
#pragma once

#include <list>

#include "minimal-master/controllers/deployment/plan.h"
#include "minimal-master/controllers/deployment/status.h"

namespace keelson::deployment {

class Rollout {
 public:
  Rollout(const Facts& facts, int64_t now);

  // One of these, then Finish().
  void StatusOnly();
  void Scale();  // also while paused
  void Roll();
  void Recreate();
  // Whether sets were last sized for another number of replicas than is wanted now.
  bool WasScaled() const;
  void NotePause();  // that it was paused or resumed, in a condition
  Plan Finish();

 private:
  // Finds the set of the present template, keeps its annotations up, makes it when `may_create`.
  void FindNew(bool may_create);
  void CreateNew(int64_t revision);
  void KeepUp(Set& set, int64_t revision);
  void Resize(Set& set, int64_t replicas);
  // As Resize, but a set that has this size already is left alone altogether.
  void ResizeIfNeeded(Set& set, int64_t replicas);
  void ScaleInProportion();
  int64_t SizeOfNew() const;
  bool ScaleDownOld();
  bool OldPodsRun() const;
  void Forget();
  static void Write(const Set& set, Plan& plan);
  std::vector<Set*> All() const;
  std::vector<Set*> Active(const std::vector<Set*>& sets) const;
  void SetRevision(const std::string& revision);

  const Facts& facts_;
  const int64_t now_;
  const Bounds bounds_;
  const int64_t wanted_;
  json::Value deployment_;
  bool annotated_ = false;
  Status before_;  // its counts are the present ones, its conditions are added to
  Status after_;
  std::list<Set> sets_;
  Set* new_ = nullptr;
  std::vector<Set*> old_;  // from the oldest on
  std::vector<Step> deletions_;
  bool judged_ = false;
};

}  // namespace keelson::deployment
