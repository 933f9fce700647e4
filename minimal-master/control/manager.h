// SPDX-License-Identifier: Apache-2.0
// Runs controllers: one watch on the cache, one dispatching thread, a pool of workers for all of
// them. A key that is added while it is worked on is looked at once more afterwards; a key waits
// in at most one place. Add() before Start(); Stop() waits for the syncs under way. `cache` and
// the controllers' own references outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "minimal-master/control/controller.h"
#include "minimal-master/watch/cache.h"

namespace keelson::control {

struct QueueStats {
  std::string controller;
  size_t waiting = 0;  // ready to be looked at
  size_t delayed = 0;  // for a time or a back-off
  size_t working = 0;
  uint64_t added = 0;
  uint64_t synced = 0;
  uint64_t failed = 0;
  std::string last_error;  // of a key that has not succeeded since
};

class Manager {
 public:
  Manager(watch::Cache& cache, const base::Clock& clock, size_t threads = 16);
  ~Manager();  // stops
  Manager(const Manager&) = delete;

  void Add(std::unique_ptr<Controller> controller);
  base::Status Start();
  void Stop();
  // What is added from outside of any event.
  void Enqueue(std::string_view controller, std::string key);
  std::vector<QueueStats> Stats() const;
  // Everything that has happened was heard of, and no key is ready or worked on: until something is
  // written or a time comes, nothing will happen.
  bool Quiet() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::control
