// SPDX-License-Identifier: Apache-2.0
// One watch on its way to a client: events as the cache delivers them, bookmarks, the end after its
// time. Holds no thread: woken by the cache and by the client's socket, driven on a small pool.
#pragma once

#include <memory>

#include "lib/async/executor.h"
#include "lib/base/clock.h"
#include "lib/http/service/exchange.h"
#include "minimal-master/api/options.h"
#include "minimal-master/api/route.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/watch/cache.h"

namespace keelson::api {

class WatchStream;

// All watches of a server: their pool, and the clock that ends them and sends bookmarks.
class Watches {
 public:
  // `tick`: how often watches are looked at for their end and their bookmarks.
  Watches(watch::Cache& cache, const base::Clock& clock,
          std::chrono::milliseconds tick = std::chrono::seconds(1));
  ~Watches();
  Watches(const Watches&) = delete;

  // Answers `exchange`, with a stream or a refusal.
  void Begin(std::shared_ptr<service::Exchange> exchange, const Route& route);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::api
