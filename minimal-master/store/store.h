// SPDX-License-Identifier: Apache-2.0
// The master's store: durable keys with revisions, behind one small interface. A revision is given
// to each commit, grows over the whole store and never repeats, also after a restore or an unclean
// stop (it jumps ahead). Reads of requests are not served from here but from the watch cache, which
// subscribes. Every implementation passes store_contract.h. All calls from any thread; they block.
//
// Errors: NotFound; Aborted with a Conflict; OutOfRange with a Compacted (list again);
// ResourceExhausted (no room, or a quota: nothing was written, try again when there is);
// Unavailable (nobody answers, the outcome of a commit is unknown); DataLoss (a row is damaged).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "minimal-master/store/bytes.h"

namespace keelson::store {

using Revision = int64_t;
constexpr Revision kAbsent = 0;  // as an expectation: the key must not be there
constexpr Revision kAny = -1;    // as an expectation: none

constexpr size_t kMaxKeyBytes = 4096;
constexpr size_t kMaxValueBytes = 8u << 20;
constexpr size_t kMaxChanges = 128;  // of one commit: etcd's limit too

struct KeyValue {
  std::string key;
  Revision revision = 0;  // of its last change
  Bytes value;
};

struct Change {
  std::string key;
  Bytes value;  // null: the key is deleted; one that is not there is NotFound
  Revision expected = kAny;
};

// kRelaxed may be lost when the machine loses power, not when the process dies: leases, events.
enum class Durability { kDurable, kRelaxed };

struct Event {
  Revision revision = 0;  // of the commit; a commit of several changes has several events
  std::string key;
  Bytes value;                     // null: deleted
  Bytes previous;                  // null: the key was not there
  Revision previous_revision = 0;  // of that
};

// Details of errors.
struct Conflict final : base::ErrorDetail {
  std::string key;
  Revision current = 0;  // 0: the key is not there
};
struct Compacted final : base::ErrorDetail {
  Revision oldest = 0;  // the smallest revision from which one can subscribe; 0: unknown
};
const Conflict* ConflictOf(const base::Error& error);  // null: not one
const Compacted* CompactedOf(const base::Error& error);
base::Error MakeConflict(std::string_view key, Revision expected, Revision current);
base::Error MakeCompacted(Revision from, Revision oldest);

struct ListResult {
  std::vector<KeyValue> items;  // by key
  Revision revision = 0;        // of the store when it was read
  bool more = false;            // there are more than `limit`
};

struct Stats {
  std::string backend;  // "memory", "sqlite", "etcd 3.4.23"
  Revision revision = 0;
  Revision oldest = 0;  // the smallest revision from which one can subscribe
  int64_t keys = 0;
  int64_t file_bytes = 0;   // of the database on disk
  int64_t wal_bytes = 0;    // of the write-ahead log
  int64_t log_events = 0;   // kept for those who resume
  int64_t commits = 0;      // since the start
  int64_t groups = 0;       // transactions on disk that these took
  int64_t damaged = 0;      // rows whose checksum is wrong
  int64_t last_backup = 0;  // Unix seconds, 0: none since the start
  bool full = false;        // the last commit found no room
  // Revisions strictly between were never given out, or to commits that power loss took: one cannot
  // subscribe from there.
  std::vector<std::pair<Revision, Revision>> holes;
};

// Called on a thread of the store, in order, each event once, after its commit is durable and
// before the committing caller has its answer. Must not block on the store.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  // Whole commits: the events of one revision are never split.
  virtual void OnEvents(const std::vector<Event>& events) = 0;
  // Everything up to here has been told; of stores that others write to as well.
  virtual void OnProgress(Revision) {}
  // Nothing more comes: the store was restored, or compacted away what was still to come. Scan and
  // subscribe again.
  virtual void OnLost(const base::Error& reason) = 0;
};

// Ends with its owner; when the destructor returns no call runs and none comes.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual base::Result<KeyValue> Get(std::string_view key) = 0;
  // Keys that begin with `prefix` and are not below `from`, at most `limit` (0: all).
  virtual base::Result<ListResult> List(std::string_view prefix, std::string_view from,
                                        size_t limit) = 0;
  // Every key below `prefix` at one revision, which is returned, streamed. A damaged row is left
  // out, logged and counted.
  virtual base::Result<Revision> Scan(std::string_view prefix,
                                      const std::function<void(KeyValue)>& row) = 0;
  // All or nothing; a key occurs once. Returns when it is as durable as asked for and published.
  virtual base::Result<Revision> Commit(std::vector<Change> changes,
                                        Durability durability = Durability::kDurable) = 0;
  // Events of revisions above `from`; those there are have been delivered when it returns.
  // `subscriber` outlives the subscription.
  virtual base::Result<std::unique_ptr<Subscription>> Subscribe(Revision from,
                                                                Subscriber& subscriber) = 0;
  // The revision that whoever wants the newest must have seen; of a shared store it is asked for.
  virtual base::Result<Revision> CurrentRevision() = 0;
  // One can subscribe from the answer, to about the last `events` events.
  virtual base::Result<Revision> RevisionBefore(size_t events) = 0;
  // Forgets events of revisions up to `revision`.
  virtual base::Status Compact(Revision revision) = 0;
  // A whole copy at one revision, while writes go on. `path` must not exist.
  virtual base::Status Backup(const std::string& path) = 0;
  virtual base::Result<Stats> GetStats() = 0;
};

// What every implementation refuses before it does anything.
base::Status CheckChanges(const std::vector<Change>& changes);
// The first key behind all that begin with `prefix`; "" when there is none.
std::string PrefixEnd(std::string_view prefix);

}  // namespace keelson::store
