// SPDX-License-Identifier: Apache-2.0
// A container that another OCI runtime makes: its bundle, `create`, what must be known before it
// runs, `start`. Each step begins where the one before has ended.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/files.h"
#include "runtime/monitor/other.h"
#include "runtime/oci/configuration.h"

namespace keelson::monitor {

using base::Result;
using base::Status;
using os::UniqueFd;

Monitor::Monitor(os::EventLoop& loop, PodSetup setup, int signals)
    : loop_(loop), setup_(std::move(setup)), signals_(signals) {}

Monitor::~Monitor() = default;

Status Monitor::StartOther(int client, uint64_t question, const spec::ContainerSpec& spec,
                           std::vector<UniqueFd> volumes, Container container) {
  if (starting_.contains(spec.id))
    return base::AlreadyExists("container '{}' is being started", spec.id);
  if (spec.other.host_mounts >= volumes.size())
    return base::InvalidArgument("a start by '{}' takes the host's mount namespace",
                                 spec.other.program);
  const auto start = std::make_shared<OtherStart>();
  ASSIGN_OR_RETURN(host_mounts_, os::Duplicate(volumes[spec.other.host_mounts].get()));
  RETURN_IF_ERROR(KeepWithAnchor("ns/host", {host_mounts_.get()}));
  start->client = client;
  start->question = question;
  start->spec = spec;
  start->volumes = std::move(volumes);
  start->container = std::move(container);
  start->container.program = spec.other.program;
  start->container.state_root = spec.other.state_root;
  start->container.arguments = spec.other.arguments;
  start->directory = setup_.run_dir + "/" + spec.id;
  if (spec.pid_mode == spec::PidMode::kTarget) {
    ASSIGN_OR_RETURN(start->target, ProcessesOf(spec.target_container_id));
  }
  if (start->container.HasTerminal()) {
    // Short: a socket's path has 107 bytes (unix(7)).
    ASSIGN_OR_RETURN(start->console,
                     Console::Open(fmt::format("{}/c{}", setup_.run_dir, next_command_++)));
  } else {
    ASSIGN_OR_RETURN(start->out, os::CreatePipe());
    ASSIGN_OR_RETURN(start->err, os::CreatePipe());
    if (spec.open_stdin) {
      ASSIGN_OR_RETURN(start->in, os::CreatePipe());
    }
  }
  oci::Facts facts;
  facts.network = net_.valid();
  facts.ipc = ipc_.valid();
  facts.uts = uts_.valid();
  facts.user = user_.valid();
  facts.pid = start->target.valid() || pod_pid_.valid();
  facts.users = setup_.users;
  facts.lowest_oom_score = LowestOomScore();
  RETURN_IF_ERROR(os::MakeDir(start->directory, 0700));
  RETURN_IF_ERROR(os::WriteFileAtomic(start->directory + "/config.json",
                                      oci::Configuration(spec, facts), 0600));
  // What a monitor that died had begun of it is in the way.
  if (IsKnownToProgram(start->container)) {
    RETURN_IF_ERROR(Begin(CommandFor(start->container, {"delete", "--force", spec.id}),
                          [this, start](const Status&) {
                            if (const Status status = Create(start); !status.ok())
                              EndStart(start, status);
                          }));
  } else {
    RETURN_IF_ERROR(Create(start));
  }
  starting_[spec.id] = start;
  return base::Ok();
}

Status Monitor::Create(const std::shared_ptr<OtherStart>& start) {
  std::vector<std::string> words = {"create", "--bundle", start->directory, "--pid-file",
                                    start->directory + "/pid"};
  if (start->console.listener) {
    words.insert(words.end(), {"--console-socket", start->console.path});
  }
  words.push_back(start->spec.id);
  Command command = CommandFor(start->container, std::move(words));
  command.streams = {start->in.read_end.get(), start->out.write_end.get(),
                     start->err.write_end.get()};
  command.start = start.get();
  if (IsHybrid(start->container)) command.group = start->container.unified_cgroup;
  return Begin(std::move(command), [this, start](Status status) {
    if (status.ok()) status = OnCreated(start);
    if (!status.ok()) EndStart(start, status);
  });
}

// Its first process is there and waits for `start`.
Status Monitor::OnCreated(const std::shared_ptr<OtherStart>& start) {
  start->volumes.clear();
  Container& container = start->container;
  ASSIGN_OR_RETURN(container.state.started.pid, ReadPidFile(start->directory + "/pid"));
  container.state.started.started_at = base::SystemClock().WallNanos();
  container.state.phase = ContainerPhase::kRunning;
  container.oom_before = cgroup::ReadOomKills(container.memory_cgroup).value_or(0);
  ASSIGN_OR_RETURN(container.pidfd, os::OpenPidfd(container.state.started.pid));
  std::vector<UniqueFd> ends;
  if (container.HasTerminal()) {
    ASSIGN_OR_RETURN(launcher::Terminal terminal, start->console.Take());
    ends.push_back(std::move(terminal.master));
    ends.push_back(std::move(terminal.peer));
  } else {
    ends.push_back(std::move(start->out.read_end));
    ends.push_back(std::move(start->err.read_end));
  }
  start->in.read_end.reset();
  start->out.write_end.reset();
  start->err.write_end.reset();
  const std::string id = start->spec.id;
  start->known = true;
  ASSIGN_OR_RETURN(start->log_added,
                   MakeKnown(container, std::move(ends), std::move(start->in.write_end)));
  RETURN_IF_ERROR(StillWanted(container));
  Command command = CommandFor(container, {"start", id});
  // From now on its end is one: it may come before that of `start`.
  containers_[id] = std::move(container);
  return Begin(std::move(command),
               [this, start](const Status& status) { EndStart(start, status); });
}

void Monitor::EndStart(const std::shared_ptr<OtherStart>& start, const Status& status) {
  const std::string id = start->spec.id;
  starting_.erase(id);
  const auto found = containers_.find(id);
  if (status.ok() && found != containers_.end()) {
    base::Writer answer;
    answer.I32(found->second.state.started.pid);
    answer.I64(found->second.state.started.started_at);
    AwaitLog(start->log_added);
    PutStages(answer, {});
    Answer(start->client, start->question, answer.Take());
    // It may have ended meanwhile.
    if (found->second.state.phase == ContainerPhase::kExited) DeleteOther(found->second);
  } else {
    Container& container = found != containers_.end() ? found->second : start->container;
    if (container.pidfd) (void)os::SignalPidfd(container.pidfd.get(), SIGKILL);
    if (container.watch != 0) loop_.Unwatch(container.watch);
    DeleteOther(container);
    if (start->known) MakeUnknown(id);
    if (found != containers_.end()) containers_.erase(found);
    draining_.erase(id);
    (void)os::RemoveTree(start->directory);
    Answer(start->client, start->question, status.error());
  }
  AnswerWaitingLists();
}

// Of a container that was written down: whoever wrote it may have died before it was let run. One
// that runs refuses.
void Monitor::FinishOtherStart(const Container& container) {
  if (container.program.empty()) return;
  (void)Begin(CommandFor(container, {"start", container.state.id}), [](const Status&) {});
}

void Monitor::ForgetClient(int client) {
  for (const auto& [id, start] : starting_) {
    if (start->client == client) start->client = -1;
  }
  for (const std::shared_ptr<OtherExec>& opening : opening_) {
    if (opening->exec.client != client) continue;
    opening->exec.client = -1;
    opening->unwanted = true;
  }
  std::erase_if(lists_waiting_, [client](const auto& asked) { return asked.first == client; });
}

}  // namespace keelson::monitor
