// SPDX-License-Identifier: Apache-2.0
// Who starts a node's processes and starts again what ends: keelson-supervise, or systemd where it
// is process 1. Blocking. Called by up, join, status, leave and down.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/cluster/options.h"
#include "lib/base/result.h"
#include "supervise/protocol/protocol.h"

namespace keelson::cluster {

inline constexpr char kOwn[] = "own", kSystemd[] = "systemd";  // NodeOptions::supervisor

struct Watched {
  std::vector<supervise::ProcessStatus> processes;
  std::string by;                     // who watches: a line for people
  std::vector<std::string> problems;  // of the watching itself; sentences
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  // Whether it has processes of this node now, whose ports are theirs.
  virtual bool IsWatching() = 0;
  // Why it could not take these: sentences. Changes nothing.
  virtual base::Result<std::vector<std::string>> Refusals(const supervise::Layout& layout) = 0;
  // Starts what does not run, exchanges what differs, ends what is not named; leaves the rest.
  virtual base::Status Take(const supervise::Layout& layout) = 0;
  // Unavailable: nobody watches.
  virtual base::Result<Watched> Tell() = 0;
  // Ends it, for good; returns when it is gone.
  virtual base::Status Stop(const std::string& process) = 0;
  virtual base::Status Leave() = 0;  // all are stopped: nothing of it stays
  // For people: the name of a process, and its last words or how to read them.
  virtual std::string NameOf(const std::string& process) = 0;
  virtual std::string LastWords(const std::string& process) = 0;
};

// `supervisor` and `cgroup_driver` of a node that is to be brought up, where they are not said: as
// before, else by what this machine is.
base::Status SetSupervisor(NodeOptions& options);
base::Result<std::unique_ptr<Watcher>> WatcherOf(const NodeOptions& options);

// What an earlier `up` of that folder chose, what the person asks for (empty: nothing), and whether
// systemd is process 1: who it is to be, or a sentence. Pure.
base::Result<std::string> ChooseSupervisor(const std::string& before, const std::string& asked,
                                           bool systemd_is_first, bool own_network);

}  // namespace keelson::cluster
