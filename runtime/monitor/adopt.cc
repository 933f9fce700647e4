// SPDX-License-Identifier: Apache-2.0
// Taking over from a monitor that died: what the anchor was told of each container before it ran,
// its pipes, and the end that the anchor has seen meanwhile.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>

#include "lib/base/fail_point.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/never_executed.h"
#include "lib/os/process.h"
#include "runtime/monitor/monitor.h"

namespace keelson::monitor {

using base::Result;
using base::Status;
using os::UniqueFd;

// Grows at its end, as a payload does.
std::string Monitor::NotesOf(const Container& container) {
  base::Writer notes;
  notes.I64(container.state.started.started_at);
  notes.String(container.unified_cgroup);
  notes.String(container.memory_cgroup);
  notes.Strings(container.cgroups);
  notes.U64(container.oom_before);
  notes.String(container.log_name);
  notes.U8(container.log_flags);
  notes.String(container.program);
  notes.String(container.state_root);
  notes.Strings(container.arguments);
  notes.U64(container.log_limit.bytes_per_second);
  notes.Bool(container.log_limit.drop);
  return notes.Take() + std::string(OwnDialect().further);
}

void Monitor::TakeNotes(std::string_view notes, Container& container) {
  base::Reader r(notes);
  container.state.started.started_at = r.I64();
  container.unified_cgroup = r.String();
  container.memory_cgroup = r.String();
  container.cgroups = r.Strings();
  container.oom_before = r.U64();
  container.log_name = r.String();
  if (!r.AtEnd()) container.log_flags = r.U8();
  if (!r.AtEnd()) {
    container.program = r.String();
    container.state_root = r.String();
  }
  if (!r.AtEnd()) container.arguments = r.Strings();
  if (!r.AtEnd()) {
    container.log_limit.bytes_per_second = r.U64();
    container.log_limit.drop = r.Bool();
  }
}

Status Monitor::Adopt() {
  ASSIGN_OR_RETURN(const Packet answer, Ask(kAnchor, Type::kRegistered, ""));
  FAIL_POINT("monitor.adopt.registered");
  base::Reader r(answer.payload);
  for (uint32_t n = r.Count(9); n > 0 && r.ok(); --n) {
    Container container;
    container.adopted = true;
    container.state.id = r.String();
    container.state.started.pid = r.I32();
    const std::string blob = r.String();
    const bool exited = r.Bool();
    TakeNotes(blob, container);
    container.state.phase = ContainerPhase::kRunning;
    ASSIGN_OR_RETURN(container.log_fds, FetchFromAnchor("log/" + container.state.id));
    // An input that was closed once is kept no longer.
    const size_t without_input = (container.log_flags & kLogFile) != 0 ? 3 : 2;
    if (!container.HasTerminal() && container.log_fds.size() == without_input)
      container.log_flags &= static_cast<uint8_t>(~kLogInput);
    FAIL_POINT("monitor.adopt.streams");
    SweepLeaves(container);
    const std::string id = container.state.id;
    // First of all: whoever saw its end has written it, and its pid may be another's by now.
    if (Result<ExitRecord> record = ReadExitFile(setup_.run_dir, id); record.ok()) {
      const uint64_t oom_now =
          cgroup::ReadOomKills(container.memory_cgroup).value_or(container.oom_before);
      record->oom_killed = record->oom_killed ||
                           (record->exit_code == 128 + SIGKILL && oom_now > container.oom_before);
      container.state.phase = ContainerPhase::kExited;
      container.state.exit = *record;
      DeleteOther(container);
      containers_[id] = std::move(container);
      continue;
    }
    Result<UniqueFd> pidfd = exited ? Result<UniqueFd>(base::NotFound("ended"))
                                    : os::OpenPidfd(container.state.started.pid);
    container.undecided = container.program.empty();
    if (!pidfd.ok()) {
      containers_[id] = std::move(container);
      AwaitExitRecord(id, std::chrono::milliseconds(0));
      continue;
    }
    container.pidfd = std::move(pidfd).value();
    containers_[id] = std::move(container);
    RETURN_IF_ERROR(WatchAdopted(id));
    Decide(id);
    FAIL_POINT("monitor.adopt.container");
    FinishOtherStart(containers_[id]);
  }
  if (!r.ok()) return base::DataLoss("the anchor's list of containers is malformed");
  return base::Ok();
}

// Whoever was to give it the word to begin is dead: it has it and executes in a moment, or it ends
// and has never been. What has ended is decided by what the anchor wrote: see AwaitExitRecord().
void Monitor::Decide(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || !found->second.undecided) return;
  Container& container = found->second;
  const bool waits = os::HasNeverExecuted(container.state.started.pid);
  pollfd ended{container.pidfd.get(), POLLIN, 0};
  if (poll(&ended, 1, 0) != 0) return;
  if (waits) {
    static constexpr std::chrono::milliseconds kPause{5};
    loop_.After(kPause, [this, id] { Decide(id); });
    return;
  }
  container.undecided = false;
  AnswerWaitingLists();
}

Result<bool> Monitor::AnchorKnows(const std::string& id) {
  ASSIGN_OR_RETURN(const Packet answer, Ask(kAnchor, Type::kRegistered, ""));
  base::Reader r(answer.payload);
  for (uint32_t n = r.Count(9); n > 0 && r.ok(); --n) {
    const bool found = r.String() == id;
    (void)r.I32();
    (void)r.String();
    (void)r.Bool();
    if (found) return true;
  }
  if (!r.ok()) return base::DataLoss("the anchor's list of containers is malformed");
  return false;
}

Status Monitor::WatchAdopted(const std::string& id) {
  Container& container = containers_[id];
  ASSIGN_OR_RETURN(container.watch, loop_.Watch(container.pidfd.get(), EPOLLIN,
                                                [this, id](uint32_t) { OnAdoptedExit(id); }));
  return base::Ok();
}

}  // namespace keelson::monitor
