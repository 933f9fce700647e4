// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/sqlite_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <semaphore>

#include "lib/base/log.h"
#include "minimal-master/store/sqlite/commit_mark.h"
#include "minimal-master/store/sqlite/maintenance.h"

namespace keelson::store {

// A caller that waits for the writer thread, with its commit or its work.
struct SqliteStore::Waiting {
  Writer::Item item;
  Durability durability = Durability::kDurable;
  const std::function<void()>* work = nullptr;
  size_t bytes = 0;
  std::binary_semaphore done{0};
};

class SqliteStore::Entry final : public Subscription {
 public:
  Entry(SqliteStore& store, Subscriber& subscriber) : store_(store), subscriber_(subscriber) {}
  ~Entry() override {
    store_.OnWriter([this] { store_.subscribers_.erase(&subscriber_); });
  }

 private:
  SqliteStore& store_;
  Subscriber& subscriber_;
};

base::Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(Options options,
                                                             const base::Clock& clock) {
  const std::string context = fmt::format("open the store in '{}'", options.dir);
  auto lock = LockStore(options.dir);
  if (!lock.ok()) return lock.error().WithContext(context);
  RETURN_IF_ERROR(CheckNotLost(options.dir, *lock).WithContext(context));
  RETURN_IF_ERROR(CheckAnswered(options.dir).WithContext(context));
  RETURN_IF_ERROR(ClearBeside(options.dir).WithContext(context));
  const std::string path = StorePath(options.dir);
  auto writer = Writer::Open(path, options.limits, clock);
  if (!writer.ok()) {
    if (writer.error().code() != base::Code::kDataLoss) return writer.error().WithContext(context);
    return base::DataLoss("{}: '{}' is damaged ({}): restore a backup", context, path,
                          writer.error().message());
  }
  RememberStore(*lock);
  auto reader = Database::Open(path, Database::Mode::kReadOnly);
  if (!reader.ok()) return reader.error().WithContext(context);
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(options), clock, std::move(*lock),
                                                     std::move(*writer), std::move(*reader)));
  ASSIGN_OR_RETURN(store->state_.keys, store->reader_.Number("SELECT count(*) FROM kv"));
  ASSIGN_OR_RETURN(const std::string version, store->reader_.Text("SELECT sqlite_version()"));
  store->state_.backend = "sqlite " + version;
  store->Share();
  store->write_thread_ = std::thread([&self = *store] { self.WriteLoop(); });
  store->check_thread_ = std::thread([&self = *store] { self.CheckLoop(); });
  return store;
}

SqliteStore::~SqliteStore() {
  {
    std::lock_guard lock(check_mutex_);
    check_stop_ = true;
  }
  check_wake_.notify_all();
  if (check_thread_.joinable()) check_thread_.join();
  {
    std::lock_guard lock(queue_mutex_);
    stop_ = true;
  }
  queued_.notify_all();
  if (write_thread_.joinable()) write_thread_.join();
  const base::Status closed = writer_.Close();
  if (!closed.ok()) base::LogError("closing the store", {{"error", closed.error()}});
}

void SqliteStore::Share() {
  std::lock_guard lock(state_mutex_);
  state_.revision = writer_.revision();
  state_.oldest = writer_.compacted();
  state_.holes = writer_.holes();
  state_.wal_bytes = int64_t{writer_.wal_pages()} * 4096;
  int64_t log = state_.revision - state_.oldest;
  for (const auto& [low, high] : state_.holes) log -= high - std::max(low, state_.oldest);
  state_.log_events = std::max<int64_t>(0, log);
}

void SqliteStore::WriteLoop() {
  // After work it looks soon whether there is something to tidy; with nothing left it sleeps long.
  bool more = false, quiet = false;
  for (;;) {
    std::deque<Waiting*> waiting;
    bool stop = false;
    {
      std::unique_lock lock(queue_mutex_);
      const auto awake = [this] { return stop_ || !queue_.empty(); };
      if (!more) {
        queued_.wait_for(lock, quiet ? options_.quiet_pause : options_.busy_pause, awake);
      }
      waiting.swap(queue_);
      stop = stop_;
    }
    const bool idle = waiting.empty();
    if (idle && stop) return;
    while (!waiting.empty()) CommitWaiting(waiting);
    const auto maintained = writer_.Maintain(idle);
    more = maintained.ok() && *maintained;
    quiet = idle && !more && writer_.synced();
    if (!maintained.ok() && idle) {
      base::LogWarn("tidying the store, will be tried again", {{"error", maintained.error()}});
    }
    Share();
  }
}

