// SPDX-License-Identifier: Apache-2.0
// How fast an autoscaler may change its target: windows in which the steadiest recommendation
// counts, and policies that bound a change per period. Pure; History is the caller's memory.
// Source: upstream's podautoscaler (1.35).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"

namespace keelson::hpa {

// Of one autoscaler, kept from look to look; lost with the process, as upstream's.
struct History {
  struct Entry {
    int64_t seconds = 0;
    int64_t value = 0;
  };
  std::vector<Entry> recommendations;
  std::vector<Entry> ups;    // replicas added
  std::vector<Entry> downs;  // replicas taken away
};

struct Bounds {
  int64_t current = 0;
  int64_t minimum = 1;
  int64_t maximum = 1;
  int64_t now = 0;
};

struct Allowed {
  int64_t replicas = 0;
  // Of the condition AbleToScale.
  std::string able_reason, able_message;
  // Of ScalingLimited.
  bool limited = false;
  std::string limit_reason, limit_message;
};

// What of `desired` may be done now; remembers the recommendation. `behavior`: the spec's, or null.
Allowed Allow(const Bounds& bounds, int64_t desired, const json::Value& behavior, History& history);
// After a change was made.
void Remember(History& history, int64_t from, int64_t to, int64_t now, const json::Value& behavior);

}  // namespace keelson::hpa
