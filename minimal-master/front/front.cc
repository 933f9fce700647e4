// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/front/front.h"

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

std::shared_ptr<api::Visit> Front::Begin(std::shared_ptr<service::Exchange> exchange,
                                         const api::Route& route) {
  return std::make_shared<Observed>(*this, std::move(exchange), route);
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
