// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/manager.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "lib/base/log.h"
#include "minimal-master/control/queue.h"
#include "minimal-master/storage/storage.h"
#include "minimal-master/watch/tree.h"

namespace keelson::control {
namespace {

// The clock is looked at this often while something is delayed: it need not be the machine's.
constexpr std::chrono::milliseconds kLongestSleep{1000};
constexpr std::chrono::milliseconds kWatchAgain{500};
constexpr size_t kQueueLimit = 200'000;  // events that may wait for the dispatcher

}  // namespace

struct Manager::State {
  struct Slot {
    std::unique_ptr<Controller> controller;
    Queue queue;  // guarded by mutex
  };
  struct Listener {
    Slot* slot;
    const schema::Resource* resource;  // as the controller named it
  };

  State(watch::Cache& its_cache, const base::Clock& its_clock, size_t its_threads)
      : cache(its_cache), clock(its_clock), threads(std::max<size_t>(its_threads, 1)) {}

  void Dispatch();
  void Work();
  void List();
  base::Result<std::unique_ptr<watch::Watcher>> Watch();
  void Take(std::unique_ptr<watch::Watcher>& watcher);
  void Route(watch::Kind kind, const watch::ObjectPtr& object, const watch::ObjectPtr& old);
  void Heard(watch::Revision revision) {
    for (const auto& slot : slots) slot->controller->Heard(revision);
  }
  void Add(Slot& slot, std::string key);
  Slot* NextLocked();

  watch::Cache& cache;
  const base::Clock& clock;
  const size_t threads;
  std::vector<std::unique_ptr<Slot>> slots;                                        // set by Start
  std::unordered_map<const schema::Resource*, std::vector<Listener>> by_resource;  // likewise
  watch::Tree known;           // the dispatcher's: what the controllers have heard of
  watch::Revision listed = 0;  // the dispatcher's

