// SPDX-License-Identifier: Apache-2.0
// What the runtime runs, kept fresh: lists pods and containers whenever the runtime tells of a
// change (its event stream), whenever somebody asks, and every second where the runtime has no
// events (every ten where it has, in case one was lost). Details are asked for only of what
// changed. One thread for listing and one for events; both end with the object.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "cri-api/client/runtime_client.h"
#include "kubelet/pod/facts.h"
#include "lib/base/clock.h"

namespace keelson::pleg {

struct RuntimePod {
  std::string name, namespace_name, uid;
  pod::Observed observed;
};
struct Snapshot {
  uint64_t sequence = 0;  // everything that was done before Ask() returned this number is in it
  int64_t taken_at = 0;   // wall nanoseconds
  std::map<std::string, RuntimePod> pods;  // by uid
};

class Pleg {
 public:
  using Handler = std::function<void(std::shared_ptr<const Snapshot>)>;
  using ErrorHandler = std::function<void(const base::Error&)>;
  // Handlers are called on the listing thread.
  Pleg(cri_client::RuntimeClient& runtime, base::Clock& clock, Handler on_snapshot,
       ErrorHandler on_error);
  ~Pleg();
  // A listing that begins after this call; its snapshot's sequence is at least the number returned.
  // Any thread.
  uint64_t Ask();

 private:
  void List(const std::stop_token& stop);
  void Watch(const std::stop_token& stop);
  base::Result<Snapshot> Take();
  base::Result<pod::SandboxFact> Details(const cri::PodSandbox& listed);
  base::Result<pod::ContainerFact> Details(const cri::Container& listed);

  cri_client::RuntimeClient& runtime_;
  base::Clock& clock_;
  const Handler on_snapshot_;
  const ErrorHandler on_error_;
  std::map<std::string, pod::SandboxFact> sandboxes_;     // listing thread: last details by id
  std::map<std::string, pod::ContainerFact> containers_;  // listing thread: last details by id
  std::mutex mutex_;
  std::condition_variable_any asked_;
  uint64_t wanted_ = 1;               // guarded by mutex_
  bool events_ = false;               // guarded by mutex_: the stream is up, or on its way
  base::SteadyTime watched_since_{};  // guarded by mutex_
  std::jthread watcher_;
  std::jthread lister_;
};

}  // namespace keelson::pleg
