// SPDX-License-Identifier: Apache-2.0
#include "kubelet/eviction/signals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace keelson::eviction {
namespace {

struct Known {
  Signal signal;
  std::string_view name, resource;
  Condition condition;
};
constexpr std::array<Known, 7> kKnown = {{
    {Signal::kMemory, "memory.available", "memory", Condition::kMemoryPressure},
    {Signal::kPodsMemory, "allocatableMemory.available", "memory", Condition::kMemoryPressure},
    {Signal::kNodeDisk, "nodefs.available", "ephemeral-storage", Condition::kDiskPressure},
    {Signal::kNodeInodes, "nodefs.inodesFree", "inodes", Condition::kDiskPressure},
    {Signal::kImageDisk, "imagefs.available", "ephemeral-storage", Condition::kDiskPressure},
    {Signal::kImageInodes, "imagefs.inodesFree", "inodes", Condition::kDiskPressure},
    {Signal::kPids, "pid.available", "pids", Condition::kPidPressure},
}};

const Known& Of(Signal signal) {
  return *std::find_if(kKnown.begin(), kKnown.end(),
                       [&](const Known& known) { return known.signal == signal; });
}
const Known* Find(std::string_view name) {
  const auto found = std::find_if(kKnown.begin(), kKnown.end(),
                                  [&](const Known& known) { return known.name == name; });
  return found == kKnown.end() ? nullptr : &*found;
}
bool IsOfContainerFs(std::string_view name) {
  return name == "containerfs.available" || name == "containerfs.inodesFree";
}

base::Error Unsupported(const std::string& signal) {
  return base::InvalidArgument("unsupported eviction signal {}", signal);
}

// "12.5%" as a part of one.
base::Result<double> ParsePercentage(const std::string& text) {
  char* end = nullptr;
  const double percent = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || std::string_view(end) != "%" || !std::isfinite(percent)) {
    return base::InvalidArgument("\"{}\" is neither an amount nor a share such as 10%", text);
  }
  return percent / 100;
}

base::Result<Amount> ParseAmount(const std::string& text) {
  Amount amount;
  if (text.ends_with('%')) {
    ASSIGN_OR_RETURN(amount.part, ParsePercentage(text));
    return amount;
  }
  base::Result<kube::Quantity> units = kube::Quantity::Parse(text);
  if (!units.ok())
    return base::InvalidArgument("\"{}\" is neither an amount nor a share such as 10%", text);
  amount.units = *std::move(units);
  return amount;
}

}  // namespace

std::string NameOf(Signal signal) { return std::string(Of(signal).name); }
std::string ResourceOf(Signal signal) { return std::string(Of(signal).resource); }
Condition ConditionOf(Signal signal) { return Of(signal).condition; }
bool IsSignal(const std::string& name) { return Find(name) != nullptr || IsOfContainerFs(name); }

std::string NameOf(Condition condition) {
  switch (condition) {
    case Condition::kMemoryPressure:
      return "MemoryPressure";
    case Condition::kDiskPressure:
      return "DiskPressure";
    case Condition::kPidPressure:
      break;
  }
  return "PIDPressure";
}

std::string BytesText(int64_t bytes) {
  if (bytes % 1024 != 0) return std::to_string(bytes);
  const base::Result<kube::Quantity> text =
      kube::Quantity::Parse(std::to_string(bytes / 1024) + "Ki");
  return text.ok() ? text->Canonical() : std::to_string(bytes);
}

int64_t Amount::Of(int64_t capacity) const {
  if (units) return units->Value();
  return static_cast<int64_t>(static_cast<double>(capacity) * part);
}
std::string Amount::Text(int64_t capacity) const {
  return units ? units->Canonical() : BytesText(Of(capacity));
}

base::Result<std::optional<Threshold>> ParseThreshold(const std::string& signal,
                                                      const std::string& text) {
  const Known* known = Find(signal);
  if (known == nullptr && !IsOfContainerFs(signal)) return Unsupported(signal);
  if (text == "0%" || text == "100%") return std::optional<Threshold>();
  Threshold threshold;
  ASSIGN_OR_RETURN(threshold.least, ParseAmount(text));
  if (!threshold.least.units && (threshold.least.part < 0 || threshold.least.part > 1))
    return base::InvalidArgument("must be between 0% and 100%, and is {}", text);
  if (threshold.least.units && *threshold.least.units <= kube::Quantity())
    return base::InvalidArgument("must be positive, and is {}", text);
  if (known == nullptr) return std::optional<Threshold>();
  threshold.signal = known->signal;
  return std::optional(threshold);
}

base::Result<Amount> ParseReclaim(const std::string& signal, const std::string& text) {
  if (!IsSignal(signal)) return Unsupported(signal);
  ASSIGN_OR_RETURN(const Amount amount, ParseAmount(text));
  if (amount.units ? *amount.units < kube::Quantity() : amount.part <= 0)
    return base::InvalidArgument("must be positive, and is {}", text);
  return amount;
}

std::vector<Threshold> ThresholdsOf(const Configured& configured) {
  std::vector<Threshold> thresholds;
  const auto add = [&](const std::map<std::string, std::string>& entries, bool soft) {
    for (const auto& [signal, text] : entries) {
      std::optional<Threshold> threshold = ParseThreshold(signal, text).ValueOr(std::nullopt);
      if (!threshold) continue;
      if (const auto grace = configured.grace.find(signal); soft && grace != configured.grace.end())
        threshold->grace = grace->second;
      if (const auto reclaim = configured.reclaim.find(signal);
          reclaim != configured.reclaim.end()) {
        if (const base::Result<Amount> more = ParseReclaim(signal, reclaim->second); more.ok())
          threshold->reclaim = *more;
      }
      thresholds.push_back(*threshold);
      if (!soft && threshold->signal == Signal::kMemory) {
        thresholds.push_back(*threshold);
        thresholds.back().signal = Signal::kPodsMemory;
      }
    }
  };
  add(configured.hard, false);
  add(configured.soft, true);
  std::stable_sort(thresholds.begin(), thresholds.end(),
                   [](const Threshold& a, const Threshold& b) {
                     return a.signal != b.signal ? a.signal < b.signal : a.grace < b.grace;
                   });
  return thresholds;
}

}  // namespace keelson::eviction
