// SPDX-License-Identifier: Apache-2.0
// Answers that come piece by piece from code that waits (a log that is followed), each on a thread
// of its own, so that the server's workers stay free. Their number is bounded. Thread-safe. The
// destructor ends them all.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "lib/http/server/server.h"
#include "lib/http/service/exchange.h"

namespace keelson::node_api {

class Readers {
 public:
  explicit Readers(size_t most) : most_(most) {}
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  // False, and nothing is answered: there are too many.
  bool Begin(const std::shared_ptr<service::Exchange>& exchange, http::Response response);
  size_t open() const;

 private:
  struct Shared;
  class Writer;
  struct Reader {
    std::shared_ptr<Shared> shared;
    std::thread thread;
  };
  void Reap();

  const size_t most_;
  mutable std::mutex mutex_;
  std::list<Reader> readers_;  // guarded by mutex_
};

}  // namespace keelson::node_api
