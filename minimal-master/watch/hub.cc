// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/watch/hub.h"

#include <chrono>

namespace keelson::watch {

Hub::Hub(const ObjectReader& reader, Source source, Backlog backlog)
    : reader_(reader), source_(std::move(source)), backlog_(std::move(backlog)) {}

Hub::~Hub() {
  {
    std::lock_guard lock(wake_mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  EndAll(base::Unavailable("the server ends"));
  std::lock_guard lock(mutex_);
  KEELSON_CHECK(watchers_.empty());  // they would point here
}

void Hub::Start(uint64_t next, Revision revision) {
  next_number_ = next;
  revision_ = revision;
  thread_ = std::thread([this] { Run(); });
}

void Hub::Notify() {
  {
    std::lock_guard lock(wake_mutex_);
    if (notified_) return;
    notified_ = true;
  }
  wake_.notify_one();
}

size_t Hub::watchers() const {
  std::lock_guard lock(mutex_);
  return watchers_.size();
}

void Hub::Run() {
  for (;;) {
    {
      // Also now and then by itself: the source lets go of what is too old.
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, std::chrono::seconds(10), [this] { return notified_ || stop_; });
      if (stop_) return;
      notified_ = false;
    }
    for (bool more = true; more;) {
      Batch batch = source_(next_number_);
      more = batch.more;
      std::lock_guard lock(mutex_);
      if (batch.lost) {
        for (Watcher* watcher : watchers_) watcher->End(*batch.lost);
      }
      Dispatch(batch.events);
      next_number_.store(batch.next, std::memory_order_release);
      revision_.store(batch.revision, std::memory_order_release);
    }
  }
}

// One event to one watcher: what it is to it depends on whether it matched before and does now.
void Hub::Offer(Watcher& watcher, const Event& event) const {
  const WatchRequest& request = watcher.request_;
  if (event.revision <= request.from) return;
  const bool now = event.object && (!request.filter || request.filter(*event.object));
  const bool before = event.previous && (!request.filter || request.filter(*event.previous));
  if (now) {
    watcher.Queue(before ? Kind::kModified : Kind::kAdded, event.revision, event.object);
  } else if (before) {
    watcher.Queue(Kind::kDeleted, event.revision, event.Departed(reader_));
  }
}

void Hub::Offer(const Group& group, const Event& event) {
  const auto offer = [&](Watcher* watcher) {
    const bool untouched = watcher->pending_.empty();
    Offer(*watcher, event);
    if (untouched && !watcher->pending_.empty()) touched_.push_back(watcher);
  };
  for (Watcher* watcher : group.all) offer(watcher);
  if (group.by_field.empty()) return;
  // The fields that somebody asks for, each with the value now and the one before.
  for (auto at = group.by_field.begin(); at != group.by_field.end();) {
    const size_t field = at->first.first;
    const std::string_view now = event.object ? event.object->field(field) : std::string_view();
    const std::string_view before =
        event.previous ? event.previous->field(field) : std::string_view();
    const auto offer_all = [&](std::string_view value) {
      const auto found = group.by_field.find(FieldValue(field, value));
      if (found == group.by_field.end()) return;
      for (Watcher* watcher : found->second) offer(watcher);
    };
    if (event.object) offer_all(now);
    if (event.previous && (!event.object || before != now)) offer_all(before);
    at = group.by_field.lower_bound(FieldValue(field + 1, std::string()));
  }
}

void Hub::Dispatch(const std::vector<EventPtr>& events) {
  if (watchers_.empty()) return;
  for (const EventPtr& event : events) {
    const std::string_view key = event->key();
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      Offer(found->second, *event);
    }
    if (const auto found = by_prefix_.find(std::string_view()); found != by_prefix_.end()) {
      Offer(found->second, *event);
    }
    for (size_t slash = key.find('/'); slash != std::string_view::npos;
         slash = key.find('/', slash + 1)) {
      const auto found = by_prefix_.find(key.substr(0, slash + 1));
      if (found != by_prefix_.end()) Offer(found->second, *event);
    }
  }
  for (Watcher* watcher : touched_) watcher->Flush(true);
  touched_.clear();
}

base::Result<std::unique_ptr<Watcher>> Hub::Add(WatchRequest request) {
  if (!request.exact && !request.prefix.empty() && request.prefix.back() != '/') {
    return base::InvalidArgument("a watch on '{}': a prefix ends with '/'", request.prefix);
  }
  std::unique_ptr<Watcher> watcher(new Watcher(*this, std::move(request)));
  const WatchRequest& asked = watcher->request_;
  const auto concerns = [&](const Event& event) {
    return asked.exact ? event.key() == asked.prefix : event.key().starts_with(asked.prefix);
  };
  // Most of what has passed is looked through before the hub is held up, the rest while it is.
  Revision from = asked.from;
  for (const bool last : {false, true}) {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (last) lock.lock();
    auto passed = backlog_(from, next_number_);
    if (!passed.ok()) {
      lock = {};
      return passed.error();
    }
    // A commit's events have one revision and are handed out together.
    for (const EventPtr& event : *passed) {
      from = std::max(from, event->revision);
      if (concerns(*event)) Offer(*watcher, *event);
    }
    if (!last) continue;
    Group& group = (asked.exact ? by_key_ : by_prefix_)[asked.prefix];
    (asked.field ? group.by_field[*asked.field] : group.all).insert(watcher.get());
    watchers_.insert(watcher.get());
    watcher->Flush(false);
  }
  return watcher;
}

void Hub::Remove(Watcher& watcher) {
  std::lock_guard lock(mutex_);
  if (watchers_.erase(&watcher) == 0) return;
  const WatchRequest& asked = watcher.request_;
  Groups& groups = asked.exact ? by_key_ : by_prefix_;
  const auto group = groups.find(asked.prefix);
  if (asked.field) {
    const auto found = group->second.by_field.find(*asked.field);
    found->second.erase(&watcher);
    if (found->second.empty()) group->second.by_field.erase(found);
  } else {
    group->second.all.erase(&watcher);
  }
  if (group->second.size() == 0) groups.erase(group);
}

void Hub::EndAll(const base::Error& reason) {
  std::lock_guard lock(mutex_);
  for (Watcher* watcher : watchers_) watcher->End(reason);
}

Watcher::~Watcher() { hub_.Remove(*this); }

void Watcher::Flush(bool bounded) {
  if (pending_.empty()) return;
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (!end_) {
      if (bounded && queue_.size() - taken_ + pending_.size() > request_.queue_limit) {
        end_ = base::ResourceExhausted("the watch is too slow: {} events wait",
                                       queue_.size() - taken_ + pending_.size());
        queue_.clear();
        taken_ = 0;
      } else {
        queue_.insert(queue_.end(), std::make_move_iterator(pending_.begin()),
                      std::make_move_iterator(pending_.end()));
      }
      wake = !std::exchange(woken_, true);
    }
  }
  pending_.clear();
  if (wake && request_.wake) request_.wake();
}

