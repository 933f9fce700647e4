// SPDX-License-Identifier: Apache-2.0
// The scheduler: one thread that follows the cache, decides for one pod after the other and counts
// on its decisions at once; a few others that write them, many under way at the same time, so that
// they share the store's commits. Start() once; Stop() waits for the writes under way. What it is
// given outlives it.
#pragma once

#include <memory>

#include "lib/base/clock.h"
#include "lib/meter/registry.h"
#include "minimal-master/control/client.h"
#include "minimal-master/control/recorder.h"
#include "minimal-master/scheduler/decide/decide.h"
#include "minimal-master/watch/cache.h"

namespace keelson::scheduler::run {

struct Context {
  watch::Cache& cache;
  control::Client& client;
  control::Recorder& recorder;
  const base::Clock& clock;
};

struct Options {
  decide::Random random;               // among nodes that are as good; empty: by chance
  meter::Registry* metrics = nullptr;  // null: nothing is counted
  size_t writers = 16;
};

class Scheduler {
 public:
  Scheduler(const Context& context, Options options);
  ~Scheduler();  // stops
  Scheduler(const Scheduler&) = delete;

  void Start();
  void Stop();
  // Everything that has happened was heard of, nobody can be tried now and nothing is under way.
  bool Quiet() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::scheduler::run
