// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/front/meters.h"

#include <mutex>

namespace keelson::front {
namespace {

constexpr char kServer[] = "apiserver";
constexpr double kSeconds[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
                               3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};
constexpr double kObjective[] = {0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2, 3,
                                 4,    5,   6,   8,   10,  15,  20, 30,   45,  60};
constexpr double kSizes[] = {1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr double kEventSizes[] = {1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072};

using Names = std::vector<std::string>;

Names WithAll() {
  return {"component", "group", "resource", "scope", "subresource", "verb", "version"};
}
Names WithRun(Names names) {
  names.insert(names.begin() + 1, "dry_run");
  return names;
}
Names WithCode(Names names) {
  names.insert(names.begin(), "code");
  return names;
}
Names OfEvents() { return {"group", "resource", "version"}; }

}  // namespace

Meters::Meters(meter::Registry& registry)
    : requests_(registry.Counters(
          "apiserver_request_total",
          "Requests that were answered, by verb, dry run, what they were about and the code.",
          WithCode(WithRun(WithAll())))),
      seconds_(registry.Histograms("apiserver_request_duration_seconds", "How long answers took.",
                                   WithRun(WithAll()), kSeconds)),
      objective_(registry.Histograms("apiserver_request_sli_duration_seconds",
                                     "How long answers took, without what webhooks took of it.",
                                     WithAll(), kObjective)),
      sizes_(registry.Histograms("apiserver_response_sizes", "Bytes of answers to gets and lists.",
                                 WithAll(), kSizes)),
      events_(registry.Counters("apiserver_watch_events_total", "Events sent to watchers.",
                                OfEvents())),
      event_sizes_(registry.Histograms("apiserver_watch_events_sizes",
                                       "Bytes of events sent to watchers.", OfEvents(),
                                       kEventSizes)),
      running_(registry.Gauges("apiserver_longrunning_requests",
                               "Watches, logs, sessions and proxied requests under way.",
                               WithAll())),
      dropped_reads_(registry
                         .Counters("apiserver_dropped_requests_total",
                                   "Requests that were told to try again later.", {"request_kind"})
                         .With({"readOnly"})),
      dropped_writes_(registry.Counters("apiserver_dropped_requests_total", "", {"request_kind"})
                          .With({"mutating"})) {}

Meters::Series& Meters::Of(const Labels& labels) {
  const std::string key = labels.Key();
  {
    const std::shared_lock lock(mutex_);
    const auto found = series_.find(key);
    if (found != series_.end()) return *found->second;
  }
  const std::unique_lock lock(mutex_);
  std::unique_ptr<Series>& series = series_[key];
  if (!series) series = Make(labels);
  return *series;
}

std::unique_ptr<Meters::Series> Meters::Make(const Labels& labels) {
  auto made = std::make_unique<Series>();
  const auto& [group, version, resource, subresource, scope, verb, dry_run] = labels;
  made->meters_ = this;
  made->labels_ = {std::string(group),       std::string(version), std::string(resource),
                   std::string(subresource), std::string(scope),   std::string(verb),
                   std::string(dry_run)};
  made->sized_ = verb == "GET" || verb == "LIST";
  made->seconds_ =
      &seconds_.With({kServer, dry_run, group, resource, scope, subresource, verb, version});
  made->objective_ =
      &objective_.With({kServer, group, resource, scope, subresource, verb, version});
  if (made->sized_)
    made->sizes_ = &sizes_.With({kServer, group, resource, scope, subresource, verb, version});
  if (verb == "WATCH") {
    made->events_ = &events_.With({group, resource, version});
    made->event_sizes_ = &event_sizes_.With({group, resource, version});
  }
  if (verb == "WATCH" || verb == "CONNECT" || subresource == "log")
    made->running_ = &running_.With({kServer, group, resource, scope, subresource, verb, version});
  return made;
}

meter::Counter& Meters::Series::Of(int code) {
  const auto find = [&]() -> meter::Counter& {
    const auto& [group, version, resource, subresource, scope, verb, dry_run] = labels_;
    return meters_->requests_.With({std::to_string(code), kServer, dry_run, group, resource, scope,
                                    subresource, verb, version});
  };
  for (size_t i = 0; i < std::size(kCodes); ++i) {
    if (kCodes[i] != code) continue;
    meter::Counter* known = codes_[i].load(std::memory_order_acquire);
    if (known == nullptr) {
      known = &find();
      codes_[i].store(known, std::memory_order_release);
    }
    return *known;
  }
  return find();
}

void Meters::Series::Count(int code, double seconds, size_t body_bytes) {
  Of(code).Add();
  seconds_->Observe(seconds);
  objective_->Observe(seconds);
  if (sizes_ != nullptr) sizes_->Observe(static_cast<double>(body_bytes));
}

void Meters::Series::CountEvent(size_t bytes) {
  events_->Add();
  event_sizes_->Observe(static_cast<double>(bytes));
}

}  // namespace keelson::front
