// SPDX-License-Identifier: Apache-2.0
// What happened to pods and the node, as v1 Events: one that happens again is counted, not written
// again; no more than the server was promised; what cannot be written in time is lost, since
// nothing waits for it. On the loop's thread; `api` and `clock` outlive it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "lib/kube/client/api.h"

namespace keelson::cluster {

struct EventSubject {
  std::string kind, ns, name, uid;
  std::map<std::string, std::string> annotations = {};  // of the event
};
// The object for POST. Pure.
json::Value EventObject(const EventSubject& subject, const std::string& node, bool warning,
                        const std::string& reason, const std::string& message,
                        const std::string& name, int64_t now);

class Events {
 public:
  struct Limits {
    double per_second = 50, burst = 100;
    size_t queue = 1000, remembered = 4096;
  };
  Events(kube::Api& api, const base::Clock& clock, std::string node, Limits limits);
  Events(kube::Api& api, const base::Clock& clock, std::string node)
      : Events(api, clock, std::move(node), Limits()) {}
  ~Events();

  void Add(const EventSubject& subject, bool warning, const std::string& reason,
           const std::string& message);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::cluster
