// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/run/scheduler.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "lib/async/executor.h"
#include "lib/base/log.h"
#include "minimal-master/scheduler/decide/preempt.h"
#include "minimal-master/scheduler/run/metrics.h"
#include "minimal-master/scheduler/run/world.h"
#include "minimal-master/scheduler/run/writer.h"

namespace keelson::scheduler::run {
namespace {

// The clock is looked at this often while something is due: it need not be the machine's.
constexpr std::chrono::milliseconds kLongestSleep{250};
constexpr std::chrono::milliseconds kWatchAgain{500};
constexpr size_t kQueueLimit = 100'000;  // events that may wait; more are only listed again
constexpr size_t kUnderWay = 256;        // writes
constexpr int kDecisionsAtOnce = 16;     // before it is looked what has happened

decide::Random ByChance() {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device()());
  return [engine](uint32_t bound) {
    return std::uniform_int_distribution<uint32_t>(0, bound - 1)(*engine);
  };
}

Whose WhoseOf(const model::Pod& pod) {
  return {pod.key.substr(0, pod.key.size() - pod.name.size() - 1), pod.name, pod.uid};
}

double SecondsSince(base::SteadyTime then, base::SteadyTime now) {
  return std::chrono::duration<double>(now - then).count();
}

}  // namespace

struct Scheduler::State {
  // What came of what was written for a pod.
  struct Result {
    enum class Of : uint8_t { kBinding, kPreemption } of;
    model::PodRef pod;
    bool ok = true;
  };

  State(const Context& its_context, Options options)
      : context(its_context),
        random(options.random ? std::move(options.random) : ByChance()),
        decider(random),
        metrics(options.metrics),
        world(context.cache),
        writer(context.cache, context.client, context.recorder, context.clock),
        executor(options.writers) {}

  void Run();
  void Watch();
  void Drain();
  void TakeResults();
  bool DecideSome();
  void Decide(const queue::Waiting& waiting);
  void Bind(const queue::Waiting& waiting, model::Symbol node);
  void Refuse(const queue::Waiting& waiting, const decide::Decision& decision,
              decide::Cycle& cycle);
  void Post(std::function<std::optional<Result>()> work);
  void Sleep();

  const Context context;
  const decide::Random random;
  decide::Decider decider;
  Metrics metrics;
  World world;
  const Writer writer;
  std::unique_ptr<watch::Watcher> watcher;  // wakes; what happened is read from the cache itself

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  mutable bool woken = false;   // guarded by mutex: something happened
  bool stop = false;            // guarded by mutex
  bool idle = false;            // guarded by mutex: nobody can be tried
  watch::Revision heard = 0;    // guarded by mutex
  size_t under_way = 0;         // guarded by mutex
  std::vector<Result> results;  // guarded by mutex
  std::thread thread;
  async::Executor executor;  // ends first
};

void Scheduler::State::Post(std::function<std::optional<Result>()> work) {
  {
    const std::lock_guard lock(mutex);
    ++under_way;
  }
  executor.Post([this, work = std::move(work)] {
    std::optional<Result> result = work();
    const std::lock_guard lock(mutex);
    if (result) results.push_back(*std::move(result));
    --under_way;
    changed.notify_all();
  });
}

void Scheduler::State::Bind(const queue::Waiting& waiting, model::Symbol node) {
  world.Assume(waiting.pod, node);
  Post([this, pod = waiting.pod, attempts = waiting.attempts, came = waiting.came,
        name = std::string(world.cluster().symbols().Text(node))]() -> std::optional<Result> {
    const bool ok = writer.Bind(WhoseOf(*pod), name);
    if (ok) metrics.Scheduled(attempts, SecondsSince(came, context.clock.Steady()));
    return Result{Result::Of::kBinding, pod, ok};
  });
}

void Scheduler::State::Refuse(const queue::Waiting& waiting, const decide::Decision& decision,
                              decide::Cycle& cycle) {
  const model::PodRef& pod = waiting.pod;
  model::Cluster& cluster = world.cluster();
  decide::Preemption preemption;
  if (decision.all_nodes > 0)
    preemption = decide::Preempt(cluster, *pod, decision, cycle, random, context.clock.WallNanos());
  Refusal refusal;
  refusal.message = decide::Explain(decision, cluster.symbols(), preemption.message);
  const bool helps = preemption.node != model::kEmpty;
  if (helps) {
    metrics.Preempted(preemption.victims.size());
    refusal.nomination = cluster.symbols().Text(preemption.node);
    for (const model::PodRef& victim : preemption.victims)
      refusal.victims.push_back(WhoseOf(*victim));
    // Those who were to have this room and are less important look for another.
    std::vector<model::PodRef> passed;
    if (const auto* nominated = cluster.NominatedTo(preemption.node); nominated != nullptr)
      passed = *nominated;
    for (const model::PodRef& other : passed) {
      if (other->priority >= pod->priority) continue;
      cluster.Nominate(other, model::kEmpty);
      refusal.passed.push_back(WhoseOf(*other));
    }
    cluster.Nominate(pod, preemption.node);
  } else if (preemption.forget_nomination) {
    refusal.nomination = "";
    cluster.Nominate(pod, model::kEmpty);
  }
  world.queue().Unschedulable(pod->uid, decision.why, context.clock.Steady(), helps);
  Post([this, pod, helps, refusal = std::move(refusal)]() -> std::optional<Result> {
    const bool ok = writer.Refuse(WhoseOf(*pod), refusal);
    if (!helps) return std::nullopt;
    return Result{Result::Of::kPreemption, pod, ok};
  });
}

