// SPDX-License-Identifier: Apache-2.0
// The supervisor itself: starts what the layout names, watches by pidfd, starts again with
// back-off, answers on its socket, keeps logs short, and has a twin that waits for its end. One
// thread, that of the loop.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/os/event_loop.h"
#include "lib/os/process.h"
#include "supervise/backoff.h"
#include "supervise/finder.h"
#include "supervise/protocol/protocol.h"

namespace keelson::supervise {

class Keeper {
 public:
  struct Settings {
    Paths paths;
    std::vector<std::string> twin;  // its command
    int64_t longest_log = 10 << 20;
  };
  Keeper(os::EventLoop& loop, const base::Clock& clock, Settings settings);
  ~Keeper();

  base::Status Start();

 private:
  struct Watched {
    Process process;
    State state = State::kStopped;
    pid_t pid = 0;
    os::UniqueFd pidfd;
    os::EventLoop::WatchId watch = 0;
    os::EventLoop::TimerId timer = 0;
    base::SteadyTime started{};
    int64_t since = 0;
    uint32_t restarts = 0;
    std::string last_end;
    Backoff backoff;
    bool wanted = true;
    std::optional<Process> next;  // takes its place when it has ended
    std::vector<int> waiting;     // asked to stop: connections to be answered
  };
  struct Connection {
    os::UniqueFd socket;
    os::EventLoop::WatchId watch = 0;
  };

  base::Status Load(bool first);
  bool Adopt(Watched& one, const std::map<std::string, Found>& running);
  void StartProcess(Watched& one);
  void Follow(Watched& one, pid_t pid, os::UniqueFd pidfd);
  void OnEnd(const std::string& name);
  void EndProcess(Watched& one, uint32_t patience_seconds);
  void StartTwin();
  void KeepLogsShort();
  void SaveCounts();
  void OnConnection();
  void OnRequest(int fd);
  void Send(int fd, const Reply& reply);
  void Forget(Watched& one);  // its watch and timer
  Reply Tell() const;

  os::EventLoop& loop_;
  const base::Clock& clock_;
  const Settings settings_;
  os::UniqueFd listener_;
  std::map<std::string, std::unique_ptr<Watched>> processes_;
  std::vector<std::string> order_;  // as in the layout
  std::map<int, Connection> connections_;
  Counts counts_;
  pid_t twin_ = 0;
  os::UniqueFd twin_fd_;
  os::EventLoop::WatchId twin_watch_ = 0;
  base::SteadyTime twin_started_{};
  Backoff twin_backoff_;
};

}  // namespace keelson::supervise
