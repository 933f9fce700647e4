// SPDX-License-Identifier: Apache-2.0
// Cache: everything in the store, in memory, once. It subscribes to the store, so it has a commit
// before its writer has the answer. Gives lists as unchanging snapshots, watches from a revision,
// and lists at a revision that has passed. Opens with the recent history of the store, so that
// watches resume over a restart. When the store loses its subscribers (a restore, a compaction
// while away) it reads everything anew and ends all watches. Thread-safe; outlives its watchers;
// `store`, `reader` and `clock` outlive it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "minimal-master/watch/hub.h"
#include "minimal-master/watch/tree.h"

namespace keelson::watch {

class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(Tree tree, Revision revision) : tree_(std::move(tree)), revision_(revision) {}
  Revision revision() const { return revision_; }  // of the store: what a list answers
  ObjectPtr Find(std::string_view key) const { return tree_.Find(key); }
  // Keys that begin with `prefix`, not below `from`, in order, until `each` says false. Returns
  // whether it never did.
  bool ForEach(std::string_view prefix, std::string_view from,
               const std::function<bool(const ObjectPtr&)>& each) const {
    return tree_.ForEach(prefix, from, each);
  }
  size_t Count(std::string_view prefix, std::string_view from = {}) const {
    return tree_.Count(prefix, from);
  }
  // See Tree::ForEachChange().
  void ForEachChange(const Snapshot& older, std::string_view prefix,
                     const Tree::Changed& each) const {
    tree_.ForEachChange(older.tree_, prefix, each);
  }

 private:
  Tree tree_;
  Revision revision_ = 0;
};

struct CacheStats {
  Revision revision = 0;
  Revision oldest = 0;
  size_t objects = 0;
  size_t history_events = 0;
  size_t history_bytes = 0;
  size_t watchers = 0;
  size_t unreadable = 0;  // values that the reader refused
  size_t resets = 0;      // times that everything was read anew
};

class Cache final : public store::Subscriber {
 public:
  struct Options {
    std::string prefix;  // what of the store is kept; empty: everything
    HistoryLimits history;
    size_t resume_events = 10'000;         // how much of the store's log is read when it opens
    std::chrono::milliseconds retry{500};  // between attempts to read a store that was lost
  };
  static base::Result<std::unique_ptr<Cache>> Open(store::Store& store, const ObjectReader& reader,
                                                   const base::Clock& clock, Options options);
  ~Cache() override;

  Snapshot Current() const;
  ObjectPtr Find(std::string_view key) const;
  Revision revision() const;
  Revision oldest() const;  // the smallest revision that Watch() and At() know
  // As of `revision`, which has passed: OutOfRange as Compacted when it is too old. `prefix` is all
  // that is looked at.
  base::Result<Snapshot> At(Revision revision, std::string_view prefix) const;
  // The current one, when it is `revision` at least; else waits that long and is DeadlineExceeded.
  base::Result<Snapshot> AtLeast(Revision revision, std::chrono::milliseconds timeout) const;
  // OutOfRange as Compacted when request.from is too old.
  base::Result<std::unique_ptr<Watcher>> Watch(WatchRequest request);
  CacheStats GetStats() const;

  void OnEvents(const std::vector<store::Event>& events) override;
  void OnProgress(Revision revision) override;
  void OnLost(const base::Error& reason) override;

 private:
  Cache(store::Store& store, const ObjectReader& reader, const base::Clock& clock, Options options);
  base::Status Load(bool with_history);
  void Reload();
  Hub::Batch TakeBatch(uint64_t from);
  base::Result<std::vector<EventPtr>> EventsAfter(Revision revision, uint64_t end) const;
  base::Status CheckOldLocked(Revision revision) const;
  ObjectPtr Read(std::string_view key, Revision revision, const Bytes& value);
  void ApplyLocked(const store::Event& event, ObjectPtr object, base::SteadyTime now);

  store::Store& store_;
  const ObjectReader& reader_;
  const base::Clock& clock_;
  const Options options_;

  mutable std::mutex mutex_;
  mutable std::condition_variable advanced_;
  Tree tree_;                                         // guarded by mutex_
  Revision revision_ = 0;                             // guarded by mutex_
  History history_;                                   // guarded by mutex_
  std::vector<std::pair<Revision, Revision>> holes_;  // guarded by mutex_
  uint64_t reset_at_ = 0;                             // guarded by mutex_: first number since
  size_t resets_ = 0;                                 // guarded by mutex_
  Revision loaded_ = 0;  // of the scan; events up to it are history only (guarded by mutex_)
  std::unordered_map<std::string, ObjectPtr> past_;  // guarded by mutex_: while history is read
  std::atomic<size_t> unreadable_{0};

  std::mutex reload_mutex_;
  std::condition_variable reload_;
  bool lost_ = false;  // guarded by reload_mutex_
  bool stop_ = false;  // guarded by reload_mutex_
  std::thread reloader_;
  std::unique_ptr<store::Subscription> subscription_;  // the opener, then the reloader
  Hub hub_;
};

}  // namespace keelson::watch
