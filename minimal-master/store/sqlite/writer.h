// SPDX-License-Identifier: Apache-2.0
// Writer: the one connection that changes the file, with everything that is done in transactions of
// its own: groups of commits, forgetting the log's old end, giving pages back, checkpoints. No
// thread of its own: the store's writer thread calls it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "minimal-master/store/sqlite/commit_mark.h"
#include "minimal-master/store/sqlite/schema.h"

namespace keelson::store {

struct WriterLimits {
  int64_t max_log = 100'000;  // revisions kept for those who resume
  std::chrono::nanoseconds log_age = std::chrono::minutes(5);  // and no longer than this, but
  int64_t min_log = 5'000;                                     // always so many
  int wal_pages = 1'000;       // a checkpoint is due when nothing waits
  int most_wal_pages = 8'000;  // or at once
  int64_t spare_pages = 512;   // free pages that the file may keep
};

class Writer {
 public:
  static base::Result<Writer> Open(const std::string& path, const WriterLimits& limits,
                                   const base::Clock& clock);

  // A commit of a group: `events` is filled, or `error` set.
  struct Item {
    std::vector<Change> changes;
    std::vector<Event> events;
    Revision revision = 0;
    std::optional<base::Error> error;
  };
  // All in one transaction; those that conflict fail alone. An error: none of them happened.
  base::Status CommitGroup(const std::vector<Item*>& group, bool durable);
  // Events above `from` up to the newest, to `each` in pieces of whole commits.
  base::Status Replay(Revision from, const std::function<void(std::vector<Event>)>& each);
  base::Result<Revision> RevisionBefore(int64_t events);
  base::Status Compact(Revision revision);
  // What is due: returns whether there is more of it. `idle`: nobody waits.
  base::Result<bool> Maintain(bool idle);
  // In order: the next opener need not jump.
  base::Status Close();

  Revision revision() const { return revision_; }
  Revision compacted() const { return compacted_; }
  const Holes& holes() const { return holes_; }
  bool synced() const { return unsynced_ == 0; }  // everything is as durable as it gets
  int wal_pages() const { return database_.wal_pages(); }
  base::Status CheckFrom(Revision from) const;  // whether one can subscribe from there

 private:
  Writer(Database database, CommitMark mark, const WriterLimits& limits, const base::Clock& clock)
      : database_(std::move(database)), mark_(std::move(mark)), limits_(limits), clock_(&clock) {}
  base::Status Prepare();
  // A transaction that writes; the first to be written also marks the store as one in use.
  base::Status Begin();
  base::Status Finish();
  base::Status InTransaction(const std::function<base::Status()>& work);
  base::Status CommitOne(Item& item, Revision revision);
  base::Status TrimTo(Revision revision, int64_t rows);
  base::Status Checkpoint(bool truncate);
  Revision Back(int64_t commits) const;
  Revision TrimTarget();

  Database database_;
  CommitMark mark_;
  WriterLimits limits_;
  const base::Clock* clock_;
  Statement get_, put_, erase_, log_;
  Revision revision_ = 0;  // the last that was published
  Revision next_ = 0;      // the next to be given out, also after failures
  Revision compacted_ = 0;
  Holes holes_;
  bool marked_ = false;  // on the disk: who opens it after a crash jumps ahead
  std::optional<std::pair<Revision, Revision>> jumped_;  // over this hole, of which the mark tells
  bool durable_ = true;                                  // the connection's synchronous mode
  bool vacuumed_ = false;
  int64_t unsynced_ = 0;  // relaxed commits since the last durable one
  base::SteadyTime unsynced_since_{};
  struct Mark {
    base::SteadyTime time;
    Revision revision;
  };
  std::deque<Mark> marks_;  // what was the newest when, for the log's age
};

}  // namespace keelson::store
