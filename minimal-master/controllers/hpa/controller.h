// SPDX-License-Identifier: Apache-2.0
// horizontal-pod-autoscaler-controller, for the manager: looks at each autoscaler once a period
// (15 s unless told) and when its spec changes. What it is made of outlives it.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "lib/base/clock.h"
#include "minimal-master/control/client.h"
#include "minimal-master/control/controller.h"
#include "minimal-master/control/recorder.h"
#include "minimal-master/controllers/hpa/plan.h"
#include "minimal-master/watch/cache.h"

namespace keelson::hpa {

class Autoscaler final : public control::Controller {
 public:
  // `usage`: what is known of pods' use of resources; thread-safe.
  Autoscaler(const watch::Cache& cache, control::Client& client, control::Recorder& recorder,
             const base::Clock& clock, Usage usage,
             std::chrono::milliseconds period = std::chrono::seconds(15))
      : cache_(cache),
        client_(client),
        recorder_(recorder),
        clock_(clock),
        usage_(std::move(usage)),
        period_(period) {}

  std::string_view name() const override { return "horizontal-pod-autoscaler-controller"; }
  std::vector<const schema::Resource*> Watches() const override;
  void Route(const control::Change& change, const Add& add) override;
  control::Outcome Sync(const std::string& key) override;

 private:
  const watch::Cache& cache_;
  control::Client& client_;
  control::Recorder& recorder_;
  const base::Clock& clock_;
  const Usage usage_;
  const std::chrono::milliseconds period_;
  std::mutex mutex_;
  std::map<std::string, History> histories_;  // by uid, guarded by mutex_
};

// What a target of this kind looks like through its scale subresource; nothing, and `why`: it has
// none.
std::optional<json::Value> ScaleOf(const watch::Cache& cache, std::string_view ns,
                                   const json::Value& target, std::string& why);

}  // namespace keelson::hpa
