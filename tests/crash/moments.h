// SPDX-License-Identifier: Apache-2.0
// What a CRI runtime makes of the death of its daemon, or of the process beside a pod, at any
// moment of a pod's life. It knows nothing of the runtime but its socket: the same is done to ours
// and to a peer. A pass is one pod; one process dies somewhere in one of its steps; what is asked
// for is asked for again as a kubelet does that has listed first.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "cri-api/client/runtime_client.h"

namespace keelson::node_test {

// A runtime as seen from outside; strings: "" is well.
struct Side {
  std::function<cri_client::RuntimeClient&()> runtime;
  std::function<pid_t()> daemon;
  std::function<std::vector<pid_t>()> beside_pods;  // monitors, shims
  std::function<std::string()> revive;              // the daemon, if it is dead
  std::function<std::string()> left;                // waits until nothing is, a while
  std::function<void()> clear_away;
  std::string logs, cgroup_parent, marks;
};

class Moments {
 public:
  Moments(Side side, unsigned long seed);
  // One that nothing dies in, for how long each step takes; what is wrong with it.
  std::string Calibrate();
  struct Death {
    bool of_daemon;
    size_t step;
    std::chrono::microseconds after;  // the step began
  };
  Death Choose();
  std::string Describe(const Death& death);
  // What is wrong in the words of kinds, "": nothing.
  struct Outcome {
    bool died = false;
    std::string kind, what;
  };
  Outcome Pass(const Death* death);

 private:
  struct Pod;
  struct Step {
    const char* name;
    std::function<Outcome(Pod&)> take;
  };
  std::vector<Step> Steps();
  // Asks until it is done or ten seconds are over.
  Outcome Again(const std::function<base::Status()>& ask);
  base::Status Run(Pod& pod);
  base::Status Start(Pod& pod, const std::string& name);
  Outcome Exited(Pod& pod, const std::string& name, int code);

  Side side_;
  std::mt19937 random_;
  std::vector<std::chrono::microseconds> took_;
  int made_ = 0;
};

}  // namespace keelson::node_test
