// SPDX-License-Identifier: Apache-2.0
// What the node says of its health: what readers of the kubelet see, and what a worker looks at
// from time to time (images). A runtime that is away for a moment is no
// reason to call the node unready. Start and Now on the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "cri-api/client/runtime_client.h"
#include "kubelet/lifecycle/view.h"
#include "kubelet/node/node_object.h"
#include "lib/async/executor.h"
#include "lib/os/event_loop.h"

namespace keelson::cluster {

class Health {
 public:
  struct Dependencies {
    os::EventLoop& loop;
    async::Executor& workers;
    const base::Clock& clock;
    cri_client::RuntimeClient& runtime;
    const lifecycle::View& view;
  };
  explicit Health(Dependencies dependencies);
  ~Health();
  void Start();
  node::NodeHealth Now();

 private:
  void Look();

  Dependencies d_;
  const std::shared_ptr<Health*> self_;  // for what workers post
  std::vector<node::NodeImage> images_;
  std::optional<base::SteadyTime> last_ready_;
  std::optional<os::EventLoop::TimerId> timer_;
};

}  // namespace keelson::cluster
