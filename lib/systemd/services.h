// SPDX-License-Identifier: Apache-2.0
// Units that are files of the machine: services that an operator could as well run by systemctl.
// Every call blocks for at most its deadline and may be repeated. Any thread.
// Source: org.freedesktop.systemd1(5).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/systemd/bus.h"

namespace keelson::systemd {

struct Service {
  std::string load;       // "loaded", "not-found", "masked", "bad-setting", …
  std::string file;       // that it was read from; empty: none
  bool outdated = false;  // the file is newer than what the manager has read
  std::string active;     // "active", "activating", "failed", "inactive", …
  std::string sub;        // "running", "auto-restart", …
  uint64_t changed = 0;   // wall microseconds: when that became so
  uint32_t main_pid = 0;  // 0: no process
  uint32_t restarts = 0;  // by the manager itself, since somebody started it
  std::string result;     // of its last end: "success", "exit-code", "signal", …
  int end_kind = 0;       // CLD_EXITED, CLD_KILLED, CLD_DUMPED of the last process; 0: it runs
  int end_status = 0;     // exit code or signal
};

class Services {
 public:
  virtual ~Services() = default;
  virtual base::Result<int> Version() = 0;  // systemd's, as 252
  virtual base::Status Reload() = 0;        // reads all files of units again
  // Links of [Install]; the file has to be in the manager's path.
  virtual base::Status Enable(const std::string& unit) = 0;
  virtual base::Status Disable(const std::string& unit) = 0;
  // These return when their job is done. One that runs already is left alone by Start.
  virtual base::Status Start(const std::string& unit) = 0;
  virtual base::Status Restart(const std::string& unit) = 0;
  virtual base::Status Stop(const std::string& unit) = 0;  // absent is success
  virtual base::Status ResetFailed(const std::string& unit) = 0;
  // Also of a unit that is not there: `load` says so.
  virtual base::Result<Service> Look(const std::string& unit) = 0;
};

// Does not connect yet.
base::Result<std::unique_ptr<Services>> ConnectServices(BusOptions options = {});

}  // namespace keelson::systemd
