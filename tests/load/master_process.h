// SPDX-License-Identifier: Apache-2.0
// keelson-master as a process in a folder of its own, on a port that the kernel gave, from the
// build's folder. Ended with its owner. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/os/process.h"
#include "tests/load/connection.h"

namespace keelson::load {

class MasterProcess {
 public:
  struct Options {
    std::string dir;                  // state, kubeconfig and log; kept
    std::vector<std::string> extra;   // arguments
    std::string program;              // empty: this build's
    std::vector<std::string> before;  // a command that it is started by
    int port = 0;                     // 0: one that the kernel gives, another at each start
  };
  // When it answers, or what it said last.
  static base::Result<MasterProcess> Start(Options options);

  base::Status Restart() { return Run(); }  // after Kill or Stop
  void Kill();                              // SIGKILL, reaped
  base::Result<int> Stop();                 // SIGTERM; its exit code
  pid_t pid() const { return child_->pid(); }
  std::shared_ptr<const Client> client() const { return client_; }  // a new one with each start
  std::string state_dir() const { return options_.dir + "/state"; }
  std::string kubeconfig() const { return options_.dir + "/kubeconfig"; }
  std::string Log() const;

 private:
  explicit MasterProcess(Options options) : options_(std::move(options)) {}
  base::Status Run();

  Options options_;
  std::optional<os::ChildProcess> child_;
  std::shared_ptr<const Client> client_;
};

}  // namespace keelson::load
