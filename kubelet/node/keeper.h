// SPDX-License-Identifier: Apache-2.0
// Keeps the node in the API: registers it, again if somebody deleted it, patches its status when
// something changed and each five minutes, renews its lease in time. Follows its own
// object. On the loop's thread; `api` and `clock` outlive it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kubelet/node/node_object.h"
#include "lib/kube/client/api.h"

namespace keelson::node {

class Keeper {
 public:
  struct Options {
    std::chrono::milliseconds lease_period{10'000};
    std::chrono::milliseconds look_period{1'000};      // at its health
    std::chrono::milliseconds first_look_period{100};  // until it was ready once
    std::chrono::milliseconds report_period{300'000};  // of a status that did not change
    std::chrono::milliseconds min_backoff{100}, max_backoff{7'000};
  };
  struct Callbacks {
    std::function<NodeHealth()> health;  // must not block
    // The object as the server has it, at first and whenever it changed.
    std::function<void(const json::Value& node)> changed;
    std::function<void(const std::string& reason, const std::string& message)> event;
  };
  Keeper(kube::Api& api, const base::Clock& clock, NodeFacts facts, Callbacks callbacks,
         Options options);
  Keeper(kube::Api& api, const base::Clock& clock, NodeFacts facts, Callbacks callbacks)
      : Keeper(api, clock, std::move(facts), std::move(callbacks), Options()) {}
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void Start();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::node
