// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/watch_stream.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "minimal-master/api/selectable.h"
#include "minimal-master/status/failure.h"
#include "minimal-master/storage/storage.h"

namespace keelson::api {
namespace {

using service::Buffer;
using service::Sent;
using watch::ObjectPtr;

constexpr size_t kBatch = 256;
constexpr std::chrono::seconds kBookmarkEvery{55};
constexpr std::chrono::seconds kFreshWait{3};
constexpr size_t kPool = 4;

std::string ErrorEvent(const status::Failure& failure) {
  return fmt::format(R"({{"type":"ERROR","object":{}}})",
                     json::WriteJson(status::ToJson(failure))) +
         "\n";
}

status::Failure TooOld(watch::Revision asked, watch::Revision oldest) {
  return status::Expired(fmt::format("too old resource version: {} ({})", asked, oldest));
}

std::string_view TypeName(watch::Kind kind) {
  switch (kind) {
    case watch::Kind::kAdded:
      return "ADDED";
    case watch::Kind::kModified:
      return "MODIFIED";
    case watch::Kind::kDeleted:
      return "DELETED";
  }
  return "";
}

std::chrono::seconds ServersChoice() {
  static thread_local std::mt19937 random{std::random_device{}()};
  return std::chrono::seconds(std::uniform_int_distribution<int>(1800, 3600)(random));
}

}  // namespace

class WatchStream : public std::enable_shared_from_this<WatchStream> {
 public:
  struct Setup {
    std::shared_ptr<service::Exchange> exchange;
    EventShaper shaper;
    std::vector<ObjectPtr> initial;
    watch::Revision initial_revision = 0;
    bool mark_initial_end = false;
    bool bookmarks = false;
    base::SteadyTime ends;
    async::Executor* pool = nullptr;
    const base::Clock* clock = nullptr;
    std::function<void(WatchStream*)> ended;
  };
  explicit WatchStream(Setup setup)
      : setup_(std::move(setup)), next_bookmark_(setup_.clock->Steady() + kBookmarkEvery) {}

  void Start(std::unique_ptr<watch::Watcher> watcher) {
    {
      const std::lock_guard lock(mutex_);
      watcher_ = std::move(watcher);
    }
    const std::weak_ptr<WatchStream> weak = weak_from_this();
    setup_.exchange->OnGone([weak] {
      if (const auto self = weak.lock()) self->Schedule();
    });
    Schedule();
  }

  // Something may be there to send. Never blocks.
  void Schedule() {
    if (scheduled_.fetch_add(1) != 0) return;
    setup_.pool->Post([self = shared_from_this()] { self->Run(); });
  }
  // Now and then.
  void Tick(base::SteadyTime now) {
    if (now >= setup_.ends || (setup_.bookmarks && now >= next_bookmark_.load())) Schedule();
  }

 private:
  void Run() {
    int seen = scheduled_.load();
    while (true) {
      Pump();
      if (scheduled_.compare_exchange_strong(seen, 0)) return;
    }
  }

  void Pump() {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    if (setup_.exchange->gone()) return Finish();
    if (!SendPending() || !SendInitial()) return;
    const bool time_is_up = setup_.clock->Steady() >= setup_.ends;
    while (watcher_) {
      watch::Deliveries deliveries = watcher_->Take(kBatch);
      const int64_t now = setup_.clock->WallNanos();
      for (const watch::Delivery& delivery : deliveries.events)
        Append(setup_.shaper.Event(TypeName(delivery.kind), *delivery.object, now));
      reached_ = std::max(reached_, deliveries.revision);
      if (deliveries.end) {
        const bool old = deliveries.end->code() == base::Code::kOutOfRange ||
                         deliveries.end->code() == base::Code::kResourceExhausted;
        pending_.emplace_back(ErrorEvent(old ? TooOld(reached_, reached_)
                                             : status::Unavailable(deliveries.end->message())));
        last_ = true;
      }
      if (!SendPending()) return;
      if (last_) return End();
      if (!deliveries.more) break;
    }
    const base::SteadyTime now = setup_.clock->Steady();
    if (setup_.bookmarks && (time_is_up || now >= next_bookmark_.load())) {
      next_bookmark_ = now + kBookmarkEvery;
      if (reached_ > 0) pending_.emplace_back(setup_.shaper.Bookmark(reached_, false));
    }
    last_ = time_is_up;
    if (!SendPending()) return;
    if (time_is_up) End();
  }

