// SPDX-License-Identifier: Apache-2.0
// A node whose processes die at fail points. A pass is a scenario's steps, one after another; one
// process dies somewhere in it, the daemon is started again, what was asked is asked again as a
// kubelet would, and what must hold is looked at: after the restart, after each step, at the end.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/component/node_fixture.h"
#include "tests/crash/points.h"

namespace keelson::node_test {

struct Step {
  std::string name;
  // What is asked for; repeated when a process died of it.
  std::function<base::Status()> ask;
  // Afterwards: what is not as it must be; "": nothing.
  std::function<std::string()> wrong = [] { return std::string(); };
};

// Lists and what each of them says one by one agree; no pod is there twice. "": so it is.
std::string ListsWrong(cri_client::RuntimeClient& runtime);

class PointsTest : public NodeTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // True: it died at `aim`, or there was none, and all held. A failure is added to failures_.
  struct Pass {
    bool died = false;
    std::string wrong;
  };
  Pass RunPass(const std::vector<Step>& steps, const points::Aim* aim);
  // The daemon died or was killed: started again until it answers.
  std::string Revive();
  bool DaemonDied(int milliseconds);
  bool DaemonAnswers();
  // What is left of any pod, "" : nothing. Removal goes on behind the caller, so it is waited for.
  std::string Left();
  std::string LeftNow();
  // Takes away what a failed pass left, so that the next begins with nothing.
  void ClearAway();
  static std::string Text(const base::Status& status) {
    return status.ok() ? "" : status.error().message();
  }
  // As it is after `prefix`, of every file and folder of the state and run directories.
  std::string Trees() const;

  points::Points points_;
  std::string trees_before_;
  size_t log_begin_ = 0;  // of the pass, in the daemon's log
  uint64_t deaths_before_ = 0;
  // Another death during the restart after the first.
  const points::Aim* second_ = nullptr;
};

}  // namespace keelson::node_test
