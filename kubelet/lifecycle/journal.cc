// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/journal.h"

#include <algorithm>

#include "lib/base/rfc3339.h"

namespace keelson::lifecycle {
namespace {

constexpr size_t kKept = 60;

}  // namespace

bool Journal::Add(int64_t now, bool warning, const std::string& reason,
                  const std::string& message) {
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.warning == warning && entry.reason == reason && entry.message == message;
  });
  if (known != entries_.end()) {
    Entry again = std::move(*known);
    entries_.erase(known);
    again.last = now;
    ++again.count;
    entries_.push_back(std::move(again));
    return false;
  }
  entries_.push_back({now, now, 1, warning, reason, message});
  if (entries_.size() > kKept) entries_.pop_front();
  return true;
}

std::vector<std::string> Journal::Lines() const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    std::string line = base::FormatRfc3339(entry.last) + " " +
                       (entry.warning ? "Warning " : "Normal  ") + entry.reason + ": " +
                       entry.message;
    if (entry.count > 1)
      line += " (" + std::to_string(entry.count) + " times since " +
              base::FormatRfc3339(entry.first) + ")";
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace keelson::lifecycle
