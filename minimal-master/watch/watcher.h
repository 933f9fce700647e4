// SPDX-License-Identifier: Apache-2.0
// Watcher: one watch's share of the events, in a bounded queue that its owner empties when woken.
// Deliveries point to the cache's objects: nothing is copied or encoded for a watcher. One that
// does not keep up is ended. Take() by one thread at a time; ending (the destructor) from any
// thread but that of `wake`.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "minimal-master/watch/object.h"

namespace keelson::watch {

enum class Kind : uint8_t { kAdded, kModified, kDeleted };

struct Delivery {
  Kind kind;
  Revision revision;
  ObjectPtr object;  // kDeleted: its last state that matched, with the revision of this event
};

struct Deliveries {
  std::vector<Delivery> events;
  // Everything up to here that concerns this watch has been taken: what a bookmark may say. It
  // never goes back.
  Revision revision = 0;
  bool more = false;  // than the limit: take again
  // Nothing follows `events`: OutOfRange (as Compacted: list again), ResourceExhausted (too slow)
  // or Unavailable (the cache ends).
  std::optional<base::Error> end;
};

struct WatchRequest {
  std::string prefix;  // of keys; with `exact` the one key
  bool exact = false;
  Revision from = 0;  // events of revisions above it
  // Of an object's state: an object that begins to match is kAdded, one that stops is kDeleted.
  // Null: all match. Quick; called on the hub's thread and the registering one.
  std::function<bool(const Object&)> filter;
  // Only objects with this value of this selectable field can match: spares the others' cost. The
  // filter is still asked.
  std::optional<std::pair<size_t, std::string>> field;
  // There is something to take; not again until Take() left nothing. Must not block.
  std::function<void()> wake;
  size_t queue_limit = 10'000;
};

class Hub;

class Watcher {
 public:
  ~Watcher();
  Watcher(const Watcher&) = delete;
  // At most `limit` events (0: all), never blocks.
  Deliveries Take(size_t limit = 0);

 private:
  friend class Hub;
  explicit Watcher(Hub& hub, WatchRequest request) : hub_(hub), request_(std::move(request)) {}
  // By the hub: appends what gathered in pending_ and wakes the owner.
  void Flush(bool bounded);
  void End(const base::Error& reason);
  void Queue(Kind kind, Revision revision, ObjectPtr object) {
    pending_.push_back({kind, revision, std::move(object)});
  }

  Hub& hub_;
  const WatchRequest request_;
  std::vector<Delivery> pending_;  // the hub's thread, or the registering one before it is known
  std::mutex mutex_;
  std::vector<Delivery> queue_;     // guarded by mutex_
  size_t taken_ = 0;                // guarded by mutex_: of queue_
  std::optional<base::Error> end_;  // guarded by mutex_
  bool woken_ = false;              // guarded by mutex_
  Revision reached_ = 0;            // guarded by mutex_
};

}  // namespace keelson::watch