void Scheduler::State::Decide(const queue::Waiting& waiting) {
  const base::SteadyTime before = context.clock.Steady();
  const model::Pod& pod = *waiting.pod;
  decide::Cycle cycle(pod, world.cluster(), world.unschedulable_taint());
  const decide::Decision decision =
      decider.Decide(world.cluster(), pod, cycle, world.hostname(), world.zone());
  if (decision.ok()) {
    Bind(waiting, decision.node);
  } else {
    Refuse(waiting, decision, cycle);
  }
  metrics.Attempt(decision.ok() ? "scheduled" : "unschedulable",
                  SecondsSince(before, context.clock.Steady()));
}

// Whether somebody may be left.
bool Scheduler::State::DecideSome() {
  world.queue().Release(context.clock.Steady());
  for (int i = 0; i < kDecisionsAtOnce; ++i) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return stop || under_way < kUnderWay; });
      if (stop) return false;
    }
    const std::optional<queue::Waiting> waiting = world.queue().Take();
    if (!waiting) return false;
    Decide(*waiting);
  }
  return true;
}

void Scheduler::State::TakeResults() {
  std::vector<Result> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(results);
  }
  const base::SteadyTime now = context.clock.Steady();
  for (const Result& result : taken) {
    if (result.of == Result::Of::kPreemption) {
      world.queue().Unhold(result.pod->uid, now);
      // Some could not be made to leave: looked at anew.
      if (!result.ok)
        world.queue().Wake(
            [&](const queue::Waiting& waiting) { return waiting.pod->uid == result.pod->uid; },
            now);
    } else if (!result.ok) {
      world.Unassume(*result.pod, now);
      world.queue().Failed(result.pod->uid, now);
      metrics.Attempt("error", 0);
    }
  }
}

void Scheduler::State::Watch() {
  watch::WatchRequest request;
  request.from = context.cache.revision();
  request.queue_limit = kQueueLimit;
  request.filter = [](const watch::Object& object) { return World::Concerns(object.key()); };
  request.wake = [this] {
    const std::lock_guard lock(mutex);
    woken = true;
    changed.notify_all();
  };
  base::Result<std::unique_ptr<watch::Watcher>> opened = context.cache.Watch(std::move(request));
  if (opened.ok()) {
    watcher = *std::move(opened);
  } else {
    base::LogWarn("the scheduler cannot watch, trying again", {{"error", opened.error()}});
  }
}

void Scheduler::State::Drain() {
  for (bool more = true; more;) {
    const watch::Deliveries got = watcher->Take(1000);
    more = got.more;
    if (!got.end) continue;
    base::LogInfo("the scheduler's watch ended, it is begun anew", {{"error", *got.end}});
    watcher.reset();
    return;
  }
}

void Scheduler::State::Sleep() {
  std::unique_lock lock(mutex);
  idle = true;
  heard = world.revision();
  const auto wakes = [&] { return stop || woken || !results.empty(); };
  while (!wakes()) {
    const std::optional<base::SteadyTime> due = world.queue().NextDue();
    const base::SteadyTime now = context.clock.Steady();
    if (due && *due <= now) break;
    if (!watcher) {
      changed.wait_for(lock, kWatchAgain, wakes);
      break;
    }
    if (due) {
      changed.wait_for(lock, std::min<std::chrono::nanoseconds>(*due - now, kLongestSleep));
    } else {
      changed.wait(lock);
    }
  }
  idle = false;
}

void Scheduler::State::Run() {
  while (true) {
    {
      const std::lock_guard lock(mutex);
      woken = false;
      if (stop) break;
    }
    if (!watcher) Watch();
    if (watcher) Drain();
    world.CatchUp(context.clock.Steady());
    TakeResults();
    const bool more = DecideSome();
    metrics.Waiting(world.queue());
    if (!more) Sleep();
  }
  watcher.reset();
}

Scheduler::Scheduler(const Context& context, Options options)
    : state_(std::make_unique<State>(context, std::move(options))) {}

Scheduler::~Scheduler() { Stop(); }

void Scheduler::Start() {
  state_->thread = std::thread([state = state_.get()] { state->Run(); });
}

void Scheduler::Stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
    state_->changed.notify_all();
  }
  if (state_->thread.joinable()) state_->thread.join();
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->under_way == 0; });
}

bool Scheduler::Quiet() const {
  const State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.heard != state.context.cache.revision()) {
    state.woken = true;
    state.changed.notify_all();
    return false;
  }
  return state.idle && state.under_way == 0 && state.results.empty();
}

}  // namespace keelson::scheduler::run
