// SPDX-License-Identifier: Apache-2.0
// One part of the cache, followed by whoever asks now and then: what has changed since they last
// asked. One thread at a time: its owner's mutex guards it with what is made of the changes.
// `cache` outlives it.
#pragma once

#include <string>

#include "minimal-master/watch/cache.h"

namespace keelson::watch {

class Follower {
 public:
  // `prefix`: of the keys; the first time everything below it is new.
  Follower(const Cache& cache, std::string prefix) : cache_(cache), prefix_(std::move(prefix)) {}

  // Each object that differs, by the order of keys; `before` null: it is new, `after`: it is gone.
  void CatchUp(const Tree::Changed& each);
  const std::string& prefix() const { return prefix_; }

 private:
  const Cache& cache_;
  const std::string prefix_;
  Snapshot seen_;
};

}  // namespace keelson::watch