  bool SendInitial() {
    const int64_t now = setup_.clock->WallNanos();
    while (next_initial_ < setup_.initial.size()) {
      for (size_t i = 0; i < kBatch && next_initial_ < setup_.initial.size(); ++i)
        Append(setup_.shaper.Event("ADDED", *setup_.initial[next_initial_++], now));
      if (!SendPending()) return false;
    }
    if (initial_done_) return true;
    initial_done_ = true;
    setup_.initial.clear();
    next_initial_ = 0;
    reached_ = std::max(reached_, setup_.initial_revision);
    if (setup_.mark_initial_end)
      pending_.emplace_back(setup_.shaper.Bookmark(setup_.initial_revision, true));
    return SendPending();
  }

  void Append(std::vector<Buffer> pieces) {
    for (Buffer& piece : pieces) pending_.push_back(std::move(piece));
  }

  // False: the client takes no more for now, or is gone.
  bool SendPending() {
    if (pending_.empty()) return true;
    switch (setup_.exchange->Write(pending_)) {
      case Sent::kTaken:
        pending_.clear();
        return true;
      case Sent::kFull: {
        const std::weak_ptr<WatchStream> weak = weak_from_this();
        setup_.exchange->OnDrain([weak] {
          if (const auto self = weak.lock()) self->Schedule();
        });
        return false;
      }
      case Sent::kGone:
        Finish();
        return false;
    }
    return false;
  }

  void End() {
    setup_.exchange->End();
    Finish();
  }
  void Finish() {
    over_ = true;
    watcher_.reset();
    pending_.clear();
    setup_.ended(this);
  }

  Setup setup_;
  std::atomic<int> scheduled_{0};
  std::atomic<base::SteadyTime> next_bookmark_;
  std::mutex mutex_;
  std::unique_ptr<watch::Watcher> watcher_;  // the rest is guarded by mutex_
  std::vector<Buffer> pending_;
  size_t next_initial_ = 0;
  bool initial_done_ = false;
  bool last_ = false;
  bool over_ = false;
  watch::Revision reached_ = 0;
};

struct Watches::State : std::enable_shared_from_this<Watches::State> {
  State(watch::Cache& c, const base::Clock& k, std::chrono::milliseconds every)
      : cache(c), clock(k), tick(every) {
    ticker = std::thread([this] { Tick(); });
  }
  ~State() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    ticker.join();
  }

  void Tick() {
    std::unique_lock lock(mutex);
    while (!stop) {
      changed.wait_for(lock, tick);
      const std::set<std::shared_ptr<WatchStream>> all = streams;
      lock.unlock();
      for (const auto& stream : all) stream->Tick(clock.Steady());
      lock.lock();
    }
  }

  void Add(const std::shared_ptr<WatchStream>& stream) {
    const std::lock_guard lock(mutex);
    streams.insert(stream);
  }
  void Remove(WatchStream* stream) {
    std::shared_ptr<WatchStream> last;  // let go outside the lock
    const std::lock_guard lock(mutex);
    for (auto it = streams.begin(); it != streams.end(); ++it) {
      if (it->get() != stream) continue;
      last = *it;
      streams.erase(it);
      break;
    }
  }

  watch::Cache& cache;
  const base::Clock& clock;
  const std::chrono::milliseconds tick;
  std::mutex mutex;
  std::condition_variable changed;
  bool stop = false;                               // guarded by mutex
  std::set<std::shared_ptr<WatchStream>> streams;  // guarded by mutex
  std::thread ticker;
  async::Executor pool{kPool};
};

Watches::Watches(watch::Cache& cache, const base::Clock& clock, std::chrono::milliseconds tick)
    : state_(std::make_shared<State>(cache, clock, tick)) {}
Watches::~Watches() = default;

