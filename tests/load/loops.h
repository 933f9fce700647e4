// SPDX-License-Identifier: Apache-2.0
// Requests of many clients at once, each on a thread and a connection of its own, counted and
// timed.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "tests/load/connection.h"

namespace keelson::load {

struct Measured {
  uint64_t done = 0;
  double seconds = 0;
  std::vector<float> microseconds;  // of each request, sorted

  double rate() const { return seconds > 0 ? static_cast<double>(done) / seconds : 0; }
  double Quantile(double q) const;
};

// One request; `number` counts over all clients. Not Ok ends the whole measurement.
using Request = std::function<base::Status(Connection&, int client, uint64_t number)>;

// Until `time` has passed, or `most` requests were made (0: no limit).
base::Result<Measured> Drive(const Client& client, int clients, std::chrono::milliseconds time,
                             uint64_t most, const Request& request);

// Watches on many connections, read by a few threads that only count ends of lines.
class Watchers {
 public:
  static base::Result<std::unique_ptr<Watchers>> Open(const Client& client, int count,
                                                      const std::string& path);
  ~Watchers();
  uint64_t events() const;
  uint64_t bytes() const;
  bool broken() const;

 private:
  struct Reader;
  Watchers();
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace keelson::load
