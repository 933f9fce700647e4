// SPDX-License-Identifier: Apache-2.0
// Hub: hands the history's events to the watchers they concern, on a thread of its own, a batch at
// a time: one lock and one wake for each watcher and batch. Watchers are found by the parts of a
// key and by the values of selectable fields, so that an event costs nothing to those it cannot
// concern. Thread-safe; outlives its watchers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "minimal-master/watch/history.h"
#include "minimal-master/watch/watcher.h"

namespace keelson::watch {

class Hub {
 public:
  // What the cache tells its hub.
  struct Batch {
    std::vector<EventPtr> events;
    uint64_t next = 0;                // number of the first event behind them
    Revision revision = 0;            // of the cache
    bool more = false;                // call again at once
    std::optional<base::Error> lost;  // events are missing before these: end everybody
  };
  // Called on the hub's thread: events from number `from` on; returns an empty batch when there are
  // none yet.
  using Source = std::function<Batch(uint64_t from)>;
  // Events above `revision` with numbers below `end`, or that they are gone.
  using Backlog =
      std::function<base::Result<std::vector<EventPtr>>(Revision revision, uint64_t end)>;

  Hub(const ObjectReader& reader, Source source, Backlog backlog);
  ~Hub();

  void Start(uint64_t next, Revision revision);
  void Notify();  // there are events
  base::Result<std::unique_ptr<Watcher>> Add(WatchRequest request);
  Revision revision() const { return revision_.load(std::memory_order_acquire); }
  uint64_t next() const { return next_number_.load(std::memory_order_acquire); }
  size_t watchers() const;

 private:
  friend class Watcher;
  using FieldValue = std::pair<size_t, std::string>;
  struct Group {  // those with the same prefix or key
    std::set<Watcher*> all;
    std::map<FieldValue, std::set<Watcher*>> by_field;
    size_t size() const { return all.size() + by_field.size(); }
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Groups = std::unordered_map<std::string, Group, Hash, std::equal_to<>>;

  void Run();
  void Remove(Watcher& watcher);
  void Dispatch(const std::vector<EventPtr>& events);
  void Offer(const Group& group, const Event& event);
  void Offer(Watcher& watcher, const Event& event) const;
  void EndAll(const base::Error& reason);

  const ObjectReader& reader_;
  const Source source_;
  const Backlog backlog_;
  std::atomic<Revision> revision_{0};     // all events up to it were handed out
  std::atomic<uint64_t> next_number_{0};  // the first that was not
  mutable std::mutex mutex_;              // over a dispatch; before a watcher's mutex
  Groups by_prefix_;                      // guarded by mutex_
  Groups by_key_;                         // guarded by mutex_
  std::set<Watcher*> watchers_;           // guarded by mutex_
  std::vector<Watcher*> touched_;         // guarded by mutex_: of the batch in hand
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool notified_ = false;  // guarded by wake_mutex_
  bool stop_ = false;      // guarded by wake_mutex_
  std::thread thread_;
};

}  // namespace keelson::watch
