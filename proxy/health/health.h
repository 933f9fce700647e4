// SPDX-License-Identifier: Apache-2.0
// What load balancers ask: a port for each service that keeps external traffic on the node
// (healthCheckNodePort), and the proxy's own health. Listens for everybody, without TLS. Update()
// and SetHealthy() from one thread; answers from others. Source: kube-proxy's K12, H3.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "lib/base/clock.h"
#include "lib/http/server/server.h"
#include "lib/json/value.h"

namespace keelson::proxy {

struct HealthPort {
  uint16_t port = 0;
  size_t local = 0;  // ready endpoints on this node
  friend bool operator==(const HealthPort&, const HealthPort&) = default;
};

// A balancer outside may send traffic to the node: it is not being deleted, and nobody who scales
// the cluster is about to take it away.
bool MayHaveTraffic(const json::Value& node);

class Health {
 public:
  explicit Health(const base::Clock& clock) : clock_(clock) {}
  ~Health();
  // "0.0.0.0:10256": /healthz and /livez. Returns the port.
  base::Result<int> Listen(const std::string& endpoint);

  // All services that have such a port, by "ns/name". A port that somebody else has is said in the
  // log and tried again at the next call.
  void Update(const std::map<std::string, HealthPort>& services);

  // What waits since when: healthy as long as that is shorter than the limit.
  void Queued();                    // a change came
  void Applied();                   // all changes are in the kernel
  void SetEligible(bool eligible);  // the node is to get traffic
  bool healthy() const;
  // Called with each answer to /healthz (`with_node`) and /livez, by any thread. Before Listen().
  void OnAnswer(std::function<void(bool with_node, int code)> answered) {
    answered_ = std::move(answered);
  }

 private:
  struct Listener {
    uint16_t port = 0;
    std::shared_ptr<std::pair<std::mutex, size_t>> local;
    std::unique_ptr<http::Server> server;
  };
  http::Response OfService(const std::string& name, size_t local) const;
  http::Response Own(bool with_node) const;

  const base::Clock& clock_;
  mutable std::mutex mutex_;
  bool waiting_ = false;              // guarded by mutex_
  base::SteadyTime waiting_since_{};  // guarded by mutex_
  int64_t updated_ = 0;               // wall, guarded by mutex_
  bool eligible_ = true;              // guarded by mutex_
  std::map<std::string, Listener> listeners_;
  std::function<void(bool with_node, int code)> answered_;
  std::unique_ptr<http::Server> own_;
};

}  // namespace keelson::proxy
