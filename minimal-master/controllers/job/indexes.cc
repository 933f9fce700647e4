// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/indexes.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::job {

Indexes Indexes::Parse(std::string_view text, int64_t limit) {
  Indexes out;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    const size_t dash = part.find('-');
    const std::optional<int64_t> first = base::ParseInt64(part.substr(0, dash));
    const std::optional<int64_t> last =
        dash == std::string_view::npos ? first : base::ParseInt64(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *first >= limit || *last < *first) continue;
    for (int64_t index = *first; index <= std::min(*last, limit - 1); ++index) out.Add(index);
  }
  return out;
}

void Indexes::Add(int64_t index) {
  if (Has(index)) return;
  ++size_;
  int64_t first = index;
  int64_t last = index;
  if (const auto after = ranges_.find(index + 1); after != ranges_.end()) {
    last = after->second;
    ranges_.erase(after);
  }
  const auto next = ranges_.upper_bound(index);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second == index - 1) first = before->first;
  }
  ranges_[first] = last;
}

void Indexes::Add(const Indexes& others) {
  for (const auto& [first, last] : others.ranges_) {
    for (int64_t index = first; index <= last; ++index) Add(index);
  }
}

bool Indexes::Has(int64_t index) const {
  const auto next = ranges_.upper_bound(index);
  return next != ranges_.begin() && std::prev(next)->second >= index;
}

std::string Indexes::Text() const {
  std::string out;
  for (const auto& [first, last] : ranges_) {
    if (!out.empty()) out += ',';
    out += std::to_string(first);
    if (last > first) out += (last == first + 1 ? "," : "-") + std::to_string(last);
  }
  return out;
}

std::vector<int64_t> Indexes::Missing(size_t count, int64_t limit) const {
  std::vector<int64_t> out;
  int64_t candidate = 0;
  const auto fill = [&](int64_t end) {
    for (; candidate < end && out.size() < count; ++candidate) out.push_back(candidate);
  };
  for (const auto& [first, last] : ranges_) {
    fill(std::min(first, limit));
    candidate = last + 1;
  }
  fill(limit);
  return out;
}

int64_t Indexes::CountIn(const Indexes& others) const {
  int64_t count = 0;
  for (const auto& [first, last] : ranges_) {
    for (int64_t index = first; index <= last; ++index) count += others.Has(index) ? 1 : 0;
  }
  return count;
}

}  // namespace keelson::job
