// SPDX-License-Identifier: Apache-2.0
// What was asked for and not fetched yet: a token of 128 random bits for each, good once, for one
// minute. Bounded: with the table full of tokens that are still good, asking is refused.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "runtime/stream/backend.h"
#include "runtime/stream/protocol.h"

namespace keelson::stream {

constexpr std::chrono::seconds kTokenLife{60};
constexpr size_t kMaxTokens = 1000;

struct Asked {
  Kind kind = Kind::kExec;
  ProcessRequest process;  // exec, attach
  std::string sandbox_id;  // port-forward
  std::vector<uint16_t> ports;
};

class TokenTable {
 public:
  explicit TokenTable(const base::Clock& clock) : clock_(clock) {}
  base::Result<std::string> Add(Asked asked);
  // Nothing: never given, used, too old, or given for another kind of request.
  std::optional<Asked> Take(Kind kind, const std::string& token);

 private:
  struct Entry {
    Asked asked;
    base::SteadyTime until;
  };
  void DropOld();

  const base::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
};

}  // namespace keelson::stream