// The first of them, in order: one piece of work, or commits up to a group's bounds.
void SqliteStore::CommitWaiting(std::deque<Waiting*>& waiting) {
  if (waiting.front()->work != nullptr) {
    Waiting* first = waiting.front();
    waiting.pop_front();
    (*first->work)();
    Share();
    first->done.release();
    return;
  }
  std::vector<Waiting*> group;
  std::vector<Writer::Item*> items;
  bool durable = false;
  for (size_t bytes = 0; !waiting.empty() && waiting.front()->work == nullptr &&
                         group.size() < options_.group_commits && bytes < options_.group_bytes;
       waiting.pop_front()) {
    group.push_back(waiting.front());
    items.push_back(&group.back()->item);
    bytes += group.back()->bytes;
    durable = durable || group.back()->durability == Durability::kDurable;
  }
  const base::Status done = writer_.CommitGroup(items, durable);
  std::vector<Event> events;
  int64_t keys = 0, commits = 0;
  for (Writer::Item* item : items) {
    if (!done.ok()) item->error = done.error().WithContext("write to the store");
    if (item->error) continue;
    ++commits;
    for (Event& event : item->events) {
      keys += (event.value ? 1 : 0) - (event.previous ? 1 : 0);
      events.push_back(std::move(event));
    }
  }
  Share();
  {
    std::lock_guard lock(state_mutex_);
    state_.keys += keys;
    state_.commits += commits;
    state_.groups += done.ok() ? 1 : 0;
    const bool full = !done.ok() && done.error().code() == base::Code::kResourceExhausted;
    if (full != state_.full) {
      full ? base::LogError("the store finds no room on its disk, refusing writes",
                            {{"error", done.error()}})
           : base::LogInfo("the store has room again");
    }
    state_.full = full;
  }
  if (!events.empty()) {
    for (Subscriber* subscriber : subscribers_) subscriber->OnEvents(events);
  }
  for (Waiting* caller : group) caller->done.release();
}

base::Result<Revision> SqliteStore::Commit(std::vector<Change> changes, Durability durability) {
  RETURN_IF_ERROR(CheckChanges(changes));
  Waiting waiting;
  for (const Change& change : changes) waiting.bytes += change.key.size() + change.value.size();
  waiting.item.changes = std::move(changes);
  waiting.durability = durability;
  {
    std::lock_guard lock(queue_mutex_);
    queue_.push_back(&waiting);
  }
  queued_.notify_one();
  waiting.done.acquire();
  if (waiting.item.error) return *waiting.item.error;
  return waiting.item.revision;
}

void SqliteStore::OnWriter(const std::function<void()>& work) {
  Waiting waiting;
  waiting.work = &work;
  {
    std::lock_guard lock(queue_mutex_);
    queue_.push_back(&waiting);
  }
  queued_.notify_one();
  waiting.done.acquire();
}

base::Result<std::unique_ptr<Subscription>> SqliteStore::Subscribe(Revision from,
                                                                   Subscriber& subscriber) {
  base::Status result;
  OnWriter([&] {
    result = writer_.Replay(from, [&](std::vector<Event> events) { subscriber.OnEvents(events); });
    if (result.ok()) KEELSON_CHECK(subscribers_.insert(&subscriber).second);
  });
  if (!result.ok()) return result.error();
  return std::unique_ptr<Subscription>(std::make_unique<Entry>(*this, subscriber));
}

base::Result<Revision> SqliteStore::CurrentRevision() {
  std::lock_guard lock(state_mutex_);
  return state_.revision;
}

base::Result<Revision> SqliteStore::RevisionBefore(size_t events) {
  base::Result<Revision> result = Revision{0};
  OnWriter([&] { result = writer_.RevisionBefore(static_cast<int64_t>(events)); });
  return result;
}

base::Status SqliteStore::Compact(Revision revision) {
  base::Status result;
  OnWriter([&] { result = writer_.Compact(revision); });
  return result;
}

base::Result<Stats> SqliteStore::GetStats() {
  Stats stats;
  {
    std::lock_guard lock(state_mutex_);
    stats = state_;
    stats.damaged = static_cast<int64_t>(damaged_.size());
  }
  struct stat file{};
  const std::string path = StorePath(options_.dir);
  if (::stat(path.c_str(), &file) == 0) stats.file_bytes = file.st_size;
  if (::stat((path + "-wal").c_str(), &file) == 0) stats.wal_bytes = file.st_size;
  return stats;
}

base::Status SqliteStore::Backup(const std::string& path) {
  RETURN_IF_ERROR(
      BackupStore(options_.dir, path, clock_).WithContext(fmt::format("back up to '{}'", path)));
  std::lock_guard lock(state_mutex_);
  state_.last_backup = clock_.WallNanos() / 1'000'000'000;
  return base::Ok();
}

}  // namespace keelson::store
