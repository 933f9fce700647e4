// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/own_watcher.h"

#include <fcntl.h>

#include "cli/cluster/machine.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::cluster {

using base::Result;
using base::Status;

bool OwnWatcher::IsWatching() { return supervise::Ask({options_.supervisor_dir()}, {}).ok(); }

Result<std::vector<std::string>> OwnWatcher::Refusals(const supervise::Layout&) {
  return std::vector<std::string>();
}

Status OwnWatcher::Take(const supervise::Layout& layout) {
  const supervise::Paths paths{options_.supervisor_dir()};
  RETURN_IF_ERROR(
      os::WriteFileAtomic(paths.layout(), Encode(layout), 0600, os::Durability::kPowerLoss));
  if (IsWatching()) {
    const auto told = supervise::Ask(paths, {.verb = supervise::Verb::kReload});
    return told.ok() ? base::Ok() : Status(told.error());
  }
  ASSIGN_OR_RETURN(const os::UniqueFd log,
                   os::Open(paths.log(), O_WRONLY | O_CREAT | O_APPEND, 0640));
  os::SpawnOptions spawn{
      .argv = {options_.programs + "/keelson-supervise", paths.dir},
      .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      .fds = {{log.get(), 1}, {log.get(), 2}},
      .new_session = true};
  if (!options_.network.empty()) spawn.argv.push_back(options_.network);
  ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(spawn));
  child.Release();
  if (Eventually(std::chrono::seconds(20), [&] { return IsWatching(); })) return base::Ok();
  return base::Unavailable("the supervisor did not start:\n{}", LastLines(paths.log(), 5));
}

Result<Watched> OwnWatcher::Tell() {
  ASSIGN_OR_RETURN(supervise::Reply told, supervise::Ask({options_.supervisor_dir()}, {}));
  Watched out{
      std::move(told.processes), fmt::format("watched by keelson-supervise {}", told.keeper), {}};
  if (told.twin == 0) out.problems.push_back("the supervisor has no twin at the moment");
  if (told.twin != 0) out.by += fmt::format(", its twin is {}", told.twin);
  return out;
}

Status OwnWatcher::Stop(const std::string& process) {
  const auto told = supervise::Ask({options_.supervisor_dir()},
                                   {.verb = supervise::Verb::kStop, .name = process});
  if (!told.ok() && told.error().code() != base::Code::kUnavailable) return told.error();
  // Also what nobody watches any more, since the supervisor and its twin were killed at once.
  return RunProgram(options_, {"keelson-supervise", "--end", options_.supervisor_dir(), process});
}

Status OwnWatcher::Leave() {
  const auto quit = supervise::Ask({options_.supervisor_dir()}, {.verb = supervise::Verb::kQuit});
  if (quit.ok()) (void)Eventually(std::chrono::seconds(20), [&] { return !IsWatching(); });
  return base::Ok();
}

std::string OwnWatcher::NameOf(const std::string& process) { return "keelson-" + process; }

std::string OwnWatcher::LastWords(const std::string& process) {
  return "its last words:\n" + LastLines(options_.log_of(process), 1);
}

}  // namespace keelson::cluster
