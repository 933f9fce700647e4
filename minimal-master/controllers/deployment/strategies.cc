// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "lib/base/strings.h"
#include "minimal-master/controllers/deployment/rollout.h"

namespace keelson::deployment {

using json::Value;

void Rollout::StatusOnly() {
  FindNew(false);
  after_ = Count(deployment_, before_, All(), new_, now_);
}

void Rollout::Scale() {
  FindNew(false);
  const std::vector<Set*> active = Active(All());
  Set* only = nullptr;
  if (active.size() == 1) only = active[0];
  if (active.empty()) only = new_ != nullptr ? new_ : old_.empty() ? nullptr : old_.back();
  if (only != nullptr) {
    ResizeIfNeeded(*only, wanted_);
  } else if (new_ != nullptr && new_->replicas == wanted_ && new_->available == wanted_ &&
             new_->Annotation(kDesired) == std::to_string(wanted_)) {
    // The new one carries all: nothing is needed of the others.
    for (Set* set : Active(old_)) ResizeIfNeeded(*set, 0);
  } else if (IsRolling(deployment_)) {
    ScaleInProportion();
  }
  if (deployment_.At({"spec", "paused"}).AsBool()) Forget();
  after_ = Count(deployment_, before_, All(), new_, now_);
}

// A rollout under way keeps its proportions when it is scaled.
void Rollout::ScaleInProportion() {
  std::vector<Set*> active = Active(All());
  const int64_t allowed = wanted_ > 0 ? wanted_ + bounds_.surge : 0;
  const int64_t to_add = allowed - SumReplicas(active);
  std::stable_sort(active.begin(), active.end(), [&](const Set* a, const Set* b) {
    if (a->replicas != b->replicas) return a->replicas > b->replicas;
    // Of equal size: up from the newest on, down from the oldest on.
    if (a->created != b->created)
      return to_add > 0 ? a->created > b->created : a->created < b->created;
    return to_add > 0 ? a->name > b->name : a->name < b->name;
  });
  const auto share = [&](const Set& set, int64_t left) -> int64_t {
    if (set.replicas == 0 || to_add == 0 || left == 0) return 0;
    int64_t change = -set.replicas;
    if (wanted_ > 0) {
      int64_t maximum = 0;
      if (const auto annotated = base::ParseUint64(set.Annotation(kMaximum));
          annotated && *annotated <= INT32_MAX) {
        maximum = static_cast<int64_t>(*annotated);
      }
      if (maximum == 0) maximum = before_.replicas;
      if (maximum == 0) return 0;
      const double size = static_cast<double>(set.replicas * (wanted_ + bounds_.surge)) /
                          static_cast<double>(maximum);
      change = std::llround(size) - set.replicas;
    }
    return to_add > 0 ? std::min(change, left) : std::max(change, left);
  };
  std::vector<int64_t> sizes;
  int64_t added = 0;
  for (const Set* set : active) {
    const int64_t change = share(*set, to_add - added);
    sizes.push_back(set->replicas + change);
    added += change;
  }
  for (size_t i = 0; i < active.size(); ++i) {
    // What rounding left over is the largest one's.
    if (i == 0 && to_add != 0) sizes[i] = std::max<int64_t>(0, sizes[i] + to_add - added);
    Resize(*active[i], sizes[i]);
  }
}

int64_t Rollout::SizeOfNew() const {
  if (!IsRolling(deployment_)) return wanted_;
  const int64_t most = wanted_ + bounds_.surge;
  // With those that an old set has still to delete: else there would be too many for a moment.
  int64_t present = new_->replicas;
  for (const Set* set : old_) present += std::max(set->replicas, set->actual);
  if (present >= most) return new_->replicas;
  return new_->replicas + std::min(most - present, wanted_ - new_->replicas);
}

void Rollout::Roll() {
  const bool complete = IsComplete(deployment_, before_);
  FindNew(true);
  const int64_t was = new_->replicas;
  if (new_->replicas > wanted_) {
    ResizeIfNeeded(*new_, wanted_);
  } else if (new_->replicas < wanted_) {
    ResizeIfNeeded(*new_, SizeOfNew());
  }
  const bool scaled = new_->replicas != was || ScaleDownOld();
  if (!scaled && complete) Forget();
  after_ = Count(deployment_, before_, All(), new_, now_);
  JudgeProgress(deployment_, before_, All(), new_, now_, after_);
  judged_ = true;
}

bool Rollout::ScaleDownOld() {
  const std::vector<Set*> old = Active(old_);
  if (old.empty()) return false;
  const int64_t least = wanted_ - bounds_.unavailable;
  // What the new set has not brought up yet is not to be lost of the old ones as well.
  int64_t may_go = SumReplicas(All()) - least - (new_->replicas - new_->available);
  if (may_go <= 0) return false;
  bool scaled = false;
  // First those that serve nobody, else they would hold the rollout up.
  for (Set* set : old) {
    if (may_go <= 0) break;
    const int64_t unhealthy = std::min(may_go, set->replicas - set->available);
    if (unhealthy <= 0) continue;
    ResizeIfNeeded(*set, set->replicas - unhealthy);
    may_go -= unhealthy;
    scaled = true;
  }
  // Of an old set only those that it is to keep: it may not have got to the others yet.
  int64_t spare = new_->available - least;
  for (const Set* set : old) spare += std::min(set->available, set->replicas);
  for (Set* set : old) {
    if (spare <= 0) break;
    const int64_t go = std::min(set->replicas, spare);
    if (go == 0) continue;
    ResizeIfNeeded(*set, set->replicas - go);
    spare -= go;
    scaled = true;
  }
  return scaled;
}

bool Rollout::OldPodsRun() const {
  if (SumActual(old_) > 0) return true;
  for (const auto& [uid, count] : facts_.pods) {
    if (count > 0 && (new_ == nullptr || new_->uid != uid)) return true;
  }
  return false;
}

void Rollout::Recreate() {
  const bool complete = IsComplete(deployment_, before_);
  FindNew(false);
  bool scaled = false;
  for (Set* set : Active(old_)) {
    ResizeIfNeeded(*set, 0);
    scaled = true;
  }
  if (!scaled && !OldPodsRun()) {
    if (new_ == nullptr) FindNew(true);
    ResizeIfNeeded(*new_, wanted_);
    if (complete) Forget();
  }
  after_ = Count(deployment_, before_, All(), new_, now_);
  JudgeProgress(deployment_, before_, All(), new_, now_, after_);
  judged_ = true;
}

}  // namespace keelson::deployment