  mutable std::mutex mutex;
  std::condition_variable work;      // something is ready
  std::condition_variable dispatch;  // something happened
  bool woken = false;                // guarded by mutex
  bool ready = false;                // guarded by mutex: everything was heard of once
  bool stop = false;                 // guarded by mutex
  watch::Revision heard = 0;         // guarded by mutex: all up to there was told
  size_t turn = 0;                   // guarded by mutex: whose turn it is
  base::SteadyTime sleeping_until;   // guarded by mutex
  std::thread dispatcher;
  std::vector<std::thread> workers;
};

void Manager::State::Add(Slot& slot, std::string key) {
  const std::lock_guard lock(mutex);
  slot.queue.Add(std::move(key));
  work.notify_one();
}

void Manager::State::Route(watch::Kind kind, const watch::ObjectPtr& object,
                           const watch::ObjectPtr& old) {
  const schema::Resource* const resource = storage::ResourceOfKey(object->key());
  if (resource == nullptr) return;
  const auto found = by_resource.find(resource);
  if (found == by_resource.end()) return;
  for (const Listener& listener : found->second) {
    listener.slot->controller->Route({*listener.resource, kind, object, old},
                                     [&](std::string key) { Add(*listener.slot, std::move(key)); });
  }
}

// Everything as it is now, told as the changes since what was known.
void Manager::State::List() {
  const watch::Snapshot snapshot = cache.Current();
  listed = snapshot.revision();
  const watch::Tree before = known;
  snapshot.ForEach("", "", [&](const watch::ObjectPtr& object) {
    const watch::ObjectPtr old = known.Put(object);
    if (!old) {
      Route(watch::Kind::kAdded, object, old);
    } else if (old->revision() != object->revision()) {
      Route(watch::Kind::kModified, object, old);
    }
    return true;
  });
  before.ForEach("", "", [&](const watch::ObjectPtr& object) {
    if (!snapshot.Find(object->key())) {
      known.Erase(object->key());
      Route(watch::Kind::kDeleted, object, object);
    }
    return true;
  });
  Heard(listed);
}

base::Result<std::unique_ptr<watch::Watcher>> Manager::State::Watch() {
  watch::WatchRequest request;
  request.from = listed;
  request.queue_limit = kQueueLimit;
  request.wake = [this] {
    const std::lock_guard lock(mutex);
    woken = true;
    dispatch.notify_one();
  };
  return cache.Watch(std::move(request));
}

void Manager::State::Take(std::unique_ptr<watch::Watcher>& watcher) {
  for (bool more = true; more;) {
    watch::Deliveries got = watcher->Take(1000);
    watch::Revision routed = 0;
    for (const watch::Delivery& event : got.events) {
      if (routed != 0 && event.revision != routed) Heard(routed);
      routed = event.revision;
      const watch::ObjectPtr old = event.kind == watch::Kind::kDeleted
                                       ? known.Erase(event.object->key())
                                       : known.Put(event.object);
      Route(event.kind, event.object, old);
    }
    Heard(got.revision);
    more = got.more;
    if (!more) {
      const std::lock_guard lock(mutex);
      heard = std::max(heard, got.revision);
    }
    if (got.end) {
      base::LogInfo("the controllers' watch ended, everything is listed again",
                    {{"error", *got.end}});
      watcher.reset();
      return;
    }
  }
}

void Manager::State::Dispatch() {
  std::unique_ptr<watch::Watcher> watcher;
  while (true) {
    bool retry = false;
    if (!watcher) {
      List();
      auto opened = Watch();
      if (opened.ok()) {
        watcher = *std::move(opened);
      } else {
        base::LogWarn("the controllers cannot watch, trying again", {{"error", opened.error()}});
        retry = true;
      }
    }
    if (watcher) Take(watcher);
    std::unique_lock lock(mutex);
    if (!ready) {
      ready = true;
      work.notify_all();
    }
    while (!stop && !woken && watcher) {
      const base::SteadyTime now = clock.Steady();
      base::SteadyTime next = base::SteadyTime::max();
      for (const auto& slot : slots) {
        const size_t before = slot->queue.waiting();
        slot->queue.Release(now);
        if (slot->queue.waiting() > before) work.notify_all();
        if (const auto due = slot->queue.NextDue()) next = std::min(next, *due);
      }
      sleeping_until = next;
      if (next == base::SteadyTime::max()) {
        dispatch.wait(lock);
      } else {
        dispatch.wait_for(lock, std::min<std::chrono::nanoseconds>(next - now, kLongestSleep));
      }
    }
    if (retry && !stop) dispatch.wait_for(lock, kWatchAgain);
    if (stop) return;
    woken = false;
  }
}

// A controller that has something ready and may work on more, each in its turn.
Manager::State::Slot* Manager::State::NextLocked() {
  if (!ready) return nullptr;
  for (size_t i = 0; i < slots.size(); ++i) {
    Slot& slot = *slots[(turn + i) % slots.size()];
    if (slot.queue.waiting() == 0 || slot.queue.working() >= slot.controller->Workers()) continue;
    turn = (turn + i + 1) % slots.size();
    return &slot;
  }
  return nullptr;
}

void Manager::State::Work() {
  std::unique_lock lock(mutex);
  while (true) {
    Slot* slot = nullptr;
    work.wait(lock, [&] { return stop || (slot = NextLocked()) != nullptr; });
    if (stop) return;
    const std::string key = *slot->queue.Take();
    lock.unlock();
    const Outcome outcome = slot->controller->Sync(key);
    if (outcome.failed) {
      base::LogDebug(
          "a controller failed and tries again",
          {{"controller", slot->controller->name()}, {"key", key}, {"error", *outcome.failed}});
    }
    lock.lock();
    slot->queue.Done(key, outcome, clock.Steady());
    if (const auto due = slot->queue.NextDue(); due && *due < sleeping_until) dispatch.notify_one();
    // One that was kept back by its limit, or the same key once more.
    if (slot->queue.waiting() > 0) work.notify_one();
  }
}

Manager::Manager(watch::Cache& cache, const base::Clock& clock, size_t threads)
    : state_(std::make_unique<State>(cache, clock, threads)) {}

Manager::~Manager() { Stop(); }

void Manager::Add(std::unique_ptr<Controller> controller) {
  auto slot = std::make_unique<State::Slot>();
  slot->controller = std::move(controller);
  state_->slots.push_back(std::move(slot));
}

base::Status Manager::Start() {
  if (state_->dispatcher.joinable()) return base::FailedPrecondition("it runs already");
  for (const auto& slot : state_->slots) {
    for (const schema::Resource* resource : slot->controller->Watches()) {
      auto& listeners = state_->by_resource[&storage::StoredAs(*resource)];
      const bool there = std::any_of(listeners.begin(), listeners.end(),
                                     [&](const auto& one) { return one.slot == slot.get(); });
      if (!there) listeners.push_back({slot.get(), resource});
    }
  }
  State* const state = state_.get();
  state->dispatcher = std::thread([state] { state->Dispatch(); });
  for (size_t i = 0; i < state->threads; ++i)
    state->workers.emplace_back([state] { state->Work(); });
  return base::Ok();
}

void Manager::Stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
    state_->work.notify_all();
    state_->dispatch.notify_all();
  }
  if (state_->dispatcher.joinable()) state_->dispatcher.join();
  for (std::thread& worker : state_->workers) worker.join();
  state_->workers.clear();
}

void Manager::Enqueue(std::string_view controller, std::string key) {
  for (const auto& slot : state_->slots) {
    if (slot->controller->name() == controller) return state_->Add(*slot, std::move(key));
  }
}

std::vector<QueueStats> Manager::Stats() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<QueueStats> out;
  for (const auto& slot : state_->slots) {
    const Queue& queue = slot->queue;
    out.push_back({std::string(slot->controller->name()), queue.waiting(), queue.delayed(),
                   queue.working(), queue.added(), queue.synced(), queue.failed(),
                   queue.last_error()});
  }
  return out;
}

bool Manager::Quiet() const {
  const std::lock_guard lock(state_->mutex);
  if (!state_->ready || state_->heard != state_->cache.revision()) return false;
  return std::all_of(state_->slots.begin(), state_->slots.end(), [](const auto& slot) {
    return slot->queue.waiting() + slot->queue.working() == 0;
  });
}

}  // namespace keelson::control
