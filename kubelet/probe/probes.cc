// SPDX-License-Identifier: Apache-2.0
#include "kubelet/probe/probes.h"

#include <algorithm>
#include <condition_variable>
#include <numeric>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "kubelet/probe/probe_state.h"

namespace keelson::probe {

struct Probes::State {
  struct Entry {
    Entry(const Watched& w, const ProbeState::Begin& begin)
        : watched(w), judge(watched.container, begin) {}
    const Watched watched;
    ProbeState judge;  // guarded by mutex, but for Spec(), which never changes
    std::optional<base::SteadyTime> queued;  // its place in `queue`
    bool forgotten = false;
    struct Counted {
      std::array<uint64_t, kSeconds.size() + 1> by_seconds{};
      double seconds = 0;
    };
    std::map<std::pair<Kind, Outcome>, Counted> tally;  // guarded by mutex
  };
  using EntryPtr = std::shared_ptr<Entry>;
  using Changed = std::function<void(const std::string&)>;
  using Failed = std::function<void(const std::string&, const std::string&, const std::string&)>;

  State(Prober& p, async::Executor& e, base::Clock& c, Changed on_changed, Failed on_failed)
      : prober(p),
        executor(e),
        clock(c),
        changed(std::move(on_changed)),
        failed(std::move(on_failed)),
        timer([this] { Time(); }) {}
  ~State() {
    {
      std::unique_lock lock(mutex);
      stop = true;
      wake.notify_all();
      idle.wait(lock, [this] { return under_way == 0; });
    }
    timer.join();
  }

  // Puts the entry where its next probe belongs. With the mutex.
  void Queue(const EntryPtr& entry) {
    const std::string& id = entry->watched.container_id;
    if (entry->queued) queue.erase({*entry->queued, id});
    entry->queued = entry->forgotten ? std::nullopt : entry->judge.NextDue();
    if (!entry->queued) return;
    const auto place = queue.insert({*entry->queued, id}).first;
    if (place == queue.begin()) wake.notify_all();
  }

  void Drop(const EntryPtr& entry) {
    entry->forgotten = true;
    Queue(entry);
  }

  void Time() {
    std::unique_lock lock(mutex);
    while (!stop) {
      const base::SteadyTime now = clock.Steady();
      if (queue.empty()) {
        wake.wait(lock);
      } else if (queue.begin()->first > now) {
        // A copy of the time to wait, not a reference into the queue: it changes meanwhile.
        const std::chrono::nanoseconds left = queue.begin()->first - now;
        wake.wait_for(lock, left);
      } else {
        Begin(entries.at(queue.begin()->second), now);
      }
    }
  }

  // With the mutex.
  void Begin(const EntryPtr& entry, base::SteadyTime now) {
    for (const Kind kind : kKinds) {
      const auto due = entry->judge.DueAt(kind);
      if (!due || *due > now) continue;
      entry->judge.Started(kind, now);
      ++under_way;
      executor.Post([this, entry, kind] { Carry(entry, kind); });
    }
    Queue(entry);
  }

  void Carry(const EntryPtr& entry, Kind kind) {
    const Watched& watched = entry->watched;
    std::unique_lock lock(mutex);
    if (!stop && !entry->forgotten) {
      lock.unlock();
      const base::SteadyTime begin = clock.Steady();
      const Answer answer = prober.Probe(
          entry->judge.Spec(kind), {watched.address, watched.container_id, &watched.container});
      const double took = std::chrono::duration<double>(clock.Steady() - begin).count();
      lock.lock();
      Entry::Counted& counted = entry->tally[{kind, answer.outcome}];
      ++counted.by_seconds[static_cast<size_t>(
          std::lower_bound(kSeconds.begin(), kSeconds.end(), took) - kSeconds.begin())];
      counted.seconds += took;
      if (!stop && !entry->forgotten) {
        const ProbeState::Verdict verdict = entry->judge.Answered(kind, answer, clock.Steady());
        Queue(entry);
        lock.unlock();
        if (!verdict.text.empty() && failed)
          failed(watched.pod_uid, watched.container.name, verdict.text);
        if (verdict.health_changed && changed) changed(watched.pod_uid);
        lock.lock();
      }
    }
    --under_way;
    // Under the lock: the state may be gone the moment it is released.
    idle.notify_all();
  }

  Prober& prober;
  async::Executor& executor;
  base::Clock& clock;
  const Changed changed;
  const Failed failed;

  mutable std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  std::map<std::string, EntryPtr> entries;                   // by container id
  std::set<std::pair<base::SteadyTime, std::string>> queue;  // when an entry is due next
  std::minstd_rand random{std::random_device{}()};
  size_t under_way = 0;
  bool stop = false;
  std::thread timer;  // last: it uses all of the above
};

Probes::Probes(
    Prober& prober, async::Executor& executor, base::Clock& clock,
    std::function<void(const std::string&)> changed,
    std::function<void(const std::string&, const std::string&, const std::string&)> failed)
    : state_(std::make_unique<State>(prober, executor, clock, std::move(changed),
                                     std::move(failed))) {}

Probes::~Probes() = default;

void Probes::Watch(const Watched& watched) {
  const std::lock_guard lock(state_->mutex);
  if (state_->entries.contains(watched.container_id)) return;
  ProbeState::Begin begin;
  begin.now = state_->clock.Steady();
  begin.started = begin.now - std::chrono::nanoseconds(std::max<int64_t>(
                                  state_->clock.WallNanos() - watched.started_at, 0));
  begin.was_started = watched.was_started;
  begin.was_ready = watched.was_ready;
  if (watched.spread) begin.spread = std::uniform_real_distribution<double>(0, 1)(state_->random);
  const auto entry = std::make_shared<State::Entry>(watched, begin);
  state_->entries.emplace(watched.container_id, entry);
  state_->Queue(entry);
}

void Probes::EndLivenessAndStartup(const std::string& pod_uid) {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [id, entry] : state_->entries) {
    if (entry->watched.pod_uid != pod_uid) continue;
    entry->judge.EndLivenessAndStartup();
    state_->Queue(entry);
  }
}

void Probes::Forget(const std::string& container_id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->entries.find(container_id);
  if (found == state_->entries.end()) return;
  state_->Drop(found->second);
  state_->entries.erase(found);
}

void Probes::ForgetPod(const std::string& pod_uid) {
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->entries, [&](const auto& item) {
    if (item.second->watched.pod_uid != pod_uid) return false;
    state_->Drop(item.second);
    return true;
  });
}

Health Probes::Of(const std::string& container_id) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->entries.find(container_id);
  return found == state_->entries.end() ? Health{} : found->second->judge.health();
}

std::vector<Probes::Tally> Probes::Tallies() const {
  std::vector<Tally> tallies;
  const std::lock_guard lock(state_->mutex);
  for (const auto& [id, entry] : state_->entries) {
    const Watched& of = entry->watched;
    for (const auto& [what, counted] : entry->tally) {
      const auto& in = counted.by_seconds;
      tallies.push_back({of.pod_uid,
                         of.pod_name,
                         of.namespace_name,
                         of.container.name,
                         what.first,
                         what.second,
                         std::accumulate(in.begin(), in.end(), uint64_t{0}),
                         {in.begin(), in.end()},
                         counted.seconds});
    }
  }
  return tallies;
}

void Probes::Wake() {
  const std::lock_guard lock(state_->mutex);
  state_->wake.notify_all();
}

}  // namespace keelson::probe
