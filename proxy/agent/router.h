// SPDX-License-Identifier: Apache-2.0
// Follows the cluster's nodes and keeps this node's routes to their pods; looks every now and then
// whether they are still there, since links and addresses change too. Everything on the loop's
// thread but what may block, which one worker does; `loop` and `api` outlive it. The destructor
// waits for what is being written. The routes stay.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "lib/async/executor.h"
#include "lib/kube/client/reflector.h"
#include "lib/os/event_loop.h"
#include "proxy/routes/plan.h"

namespace keelson::proxy {

class Router {
 public:
  struct Settings {
    std::string node;
    routes::Mode mode = routes::Mode::kAuto;
    std::chrono::milliseconds settle{20};  // changes of one moment are written together
    std::chrono::milliseconds check_period{30000};
  };
  Router(os::EventLoop& loop, kube::Api& api, Settings settings);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  void Start();

 private:
  void Changed();
  void Schedule(std::chrono::milliseconds wait);
  void Begin();
  void Done(const std::set<std::string>& problems);

  os::EventLoop& loop_;
  kube::Api& api_;
  const Settings settings_;
  std::map<std::string, ClusterNode> nodes_;
  std::unique_ptr<kube::Reflector> follows_;
  std::optional<os::EventLoop::TimerId> timer_;
  bool running_ = false;
  bool changed_ = false;
  std::set<std::string> problems_;       // said already
  const std::shared_ptr<Router*> self_;  // for what the worker posts
  std::optional<async::Executor> worker_;
};

// Takes away every route and tunnel that is ours.
base::Status RemoveRoutes();

}  // namespace keelson::proxy
