// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/sampler.h"

#include <algorithm>
#include <utility>

namespace keelson::stats {

Sampler::Sampler(const Source& source, const base::Clock& clock, Options options)
    : source_(source),
      clock_(clock),
      options_(std::move(options)),
      collector_(source, clock, options_.collector),
      thread_([this] { Run(); }) {}

Sampler::~Sampler() {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    waiters.swap(waiters_);
  }
  changed_.notify_all();
  thread_.join();
  for (const Waiter& waiter : waiters) waiter.then(nullptr);
}

bool Sampler::Serves(const Snapshot& snapshot, const Scope& scope) const {
  return snapshot.generation == source_.Generation() && (!scope.pods || snapshot.scope.pods) &&
         (!scope.everything || snapshot.scope.everything);
}

void Sampler::Ask(Scope scope, Then then) {
  SnapshotPtr answer;
  bool stopped = false;
  {
    const std::lock_guard lock(mutex_);
    asked_ = clock_.Steady();
    if (scope.pods) asked_pods_ = asked_;
    stopped = stop_;
    const SnapshotPtr& known = scope.everything ? last_everything_ : last_;
    // Everything is measured on request only: one just measured does for the next who asks.
    const bool young = !scope.everything || (known && asked_ - known->taken < options_.period);
    if (known && young && Serves(*known, scope)) {
      answer = known;
    } else if (!stopped) {
      waiters_.push_back({scope, std::move(then)});
      changed_.notify_all();
      return;
    }
  }
  then(std::move(answer));
}

void Sampler::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const base::SteadyTime now = clock_.Steady();
    const bool interest = last_ && now - asked_ < options_.interest;
    if (waiters_.empty() && !interest) {
      last_.reset();
      last_everything_.reset();
      lock.unlock();
      collector_.Rest();
      lock.lock();
      if (waiters_.empty() && !stop_) changed_.wait(lock);
      continue;
    }
    const bool due = !last_ || now - last_->taken >= options_.period;
    if (waiters_.empty() && !due) {
      changed_.wait_for(lock, options_.period - (now - last_->taken));
      continue;
    }
    std::vector<Waiter> waiters;
    waiters.swap(waiters_);
    Scope scope;
    scope.pods = asked_pods_ != base::SteadyTime{} && now - asked_pods_ < options_.interest;
    for (const Waiter& waiter : waiters) {
      scope.pods |= waiter.scope.pods;
      scope.everything |= waiter.scope.everything;
    }
    const SnapshotPtr before = last_;
    lock.unlock();
    // Whole when it is time, or when somebody wants what the last one has not looked at.
    const bool whole = due || scope.everything || (scope.pods && !before->scope.pods);
    const SnapshotPtr snapshot = whole ? collector_.Whole(scope) : collector_.Completed(before);
    lock.lock();
    last_ = snapshot;
    if (scope.everything) {
      last_everything_ = snapshot;
    } else if (last_everything_ && clock_.Steady() - last_everything_->taken >= options_.period) {
      last_everything_.reset();
    }
    lock.unlock();
    for (const Waiter& waiter : waiters) waiter.then(snapshot);
    waiters.clear();
    lock.lock();
  }
}

}  // namespace keelson::stats