void Watches::Begin(std::shared_ptr<service::Exchange> exchange, const Route& route) {
  const schema::Resource& resource = *route.served;
  const service::Request& request = exchange->request();
  const status::Or<Form> form = FormOf(request.headers, true);
  if (!form.ok()) return Send(*exchange, Refusal(form.failure()));
  const status::Or<ListOptions> options = ReadListOptions(request.query, resource, true);
  if (!options.ok()) return Send(*exchange, Refusal(options.failure()));
  const status::Or<int64_t> revision = ReadRevision(options->resource_version);
  if (!revision.ok()) return Send(*exchange, Refusal(revision.failure()));
  status::Or<EventShaper> shaper = EventShaper::For(route, *form, request.query);
  if (!shaper.ok()) return Send(*exchange, Refusal(shaper.failure()));

  const auto fail = [&](const status::Failure& failure) {
    exchange->Begin(200, {{"Content-Type", "application/json"}});
    (void)exchange->Write(Buffer(ErrorEvent(failure)));
    exchange->End();
  };
  const bool initial_asked = options->send_initial_events.value_or(false);
  const bool synthetic =
      initial_asked || (*revision == 0 && !options->send_initial_events.has_value());
  WatchStream::Setup setup{exchange, *std::move(shaper)};
  watch::WatchRequest watch;
  watch.prefix = storage::PrefixOf(resource, route.ns);
  watch.from = *revision;
  const std::string* name = options->selection.fields.Exact("metadata.name");
  const std::string wanted = route.name.empty() ? (name == nullptr ? "" : *name) : route.name;
  if (!wanted.empty() && (!resource.namespaced() || !route.ns.empty())) {
    watch.prefix = storage::KeyOf(resource, route.ns, wanted);
    watch.exact = true;
  }
  const auto selection = std::make_shared<const Selection>(options->selection);
  if (!selection->labels.empty() || !selection->fields.empty()) {
    watch.filter = [selection, &resource](const watch::Object& object) {
      return selection->Matches(resource, object);
    };
  }
  for (const watch::selectors::FieldTerm& term : selection->fields.terms()) {
    const std::optional<size_t> index = SelectableIndex(resource, term.field);
    if (term.equal && index) watch.field = std::pair(*index, term.value);
  }
  if (synthetic) {
    const base::Result<watch::Snapshot> snapshot = state_->cache.AtLeast(*revision, kFreshWait);
    if (!snapshot.ok()) {
      status::Failure failure;
      failure.code = 504;
      failure.reason = "Timeout";
      failure.message = fmt::format("Timeout: Too large resource version: {}, current: {}",
                                    *revision, state_->cache.revision());
      failure.has_details = true;
      failure.details.causes.push_back(
          {"ResourceVersionTooLarge", "Too large resource version", ""});
      failure.details.retry_after_seconds = 1;
      return fail(failure);
    }
    snapshot->ForEach(watch.prefix, "", [&](const ObjectPtr& object) {
      if (watch.exact && object->key() != watch.prefix) return false;
      if (!watch.filter || watch.filter(*object)) setup.initial.push_back(object);
      return true;
    });
    setup.initial_revision = snapshot->revision();
    watch.from = snapshot->revision();
  }
  setup.mark_initial_end = initial_asked && options->bookmarks;
  setup.bookmarks = options->bookmarks;
  setup.ends = state_->clock.Steady() + (options->timeout_seconds > 0
                                             ? std::chrono::seconds(options->timeout_seconds)
                                             : ServersChoice());
  setup.pool = &state_->pool;
  setup.clock = &state_->clock;
  const std::weak_ptr<State> weak_state = state_;
  setup.ended = [weak_state](WatchStream* stream) {
    if (const auto state = weak_state.lock()) state->Remove(stream);
  };
  const auto stream = std::make_shared<WatchStream>(std::move(setup));
  const std::weak_ptr<WatchStream> weak = stream;
  watch.wake = [weak] {
    if (const auto self = weak.lock()) self->Schedule();
  };
  base::Result<std::unique_ptr<watch::Watcher>> watcher = state_->cache.Watch(std::move(watch));
  if (!watcher.ok()) {
    if (watcher.error().code() == base::Code::kOutOfRange)
      return fail(TooOld(*revision, state_->cache.oldest()));
    return Send(*exchange, Refusal(status::Unavailable(watcher.error().message())));
  }
  exchange->Begin(200,
                  {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache, private"}});
  state_->Add(stream);
  stream->Start(*std::move(watcher));
}

}  // namespace keelson::api
