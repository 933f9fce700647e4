// SPDX-License-Identifier: Apache-2.0
// The store of one machine: an SQLite file with a write-ahead log and full durability. One thread
// writes: it takes what waits, commits it in one transaction with one sync, publishes the events,
// then answers. Another checks the rows' checksums now and then. The files are drawn in schema.h.
// Thread-safe; subscriptions end before their store.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/os/unique_fd.h"
#include "minimal-master/store/sqlite/writer.h"

namespace keelson::store {

class SqliteStore final : public Store {
 public:
  struct Options {
    std::string dir;  // made when it is not there
    WriterLimits limits;
    size_t group_commits = 256;
    size_t group_bytes = 8u << 20;
    std::chrono::milliseconds busy_pause{500};                         // until tidying, after work
    std::chrono::milliseconds quiet_pause = std::chrono::seconds(10);  // when nothing is left to do
    std::chrono::milliseconds check_pause{50};                         // between slices of rows
    std::chrono::milliseconds check_period = std::chrono::hours(6);    // between passes
  };
  static base::Result<std::unique_ptr<SqliteStore>> Open(Options options, const base::Clock& clock);
  ~SqliteStore() override;

  base::Result<KeyValue> Get(std::string_view key) override;
  base::Result<ListResult> List(std::string_view prefix, std::string_view from,
                                size_t limit) override;
  base::Result<Revision> Scan(std::string_view prefix,
                              const std::function<void(KeyValue)>& row) override;
  base::Result<Revision> Commit(std::vector<Change> changes, Durability durability) override;
  base::Result<std::unique_ptr<Subscription>> Subscribe(Revision from,
                                                        Subscriber& subscriber) override;
  base::Result<Revision> CurrentRevision() override;
  base::Result<Revision> RevisionBefore(size_t events) override;
  base::Status Compact(Revision revision) override;
  base::Status Backup(const std::string& path) override;
  base::Result<Stats> GetStats() override;

  // A whole pass over the checksums: how many rows are damaged.
  base::Result<int64_t> Check();

 private:
  class Entry;
  struct Waiting;
  SqliteStore(Options options, const base::Clock& clock, os::UniqueFd lock, Writer writer,
              Database reader)
      : options_(std::move(options)),
        clock_(clock),
        lock_(std::move(lock)),
        writer_(std::move(writer)),
        reader_(std::move(reader)) {}
  void WriteLoop();
  void CommitWaiting(std::deque<Waiting*>& waiting);
  void CheckLoop();
  base::Result<bool> CheckSlice(Database& database, std::string& after);
  void Damaged(std::string_view key);
  void OnWriter(const std::function<void()>& work);  // runs it there and waits
  void Share();                                      // what the writer knows, for others
  base::Result<ListResult> ReadRows(std::string_view prefix, std::string_view from, size_t limit,
                                    const std::function<void(KeyValue)>& row);

  const Options options_;
  const base::Clock& clock_;
  const os::UniqueFd lock_;
  Writer writer_;                      // of the writer thread
  std::set<Subscriber*> subscribers_;  // of the writer thread

  std::mutex reader_mutex_;
  Database reader_;  // guarded by reader_mutex_

  std::mutex queue_mutex_;
  std::condition_variable queued_;
  std::deque<Waiting*> queue_;  // guarded by queue_mutex_
  bool stop_ = false;           // guarded by queue_mutex_

  mutable std::mutex state_mutex_;
  Stats state_;                    // guarded by state_mutex_
  std::set<std::string> damaged_;  // guarded by state_mutex_
  std::mutex check_mutex_;
  std::condition_variable check_wake_;
  bool check_stop_ = false;  // guarded by check_mutex_
  std::thread write_thread_;
  std::thread check_thread_;
};

}  // namespace keelson::store
