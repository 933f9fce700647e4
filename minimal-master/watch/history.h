// SPDX-License-Identifier: Apache-2.0
// History: the recent events, oldest first, bounded by count, bytes and age, so that a watch can be
// resumed and a list read again at a revision that has passed. Not thread-safe: its owner's lock.
#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "lib/base/clock.h"
#include "minimal-master/watch/object.h"

namespace keelson::watch {

struct Event : Counted {
  Revision revision = 0;
  ObjectPtr object;    // null: deleted
  ObjectPtr previous;  // null: created
  std::string_view key() const { return object ? object->key() : previous->key(); }
  // `previous` as the last that is heard of it. Made when first asked for.
  const ObjectPtr& Departed(const ObjectReader& reader) const;

 private:
  mutable std::once_flag once_;
  mutable ObjectPtr departed_;
};
using EventPtr = Ref<const Event>;

struct HistoryLimits {
  std::chrono::nanoseconds age = std::chrono::seconds(90);  // younger events go only for the others
  size_t min_events = 1'000;                                // kept at any age
  size_t max_events = 100'000;
  size_t max_bytes = 64u << 20;  // of states that only the history holds
};

class History {
 public:
  explicit History(HistoryLimits limits) : limits_(limits) {}

  void Reset(Revision floor);  // empty, nothing from before
  void Append(EventPtr event, base::SteadyTime now);
  // Events numbered below `needed` at most.
  void Trim(base::SteadyTime now, uint64_t needed);

  Revision floor() const { return floor_; }  // events above it are all here
  uint64_t begin() const { return first_; }  // numbers of events: they only grow
  uint64_t end() const { return first_ + events_.size(); }
  const EventPtr& at(uint64_t number) const { return events_[number - first_].event; }
  // The first event above `revision`.
  uint64_t After(Revision revision) const;
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    EventPtr event;
    base::SteadyTime time;
    size_t bytes;
  };
  const HistoryLimits limits_;
  std::deque<Entry> events_;
  uint64_t first_ = 0;
  Revision floor_ = 0;
  size_t bytes_ = 0;
};

}  // namespace keelson::watch
