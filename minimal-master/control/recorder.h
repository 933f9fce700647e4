// SPDX-License-Identifier: Apache-2.0
// Events as people read them in `kubectl describe`: core/v1 Events written through the client, the
// same one again is counted up (count, lastTimestamp) instead of written anew. Bounded: beyond 25
// at once and one in five minutes for an object and source, as upstream's spam filter, they are
// dropped. Thread-safe; never blocks its caller: a thread of its own writes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/json/value.h"
#include "minimal-master/control/client.h"

namespace keelson::control {

class Recorder {
 public:
  Recorder(Client& client, const base::Clock& clock);
  ~Recorder();  // writes what waits
  Recorder(const Recorder&) = delete;

  // `object`: with apiVersion, kind and metadata. `type`: "Normal" or "Warning". `component`: as
  // upstream's source ("deployment-controller").
  void Record(const json::Value& object, std::string_view type, std::string_view reason,
              std::string_view message, std::string_view component);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::control
