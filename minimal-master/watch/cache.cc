// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/cache.h"

#include "lib/base/log.h"

namespace keelson::watch {
namespace {

constexpr size_t kBatchEvents = 512;

}  // namespace

Cache::Cache(store::Store& store, const ObjectReader& reader, const base::Clock& clock,
             Options options)
    : store_(store),
      reader_(reader),
      clock_(clock),
      options_(std::move(options)),
      history_(options_.history),
      hub_(
          reader, [this](uint64_t from) { return TakeBatch(from); },
          [this](Revision revision, uint64_t end) { return EventsAfter(revision, end); }) {}

base::Result<std::unique_ptr<Cache>> Cache::Open(store::Store& store, const ObjectReader& reader,
                                                 const base::Clock& clock, Options options) {
  std::unique_ptr<Cache> cache(new Cache(store, reader, clock, std::move(options)));
  RETURN_IF_ERROR(cache->Load(true));
  {
    std::lock_guard lock(cache->mutex_);
    cache->hub_.Start(cache->history_.end(), cache->revision_);
  }
  cache->reloader_ = std::thread([&self = *cache] { self.Reload(); });
  return cache;
}

Cache::~Cache() {
  {
    std::lock_guard lock(reload_mutex_);
    stop_ = true;
  }
  reload_.notify_all();
  if (reloader_.joinable()) reloader_.join();
  subscription_.reset();
}

base::Status Cache::Load(bool with_history) {
  Tree tree;
  ASSIGN_OR_RETURN(const Revision revision, store_.Scan(options_.prefix, [&](store::KeyValue row) {
    ObjectPtr object = Read(row.key, row.revision, row.value);
    if (object) tree.Put(std::move(object));
  }));
  ASSIGN_OR_RETURN(const store::Stats stats, store_.GetStats());
  Revision from = revision;
  if (with_history) {
    ASSIGN_OR_RETURN(from, store_.RevisionBefore(options_.resume_events));
    from = std::min(from, revision);
  }
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      tree_ = tree;
      revision_ = loaded_ = revision;
      holes_ = stats.holes;
      history_.Reset(from);
      reset_at_ = history_.end();
    }
    advanced_.notify_all();
    auto subscription = store_.Subscribe(from, *this);
    if (subscription.ok()) {
      subscription_ = std::move(*subscription);
      break;
    }
    // The history is a help, not a need.
    if (from == revision) return subscription.error();
    from = revision;
  }
  std::lock_guard lock(mutex_);
  past_.clear();
  return base::Ok();
}

void Cache::Reload() {
  std::unique_lock lock(reload_mutex_);
  for (;;) {
    reload_.wait(lock, [this] { return lost_ || stop_; });
    if (stop_) return;
    lost_ = false;
    lock.unlock();
    subscription_.reset();
    const base::Status loaded = Load(false);
    if (loaded.ok()) {
      base::LogWarn("the store was read anew, watches begin again");
      std::lock_guard state(mutex_);
      ++resets_;
    }
    hub_.Notify();
    lock.lock();
    if (loaded.ok()) continue;
    base::LogError("reading the store anew, will be tried again", {{"error", loaded.error()}});
    lost_ = true;
    reload_.wait_for(lock, options_.retry, [this] { return stop_; });
  }
}

void Cache::OnLost(const base::Error& reason) {
  base::LogWarn("the store's events were lost, reading it anew", {{"error", reason}});
  {
    std::lock_guard lock(reload_mutex_);
    lost_ = true;
  }
  reload_.notify_all();
}

ObjectPtr Cache::Read(std::string_view key, Revision revision, const Bytes& value) {
  auto contents = reader_.Read(key, value, revision);
  if (contents.ok()) return ObjectPtr(new Object(key, revision, *contents));
  if (unreadable_.fetch_add(1) < 10) {
    base::LogError("a value in the store cannot be read, leaving it out",
                   {{"key", key}, {"error", contents.error()}});
  }
  return nullptr;
}

void Cache::OnEvents(const std::vector<store::Event>& events) {
  Revision loaded;
  {
    std::lock_guard lock(mutex_);
    loaded = loaded_;
  }
  std::vector<ObjectPtr> objects(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const store::Event& event = events[i];
    if (!event.value || !event.key.starts_with(options_.prefix)) continue;
    if (event.revision <= loaded) objects[i] = Find(event.key);  // it may be there already
    if (!objects[i] || objects[i]->revision() != event.revision) {
      objects[i] = Read(event.key, event.revision, event.value);
    }
  }
  {
    std::lock_guard lock(mutex_);
    const base::SteadyTime now = clock_.Steady();
    for (size_t i = 0; i < events.size(); ++i) {
      if (events[i].key.starts_with(options_.prefix)) {
        ApplyLocked(events[i], std::move(objects[i]), now);
      }
      revision_ = std::max(revision_, events[i].revision);
    }
    history_.Trim(now, hub_.next());
  }
  advanced_.notify_all();
  hub_.Notify();
}

