// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/front/front.h"

#include <vector>

#include "minimal-master/front/observed.h"

namespace keelson::front {

Front::Front(meter::Registry& registry, const base::Clock& clock, Options options)
    : clock_(clock), options_(std::move(options)), meters_(registry) {
  const auto level = [](const std::atomic<size_t>& count) {
    return static_cast<double>(count.load(std::memory_order_relaxed));
  };
  registry.ReadGauges("apiserver_current_inflight_requests",
                      "Requests being answered that count against the bounds.", {"request_kind"},
                      [this, level] {
                        return std::vector<meter::Registry::Read>{{{"mutating"}, level(changing_)},
                                                                  {{"readOnly"}, level(reading_)}};
                      });
  if (options_.sweep_every.count() > 0)
    sweeper_ = std::thread([this] {
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, options_.sweep_every, [this] { return stop_; })) Sweep();
    });
  if (options_.audit == nullptr) return;
  const audit::Log* log = options_.audit;
  registry.ReadCounters(
      "apiserver_audit_event_total", "Audit events that were written.", {}, [log] {
        return std::vector<meter::Registry::Read>{{{}, static_cast<double>(log->stats().written)}};
      });
  registry.ReadCounters("apiserver_audit_error_total", "Audit events that were lost.", {"plugin"},
                        [log] {
                          return std::vector<meter::Registry::Read>{
                              {{"log"}, static_cast<double>(log->stats().lost)}};
                        });
}

Front::~Front() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ended_.notify_all();
  if (sweeper_.joinable()) sweeper_.join();
}

void Front::Sweep() {
  const base::SteadyTime now = clock_.Steady();
  std::vector<std::shared_ptr<Observed>> late;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (Observed* each = shard.first; each != nullptr; each = each->next_) {
      if (now < each->deadline_) continue;
      // Null: its last holder lets go of it at this moment.
      if (auto held = each->weak_from_this().lock()) late.push_back(std::move(held));
    }
  }
  for (const auto& each : late) each->TimeIsUp();
}

void Front::Enlist(Observed& request) {
  Shard& shard = ShardOf(&request);
  const std::lock_guard lock(shard.mutex);
  request.next_ = shard.first;
  if (shard.first != nullptr) shard.first->previous_ = &request;
  shard.first = &request;
  request.enlisted_ = true;
}

void Front::Strike(Observed& request) {
  Shard& shard = ShardOf(&request);
  const std::lock_guard lock(shard.mutex);
  if (!request.enlisted_) return;
  request.enlisted_ = false;
  if (request.next_ != nullptr) request.next_->previous_ = request.previous_;
  (request.previous_ != nullptr ? request.previous_->next_ : shard.first) = request.next_;
}

std::shared_ptr<api::Visit> Front::Begin(std::shared_ptr<service::Exchange> exchange,
                                         const api::Route& route) {
  auto made = std::make_shared<Observed>(*this, std::move(exchange), route);
  if (!made->long_running_) Enlist(*made);
  return made;
}

bool Front::TakeSeat(bool mutating, bool always) {
  std::atomic<size_t>& taken = mutating ? changing_ : reading_;
  const size_t most = mutating ? options_.max_changing : options_.max_reading;
  if (taken.fetch_add(1) < most || most == 0 || always) return true;
  --taken;
  return false;
}

void Front::LeaveSeat(bool mutating) { --(mutating ? changing_ : reading_); }

}  // namespace keelson::front
