// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/memory_store.h"

#include <algorithm>

namespace keelson::store {

class MemoryStore::Entry final : public Subscription {
 public:
  Entry(MemoryStore& store, Subscriber& subscriber) : store_(store), subscriber_(subscriber) {}
  ~Entry() override {
    std::lock_guard lock(store_.publish_);
    store_.subscribers_.erase(&subscriber_);
  }

 private:
  MemoryStore& store_;
  Subscriber& subscriber_;
};

base::Result<KeyValue> MemoryStore::Get(std::string_view key) {
  std::lock_guard lock(state_);
  const auto found = items_.find(key);
  if (found == items_.end()) return base::NotFound("no key '{}'", key);
  return KeyValue{found->first, found->second.revision, found->second.value};
}

base::Result<ListResult> MemoryStore::ListLocked(std::string_view prefix, std::string_view from,
                                                 size_t limit) {
  ListResult out;
  out.revision = revision_;
  for (auto at = items_.lower_bound(std::max(prefix, from));
       at != items_.end() && at->first.starts_with(prefix); ++at) {
    if (limit != 0 && out.items.size() == limit) {
      out.more = true;
      break;
    }
    out.items.push_back({at->first, at->second.revision, at->second.value});
  }
  return out;
}

base::Result<ListResult> MemoryStore::List(std::string_view prefix, std::string_view from,
                                           size_t limit) {
  std::lock_guard lock(state_);
  return ListLocked(prefix, from, limit);
}

base::Result<Revision> MemoryStore::Scan(std::string_view prefix,
                                         const std::function<void(KeyValue)>& row) {
  ASSIGN_OR_RETURN(ListResult all, List(prefix, "", 0));
  for (KeyValue& item : all.items) row(std::move(item));
  return all.revision;
}

base::Result<Revision> MemoryStore::Commit(std::vector<Change> changes, Durability) {
  RETURN_IF_ERROR(CheckChanges(changes));
  std::lock_guard publishing(publish_);
  std::vector<Event> events;
  {
    std::lock_guard lock(state_);
    if (failure_) return *failure_;
    for (const Change& change : changes) {
      const auto found = items_.find(change.key);
      const Revision current = found == items_.end() ? kAbsent : found->second.revision;
      if (change.expected != kAny && change.expected != current) {
        return MakeConflict(change.key, change.expected, current);
      }
      if (!change.value && current == kAbsent) return base::NotFound("no key '{}'", change.key);
    }
    ++revision_;
    ++commits_;
    for (Change& change : changes) {
      Event event{revision_, change.key, change.value, {}, 0};
      const auto found = items_.find(change.key);
      if (found != items_.end()) {
        event.previous = found->second.value;
        event.previous_revision = found->second.revision;
      }
      if (!change.value) {
        items_.erase(found);
      } else {
        items_[std::move(change.key)] = {revision_, std::move(change.value)};
      }
      log_.push_back(event);
      events.push_back(std::move(event));
    }
    while (log_.size() > log_limit_) {  // whole commits
      oldest_ = log_.front().revision;
      while (!log_.empty() && log_.front().revision == oldest_) log_.pop_front();
    }
  }
  for (Subscriber* subscriber : subscribers_) subscriber->OnEvents(events);
  return events.front().revision;
}

base::Result<std::unique_ptr<Subscription>> MemoryStore::Subscribe(Revision from,
                                                                   Subscriber& subscriber) {
  std::lock_guard publishing(publish_);
  std::vector<Event> backlog;
  {
    std::lock_guard lock(state_);
    if (from < oldest_) return MakeCompacted(from, oldest_);
    if (from > revision_) {
      return base::InvalidArgument("revision {} is ahead of {}", from, revision_);
    }
    for (const Event& event : log_) {
      if (event.revision > from) backlog.push_back(event);
    }
  }
  if (!backlog.empty()) subscriber.OnEvents(backlog);
  KEELSON_CHECK(subscribers_.insert(&subscriber).second);
  return std::unique_ptr<Subscription>(std::make_unique<Entry>(*this, subscriber));
}

base::Result<Revision> MemoryStore::CurrentRevision() {
  std::lock_guard lock(state_);
  return revision_;
}

base::Result<Revision> MemoryStore::RevisionBefore(size_t events) {
  std::lock_guard lock(state_);
  return log_.size() <= events ? oldest_ : log_[log_.size() - events - 1].revision;
}

base::Status MemoryStore::Compact(Revision revision) {
  std::lock_guard lock(state_);
  if (revision > revision_) {
    return base::InvalidArgument("revision {} is ahead of {}", revision, revision_);
  }
  oldest_ = std::max(oldest_, revision);
  while (!log_.empty() && log_.front().revision <= oldest_) log_.pop_front();
  return base::Ok();
}

base::Status MemoryStore::Backup(const std::string&) {
  return base::Unimplemented("a store in memory has no backup");
}

base::Result<Stats> MemoryStore::GetStats() {
  std::lock_guard lock(state_);
  Stats stats;
  stats.backend = "memory";
  stats.revision = revision_;
  stats.oldest = oldest_;
  stats.keys = static_cast<int64_t>(items_.size());
  stats.log_events = static_cast<int64_t>(log_.size());
  stats.commits = stats.groups = commits_;
  return stats;
}

void MemoryStore::FailCommits(std::optional<base::Error> error) {
  std::lock_guard lock(state_);
  failure_ = std::move(error);
}

void MemoryStore::LoseSubscribers() {
  std::lock_guard publishing(publish_);
  std::set<Subscriber*> all;
  all.swap(subscribers_);
  for (Subscriber* subscriber : all) subscriber->OnLost(base::OutOfRange("the store was restored"));
}

}  // namespace keelson::store
