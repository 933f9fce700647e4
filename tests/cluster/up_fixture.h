// SPDX-License-Identifier: Apache-2.0
// A machine of a test's own, on which `keelson up` brings up a cluster of one node with the real
// programs: its own network, folders, bridge and cgroup. What was brought up goes with the test,
// also when it fails.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "lib/os/temp_dir.h"
#include "supervise/protocol/protocol.h"

namespace keelson::cluster_test {

struct Said {
  int code = -1;
  std::string text;  // output and errors
};
// A command of the machine, run to its end.
Said Output(std::vector<std::string> argv, std::chrono::seconds patience = std::chrono::minutes(5));

class UpFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite();  // demo images
  static std::string Images();

  // A machine with a network of its own and one way out, 192.0.2.50. `work` runs on a thread of it,
  // so do threads that it starts.
  void OnMachine(const std::function<void()>& work);

  std::string state() const { return dir_.path() + "/state"; }
  std::string run() const { return dir_.path() + "/run"; }
  std::string cgroup() const;
  std::vector<std::string> Places(const std::string& command) const;
  static Said Keelson(std::vector<std::string> words);
  Said Up(const std::vector<std::string>& more = {});
  void LoadImage();  // busybox
  std::vector<supervise::ProcessStatus> Processes() const;
  supervise::ProcessStatus Process(const std::string& name) const;
  Said Status() const { return Keelson({"status", "--state-dir", state()}); }
  std::string Logs() const;  // the daemons', their last lines
  std::string Left() const;  // processes of this machine
  // Those of this machine whose program, by its first word, is `name`.
  static std::vector<pid_t> Named(const std::string& name);
  // keelson down, and nothing is left.
  void Down();
  static bool Eventually(const std::function<bool()>& good,
                         std::chrono::seconds patience = std::chrono::minutes(2));

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-up")).value();
};

}  // namespace keelson::cluster_test
