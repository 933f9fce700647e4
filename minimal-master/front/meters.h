// SPDX-License-Identifier: Apache-2.0
// The counters of requests, by upstream's names. What one request needs is found with one look at a
// table; counting itself takes no lock. Thread-safe; `registry` outlives it. Source:
// k8s.io/apiserver, endpoints/metrics (1.35).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "lib/meter/registry.h"
#include "minimal-master/front/labels.h"

namespace keelson::front {

class Meters {
 public:
  explicit Meters(meter::Registry& registry);

  // All of one kind of request.
  class Series {
   public:
    void Count(int code, double seconds, size_t body_bytes);
    bool has_events() const { return events_ != nullptr; }  // of a watch
    void CountEvent(size_t bytes);
    bool is_running() const { return running_ != nullptr; }  // can be, as watches are
    meter::Gauge& running() { return *running_; }

   private:
    friend class Meters;
    meter::Counter& Of(int code);

    Meters* meters_ = nullptr;
    std::array<std::string, 7> labels_;  // as of Labels, in its order
    bool sized_ = false;                 // gets and lists
    meter::Histogram* seconds_ = nullptr;
    meter::Histogram* objective_ = nullptr;
    meter::Histogram* sizes_ = nullptr;
    meter::Counter* events_ = nullptr;
    meter::Histogram* event_sizes_ = nullptr;
    meter::Gauge* running_ = nullptr;
    static constexpr int kCodes[] = {200, 201, 404, 409, 422, 403, 101, 400, 401, 429, 500, 504};
    std::array<std::atomic<meter::Counter*>, std::size(kCodes)> codes_{};
  };
  Series& Of(const Labels& labels);  // lives as long as this

  meter::Counter& dropped(bool mutating) { return mutating ? dropped_writes_ : dropped_reads_; }

 private:
  std::unique_ptr<Series> Make(const Labels& labels);

  meter::Family<meter::Counter>& requests_;
  meter::Family<meter::Histogram>& seconds_;
  meter::Family<meter::Histogram>& objective_;
  meter::Family<meter::Histogram>& sizes_;
  meter::Family<meter::Counter>& events_;
  meter::Family<meter::Histogram>& event_sizes_;
  meter::Family<meter::Gauge>& running_;
  meter::Counter& dropped_reads_;
  meter::Counter& dropped_writes_;
  std::shared_mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<Series>> series_;  // guarded by mutex_
};

}  // namespace keelson::front