void Cache::OnProgress(Revision revision) {
  {
    std::lock_guard lock(mutex_);
    if (revision <= revision_) return;
    revision_ = revision;
  }
  advanced_.notify_all();
  hub_.Notify();
}

void Cache::ApplyLocked(const store::Event& event, ObjectPtr object, base::SteadyTime now) {
  Ref<Event> entry(new Event);
  entry->revision = event.revision;
  entry->object = object;
  if (event.revision > loaded_) {
    entry->previous = object ? tree_.Put(std::move(object)) : tree_.Erase(event.key);
  } else {  // of the time before the scan
    if (event.previous) {
      const auto found = past_.find(event.key);
      entry->previous = found != past_.end() && found->second &&
                                found->second->revision() == event.previous_revision
                            ? found->second
                            : Read(event.key, event.previous_revision, event.previous);
    }
    past_[event.key] = std::move(object);
  }
  if (entry->object || entry->previous) history_.Append(EventPtr(entry.get()), now);
}

Hub::Batch Cache::TakeBatch(uint64_t from) {
  std::lock_guard lock(mutex_);
  Hub::Batch batch;
  batch.revision = revision_;
  if (from < reset_at_) {
    batch.lost = store::MakeCompacted(0, history_.floor());
    from = reset_at_;
  }
  history_.Trim(clock_.Steady(), from);
  for (; from < history_.end(); ++from) {
    const EventPtr& event = history_.at(from);
    // Cut between commits only.
    if (batch.events.size() >= kBatchEvents && event->revision != batch.events.back()->revision) {
      batch.more = true;
      batch.revision = batch.events.back()->revision;
      break;
    }
    batch.events.push_back(event);
  }
  batch.next = from;
  return batch;
}

base::Status Cache::CheckOldLocked(Revision revision) const {
  if (revision < history_.floor()) return store::MakeCompacted(revision, history_.floor());
  for (const auto& [last, next] : holes_) {
    if (revision > last && revision < next) return store::MakeCompacted(revision, next);
  }
  return base::Ok();
}

base::Result<std::vector<EventPtr>> Cache::EventsAfter(Revision revision, uint64_t end) const {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckOldLocked(revision));
  std::vector<EventPtr> out;
  for (uint64_t i = history_.After(revision); i < std::min(end, history_.end()); ++i) {
    out.push_back(history_.at(i));
  }
  return out;
}

Snapshot Cache::Current() const {
  std::lock_guard lock(mutex_);
  return Snapshot(tree_, revision_);
}

ObjectPtr Cache::Find(std::string_view key) const {
  std::lock_guard lock(mutex_);
  return tree_.Find(key);
}

Revision Cache::revision() const {
  std::lock_guard lock(mutex_);
  return revision_;
}

Revision Cache::oldest() const {
  std::lock_guard lock(mutex_);
  return history_.floor();
}

base::Result<Snapshot> Cache::At(Revision revision, std::string_view prefix) const {
  Tree tree;
  std::vector<EventPtr> undo;
  {
    std::lock_guard lock(mutex_);
    if (revision > revision_) {
      return base::InvalidArgument("revision {} is ahead of {}", revision, revision_);
    }
    if (revision == revision_) return Snapshot(tree_, revision_);
    RETURN_IF_ERROR(CheckOldLocked(revision));
    tree = tree_;
    for (uint64_t i = history_.After(revision); i < history_.end(); ++i) {
      if (history_.at(i)->key().starts_with(prefix)) undo.push_back(history_.at(i));
    }
  }
  for (auto event = undo.rbegin(); event != undo.rend(); ++event) {
    if ((*event)->previous) {
      tree.Put((*event)->previous);
    } else {
      tree.Erase((*event)->key());
    }
  }
  return Snapshot(std::move(tree), revision);
}

base::Result<Snapshot> Cache::AtLeast(Revision revision, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  if (!advanced_.wait_for(lock, timeout, [&] { return revision_ >= revision; })) {
    return base::DeadlineExceeded("revision {} is ahead of {}", revision, revision_);
  }
  return Snapshot(tree_, revision_);
}

base::Result<std::unique_ptr<Watcher>> Cache::Watch(WatchRequest request) {
  return hub_.Add(std::move(request));
}

CacheStats Cache::GetStats() const {
  CacheStats stats;
  stats.watchers = hub_.watchers();
  stats.unreadable = unreadable_;
  std::lock_guard lock(mutex_);
  stats.revision = revision_;
  stats.oldest = history_.floor();
  stats.objects = tree_.size();
  stats.history_events = history_.end() - history_.begin();
  stats.history_bytes = history_.bytes();
  stats.resets = resets_;
  return stats;
}

}  // namespace keelson::watch
