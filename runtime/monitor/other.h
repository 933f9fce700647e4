// SPDX-License-Identifier: Apache-2.0
// What the monitor remembers while another OCI runtime's program works for it. For the monitor's
// own sources only: other_command.cc, other_start.cc, other_exec.cc. One thread, the monitor's.
#pragma once

#include "lib/os/pipe.h"
#include "runtime/monitor/monitor.h"

namespace keelson::monitor {

// One call of the program.
struct Monitor::Command {
  std::vector<std::string> argv;
  std::string log;  // where it writes its errors; empty: it is not asked to
  launcher::Streams streams;
  std::string group;                  // cgroup2 directory to be born in; empty: ours
  const OtherStart* start = nullptr;  // what is put into the program's room
  bool dies_with_us = true;
  CommandDone done = {};
  os::UniqueFd errors = {};  // what failed before the program ran
  os::EventLoop::TimerId timer = 0;
  bool late = false;
};

// The socket to which the program sends a terminal's master.
struct Console {
  std::string path;
  os::UniqueFd listener;

  static base::Result<Console> Open(const std::string& path);
  // The program has ended well: its terminal waits here.
  base::Result<launcher::Terminal> Take();
  ~Console();
  Console() = default;
  Console(Console&&) noexcept = default;
  Console& operator=(Console&&) noexcept = default;
};

struct Monitor::OtherStart {
  int client = -1;
  uint64_t question = 0;
  spec::ContainerSpec spec;
  std::vector<os::UniqueFd> volumes;
  Container container;
  os::UniqueFd target;  // the PID namespace to be shared
  std::string directory;
  os::Pipe in, out, err;
  Console console;
  uint64_t log_added = 0;
  bool known = false;  // to the anchor, the log process and containers_
};

struct Monitor::OtherExec {
  Exec exec;
  std::string files;  // prefix of their paths
  Console console;
  bool terminal = false;
  bool unwanted = false;
};

// The pid that a program has written, or why it cannot be had.
base::Result<pid_t> ReadPidFile(const std::string& path);
// Without CAP_SYS_RESOURCE nobody goes below what he has.
int32_t LowestOomScore();

}  // namespace keelson::monitor
