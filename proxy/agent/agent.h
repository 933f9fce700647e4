// SPDX-License-Identifier: Apache-2.0
// The proxy itself: follows services, slices and this node, plans what changed, has it written by
// one worker thread, and tries again when that failed. Everything on the loop's thread; `loop`,
// `api`, `clock`, `health` and `registry` outlive it. The destructor waits for what is being
// written.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/async/executor.h"
#include "lib/kube/client/reflector.h"
#include "proxy/agent/metrics.h"
#include "proxy/apply/writer.h"
#include "proxy/health/health.h"
#include "proxy/names/names.h"
#include "proxy/state/state.h"

namespace keelson::proxy {

using Writers = std::vector<std::unique_ptr<Writer>>;

class Agent {
 public:
  struct Settings {
    std::string node;
    std::chrono::milliseconds settle{5};            // changes of one moment are written together
    std::chrono::milliseconds min_period{50};       // between two writes
    std::chrono::milliseconds check_period{30000};  // is somebody else's flush noticed
    std::chrono::milliseconds retry_period{1000};   // after a failure
    // Where the name server reads what there is; empty: nothing is written.
    std::string zone_file;
    std::string domain = "cluster.local";
    // Called once, when rules have first been written: the kernel has loaded by then what they
    // need. On the loop's thread.
    std::function<void()> first_written;
    // Cluster addresses that this node answers on itself: no rules for them.
    std::vector<std::string> held;
    // Called whenever it is looked whether the rules are still there. On the worker's thread.
    std::function<void()> look_after;
  };
  Agent(os::EventLoop& loop, kube::Api& api, const base::Clock& clock, Settings settings,
        Writers writers, Health& health, meter::Registry& registry);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void Start();

 private:
  struct Outcome {
    bool ok = true;
    bool flushed = false;
    bool zone_failed = false;
    struct Written {
      Figures before, after;
      double seconds = 0;
    };
    std::vector<Written> written;
    std::vector<Figures> figures;                // of every writer
    std::map<std::string, std::string> refused;  // by service: what was said
  };
  using Set = std::function<void(const json::Value&)>;
  using Remove = std::function<void(const kube::ObjectName&)>;
  std::unique_ptr<kube::Reflector> Follow(const std::string& path, const std::string& selector,
                                          Set set, Remove remove);
  void Changed();
  bool HasWork() const;
  void Schedule(std::chrono::nanoseconds wait);
  void Begin(bool check);
  void CheckLater();
  void Done(const Outcome& outcome);
  void Count(const Outcome& outcome);
  void NoteTrigger(const json::Value& slice);
  void NoteLocal(const std::string& name, const std::vector<PortPlan>& ports, bool first);
  // Whoever looks at the service is to see that its rules are refused.
  void TellRefused(const std::map<std::string, std::string>& refused);
  void UpdateHealthPorts(const std::set<std::string>& changed);
  // What the worker is to write for the name server, if anything is new.
  std::optional<dns::ZoneFile> NewZone();

  os::EventLoop& loop_;
  kube::Api& api_;
  const base::Clock& clock_;
  const Settings settings_;
  const std::shared_ptr<Writers> writers_;  // the worker's
  Health& health_;
  State state_;
  Names names_;
  uint32_t serial_ = 0;
  bool zone_unwritten_ = false;
  std::unique_ptr<kube::Reflector> services_, slices_, node_;
  std::map<std::string, HealthPort> health_ports_;
  bool running_ = false;
  bool has_written_ = false;
  bool again_ = false;  // the last write failed
  std::optional<os::EventLoop::TimerId> timer_, check_timer_;
  base::SteadyTime next_{};  // no write before
  base::SteadyTime begun_{};
  Metrics metrics_;
  const int64_t started_;               // wall
  std::vector<int64_t> triggers_;       // when endpoints changed that are in no rules yet
  std::vector<int64_t> being_written_;  // of those, by the write that runs
  std::set<std::string> no_local_internal_, no_local_external_;
  std::set<std::string> refused_;       // told already
  const std::shared_ptr<Agent*> self_;  // for what the worker posts
  std::optional<async::Executor> worker_;
};

}  // namespace keelson::proxy
