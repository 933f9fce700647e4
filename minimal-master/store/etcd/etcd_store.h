// SPDX-License-Identifier: Apache-2.0
// The store for those who outgrow one machine: an etcd cluster (3.4 to 3.6). Revisions are etcd's
// own; keys are upstream's; values that another server wrote are passed on as they are. One watch
// of all keys, on a thread of its own, feeds every subscriber, resumes on another member where it
// stopped, and has a commit before its caller has the answer. Thread-safe; made only when chosen.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "minimal-master/store/etcd/client.h"
#include "minimal-master/store/store.h"

namespace keelson::store {

class EtcdStore final : public Store {
 public:
  // `prefix`: what subscribers hear of; other keys in that etcd are somebody else's.
  // Every `compact_every` (zero: never) what is older than that is compacted, as upstream's server
  // does; several of us do no harm to one another.
  static base::Result<std::unique_ptr<EtcdStore>> Open(
      const EtcdOptions& options, std::string prefix = "",
      std::chrono::milliseconds compact_every = std::chrono::minutes(5));
  ~EtcdStore() override;

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
  base::Status Backup(const std::string& path) override;  // a snapshot as etcdctl restores it
  base::Result<Stats> GetStats() override;

 private:
  class Entry;
  struct Page {
    ListResult list;
    int64_t count = 0;
  };
  EtcdStore(std::unique_ptr<EtcdClient> client, std::string prefix);
  base::Result<Page> Range(std::string_view from, std::string_view end, size_t limit,
                           Revision revision, bool count_only);
  base::Result<Revision> IsAsWanted(const std::vector<Change>& changes);
  void WatchLoop();
  void CompactLoop(std::chrono::milliseconds every);
  // Events above `from` up to `target`, by a watch of their own. OutOfRange as Compacted.
  base::Result<std::vector<Event>> Past(Revision from, Revision target);
  void Publish(std::vector<Event> events, Revision seen);
  base::Status AwaitSeen(Revision revision);

  const std::unique_ptr<EtcdClient> client_;
  const std::string prefix_;

  std::mutex publish_;                 // held while subscribers are told; before state_
  std::set<Subscriber*> subscribers_;  // guarded by publish_

  std::mutex state_;
  std::condition_variable advanced_;
  Revision seen_ = 0;                            // guarded by state_: published up to here
  Revision compacted_ = 0;                       // guarded by state_: as far as known
  bool stop_ = false;                            // guarded by state_
  std::shared_ptr<grpc::ClientContext> stream_;  // guarded by state_: to be cancelled
  int64_t commits_ = 0;                          // guarded by state_
  bool full_ = false;                            // guarded by state_
  int64_t last_backup_ = 0;                      // guarded by state_
  std::thread thread_;
  std::thread compact_thread_;
};

}  // namespace keelson::store
