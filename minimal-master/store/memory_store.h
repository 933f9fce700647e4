// SPDX-License-Identifier: Apache-2.0
// A store that forgets everything when it goes: for tests and for trying things out. Passes the
// same contract as the others. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "minimal-master/store/store.h"

namespace keelson::store {

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(size_t log_limit = 100'000) : log_limit_(log_limit) {}

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

  // For tests: every commit from now on is answered with this (nothing: commits work again).
  void FailCommits(std::optional<base::Error> error);
  // For tests: ends all subscriptions as a restore does.
  void LoseSubscribers();

 private:
  class Entry;
  struct Item {
    Revision revision;
    Bytes value;
  };
  base::Result<ListResult> ListLocked(std::string_view prefix, std::string_view from, size_t limit);

  const size_t log_limit_;
  std::mutex publish_;  // held over a commit and its events; taken before state_
  std::mutex state_;
  std::map<std::string, Item, std::less<>> items_;  // guarded by state_
  std::deque<Event> log_;                           // guarded by state_
  Revision revision_ = 1;                           // guarded by state_
  Revision oldest_ = 1;                             // guarded by state_
  int64_t commits_ = 0;                             // guarded by state_
  std::optional<base::Error> failure_;              // guarded by state_
  std::set<Subscriber*> subscribers_;               // guarded by publish_
};

}  // namespace keelson::store