void Watcher::End(const base::Error& reason) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (end_) return;
    end_ = reason;
    wake = !std::exchange(woken_, true);
  }
  if (wake && request_.wake) request_.wake();
}

Deliveries Watcher::Take(size_t limit) {
  // Read first: what is handed out while the queue is emptied may or may not be in it.
  const Revision handed_out = hub_.revision();
  Deliveries out;
  std::lock_guard lock(mutex_);
  const size_t waiting = queue_.size() - taken_;
  out.more = limit != 0 && waiting > limit;
  const auto begin = queue_.begin() + static_cast<ptrdiff_t>(taken_);
  if (out.more) {
    const auto end = begin + static_cast<ptrdiff_t>(limit);
    out.events.assign(std::make_move_iterator(begin), std::make_move_iterator(end));
    taken_ += limit;
    if (taken_ > queue_.size() / 2) {
      queue_.erase(queue_.begin(), end);
      taken_ = 0;
    }
    // Behind the last of these there may be more of the same revision.
    reached_ = std::max(reached_, out.events.back().revision - 1);
  } else {
    if (taken_ == 0) {
      out.events.swap(queue_);
    } else {
      out.events.assign(std::make_move_iterator(begin), std::make_move_iterator(queue_.end()));
    }
    queue_.clear();
    taken_ = 0;
    woken_ = false;
    out.end = end_;
    reached_ = std::max({reached_, handed_out, request_.from});
    // Whole commits are handed out together.
    if (!out.events.empty()) reached_ = std::max(reached_, out.events.back().revision);
  }
  out.revision = reached_;
  return out;
}

}  // namespace keelson::watch
