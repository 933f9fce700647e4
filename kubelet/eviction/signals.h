// SPDX-License-Identifier: Apache-2.0
// What a node runs short of, and below what it begins to: signals, thresholds, and how a
// configuration writes them (evictionHard, evictionSoft, …). Pure. Names, defaults and rules are
// upstream's kubelet's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/quantity.h"

namespace keelson::eviction {

// In the order in which shortages are acted upon.
enum class Signal {
  kMemory,       // of the node
  kPodsMemory,   // of what all pods together may have
  kNodeDisk,     // where volumes and logs are
  kNodeInodes,   // there
  kImageDisk,    // where images and containers are
  kImageInodes,  // there
  kPids,
};
enum class Condition { kMemoryPressure, kDiskPressure, kPidPressure };

std::string NameOf(Signal signal);      // "memory.available"
std::string ResourceOf(Signal signal);  // "memory", "ephemeral-storage", "inodes", "pids"
std::string NameOf(Condition condition);
Condition ConditionOf(Signal signal);
inline bool IsOfDisk(Signal signal) { return ConditionOf(signal) == Condition::kDiskPressure; }
inline bool IsOfImages(Signal signal) {
  return signal == Signal::kImageDisk || signal == Signal::kImageInodes;
}

// So much, or such a part of all that there is.
struct Amount {
  std::optional<kube::Quantity> units;
  double part = 0;  // 0…1
  int64_t Of(int64_t capacity) const;
  std::string Text(int64_t capacity) const;  // as upstream's messages have it
  bool operator==(const Amount&) const = default;
};
struct Threshold {
  Signal signal = Signal::kMemory;
  Amount least;                       // there is a shortage when less is left
  std::optional<Amount> reclaim;      // so much more must be left until it is over
  std::chrono::nanoseconds grace{0};  // it must last so long first; 0: a hard threshold
  bool IsHard() const { return grace.count() == 0; }
  bool operator==(const Threshold&) const = default;
};

// One entry of a configuration's map; the error says what is wrong with it. Nothing: a threshold
// that is off (0% and 100%), or one of containerfs, which is one of the other two file systems and
// has that one's thresholds.
base::Result<std::optional<Threshold>> ParseThreshold(const std::string& signal,
                                                      const std::string& text);
base::Result<Amount> ParseReclaim(const std::string& signal, const std::string& text);
bool IsSignal(const std::string& name);

struct Configured {  // entries that were parsed one by one
  std::map<std::string, std::string> hard, soft, reclaim;
  std::map<std::string, std::chrono::nanoseconds> grace;  // of soft ones
};
// With that of the pods' memory, which is the node's.
std::vector<Threshold> ThresholdsOf(const Configured& configured);

// Bytes as upstream writes what it measured: "53484Ki".
std::string BytesText(int64_t bytes);

}  // namespace keelson::eviction
