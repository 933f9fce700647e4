// SPDX-License-Identifier: Apache-2.0
// A command in a container of another OCI runtime: its program joins the container and leaves the
// command behind, which becomes our child, since we are the subreaper.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "runtime/monitor/other.h"
#include "runtime/oci/configuration.h"

namespace keelson::monitor {

using base::Result;
using base::Status;

Status Monitor::ExecOther(Exec exec, const Container& container, const spec::Process& process,
                          std::chrono::milliseconds timeout, const launcher::Streams& streams) {
  const auto opening = std::make_shared<OtherExec>();
  opening->files = fmt::format("{}/x{}", setup_.run_dir, next_command_++);
  opening->exec = std::move(exec);
  opening->terminal = process.terminal;
  RETURN_IF_ERROR(os::WriteFileAtomic(opening->files + ".json",
                                      oci::ProcessConfiguration(process, LowestOomScore()), 0600));
  std::vector<std::string> words = {"exec",       "--detach",
                                    "--process",  opening->files + ".json",
                                    "--pid-file", opening->files + ".pid"};
  if (process.terminal) {
    ASSIGN_OR_RETURN(opening->console, Console::Open(opening->files));
    words.insert(words.end(), {"--console-socket", opening->console.path});
  }
  words.push_back(container.state.id);
  Command command = CommandFor(container, std::move(words));
  if (!process.terminal) command.streams = streams;
  command.group = opening->exec.leaf.path;
  const Status begun = Begin(
      std::move(command), [this, opening](const Status& status) { OnOtherExec(opening, status); });
  if (!begun.ok()) {
    (void)unlink((opening->files + ".json").c_str());
    GiveBackLeaf(opening->exec.container, std::move(opening->exec.leaf));
    return begun;
  }
  if (timeout.count() > 0) {
    opening->exec.ends_at = base::SystemClock().Steady() + timeout;
    opening->exec.timer = loop_.After(timeout, [this, opening] {
      opening->exec.timer = 0;
      opening->exec.timed_out = true;
      for (auto& [pid, running] : execs_) {
        if (running.client != opening->exec.client || running.question != opening->exec.question)
          continue;
        running.timer = 0;
        running.timed_out = true;
        return KillExec(pid, running);
      }
    });
  }
  opening_.insert(opening);
  return base::Ok();
}

void Monitor::OnOtherExec(const std::shared_ptr<OtherExec>& opening, Status status) {
  opening_.erase(opening);
  pid_t pid = -1;
  launcher::Terminal terminal;
  const auto read = [&]() -> Status {
    ASSIGN_OR_RETURN(pid, ReadPidFile(opening->files + ".pid"));
    if (opening->terminal) {
      ASSIGN_OR_RETURN(terminal, opening->console.Take());
    }
    return base::Ok();
  };
  if (status.ok()) status = read();
  for (const char* suffix : {".json", ".pid"}) (void)unlink((opening->files + suffix).c_str());
  Exec& exec = opening->exec;
  if (!status.ok()) {
    if (exec.timer != 0) loop_.CancelTimer(exec.timer);
    if (pid > 0) (void)kill(pid, SIGKILL);
    GiveBackLeaf(exec.container, std::move(exec.leaf));
    return Answer(exec.client, exec.question, status.error());
  }
  if (exec.live) {
    std::vector<int> fds;
    if (terminal.master) fds.push_back(terminal.master.get());
    Answer(exec.client, exec.question, std::string(), fds);
  }
  exec.running_since = base::SystemClock().Steady();
  const bool ended = strays_.contains(pid);
  const bool unwanted = opening->unwanted || exec.timed_out;
  execs_[pid] = std::move(exec);
  if (ended) return OnExecExit(pid, strays_[pid]);
  if (unwanted) KillExec(pid, execs_[pid]);
}

void Monitor::UnwantOther(int client, uint64_t question) {
  for (const std::shared_ptr<OtherExec>& opening : opening_) {
    if (opening->exec.client == client && opening->exec.question == question)
      opening->unwanted = true;
  }
}

}  // namespace keelson::monitor
