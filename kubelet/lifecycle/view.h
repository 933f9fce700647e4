// SPDX-License-Identifier: Apache-2.0
// What readers of the kubelet see: immutable pictures, replaced whole by the agent's thread, read
// by any.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "kubelet/eviction/signals.h"
#include "kubelet/server/node_view.h"
#include "lib/base/clock.h"
#include "lib/json/value.h"

namespace keelson::lifecycle {

struct PodPicture {
  std::string name, namespace_name, uid;
  std::string document;  // JSON of the pod with its status
  std::string explanation;
  bool runs = false;  // the runtime has a ready sandbox or a running container of it
  struct Log {
    std::string present, previous;  // paths; empty: none
    bool running = false;
  };
  std::map<std::string, Log> logs;  // by container
};

class View final : public server::NodeView {
 public:
  View(base::Clock& clock, std::string configuration)
      : clock_(clock), configuration_(std::move(configuration)) {}

  // The agent's side.
  void Set(PodPicture picture);
  void Remove(const std::string& uid);
  void SetFileErrors(std::map<std::string, std::string> errors);
  void Beat();                                      // the loop goes round
  void Listed();                                    // what the runtime runs was seen
  void SetRuntimeError(const std::string& error);   // empty: it answers
  void SetRuntimeNotReady(const std::string& why);  // what it says of itself; empty: it is ready
  void SetNetworkNotReady(const std::string& why);  // empty: it is ready
  void SetPressure(const std::set<eviction::Condition>& conditions);

  // The readers' side.
  std::string Pods() const override;
  std::string RunningPods() const override;
  std::string Configuration() const override { return configuration_; }
  base::Result<std::string> Explain(const std::string& namespace_name,
                                    const std::string& pod) const override;
  base::Result<LogFile> Log(const std::string& namespace_name, const std::string& pod,
                            const std::string& container, bool previous) const override;
  std::string Unhealthy() const override;
  // What keeps the node from running pods, in sentences; at first, that nobody has looked.
  std::vector<std::string> NotReady() const;
  std::set<eviction::Condition> Pressure() const;  // what the node runs short of
  struct Counts {
    size_t pods = 0, running_pods = 0;
    size_t running_containers = 0, exited_containers = 0;  // the latest of each name
    Counts& operator+=(const Counts& more);
    Counts& operator-=(const Counts& less);
  };
  Counts Count() const;

 private:
  using Pictures = std::map<std::string, std::shared_ptr<const PodPicture>>;  // by uid
  Pictures Copy() const;
  std::string List(bool running_only) const;
  std::shared_ptr<const PodPicture> Find(const std::string& namespace_name,
                                         const std::string& pod) const;

  base::Clock& clock_;
  const std::string configuration_;
  mutable std::mutex mutex_;                        // held for copies of pointers only
  Pictures pictures_;                               // guarded by mutex_
  Counts counts_;                                   // guarded by mutex_; of pictures_
  std::map<std::string, std::string> file_errors_;  // guarded by mutex_
  std::string runtime_error_, runtime_not_ready_;   // guarded by mutex_
  std::string network_not_ready_ =                  // guarded by mutex_
      "container runtime status check may not have completed yet";
  std::set<eviction::Condition> pressure_;     // guarded by mutex_
  base::SteadyTime beat_{};                    // guarded by mutex_
  bool beaten_ = false;                        // guarded by mutex_
  base::SteadyTime listed_ = clock_.Steady();  // guarded by mutex_; at first since the beginning
};

}  // namespace keelson::lifecycle
