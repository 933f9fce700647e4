// SPDX-License-Identifier: Apache-2.0
// What the controllers of workloads work with. Copied into each of them; the pods and the threads
// are theirs together, all else outlives them.
#pragma once

#include <memory>

#include "lib/async/executor.h"
#include "lib/base/clock.h"
#include "minimal-master/control/client.h"
#include "minimal-master/control/recorder.h"
#include "minimal-master/controllers/pods/index.h"

namespace keelson::pods {

struct Tools {
  Tools(const watch::Cache& the_cache, control::Client& the_client, control::Recorder& the_recorder,
        const base::Clock& the_clock)
      : cache(the_cache),
        client(the_client),
        recorder(the_recorder),
        clock(the_clock),
        shared_pods(std::make_shared<Pods>(the_cache)),
        shared_executor(std::make_shared<async::Executor>(kThreads)),
        pods(*shared_pods),
        executor(*shared_executor) {}

  const watch::Cache& cache;
  control::Client& client;
  control::Recorder& recorder;
  const base::Clock& clock;

 private:
  static constexpr size_t kThreads = 16;
  std::shared_ptr<Pods> shared_pods;
  std::shared_ptr<async::Executor> shared_executor;

 public:
  Pods& pods;
  async::Executor& executor;  // writes that go side by side
};

}  // namespace keelson::pods
