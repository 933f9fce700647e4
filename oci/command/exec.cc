// SPDX-License-Identifier: Apache-2.0
// exec: one more process in a container that runs.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/kernel/keys/keys.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "oci/command/command.h"
#include "oci/container/console.h"
#include "oci/container/group.h"
#include "oci/container/inside.h"
#include "oci/container/joining.h"
#include "oci/container/seccomp.h"
#include "oci/log/log.h"
#include "oci/plan/plan.h"
#include "runtime/launcher/launcher.h"
#include "runtime/security/identity.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using os::UniqueFd;

namespace {

// "0-3,7"
base::Status UseProcessors(const std::string& list) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const std::string_view part : base::Split(std::string_view(list), ',')) {
    const size_t dash = part.find('-');
    const auto first = base::ParseUint64(base::Trim(part.substr(0, dash)));
    const auto last = dash == std::string_view::npos
                          ? first
                          : base::ParseUint64(base::Trim(part.substr(dash + 1)));
    if (!first || !last || *first > *last || *last >= CPU_SETSIZE)
      return base::InvalidArgument("{} is no list of processors", base::QuoteIfNeeded(list));
    for (uint64_t cpu = *first; cpu <= *last; ++cpu) CPU_SET(cpu, &set);
  }
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    return Error::FromErrno(errno, "use the processors {}", list);
  return base::Ok();
}

// Namespaces of the process that are not ours already.
uint64_t OtherNamespaces(pid_t pid) {
  uint64_t flags = 0;
  for (const char* type : {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"}) {
    const std::string file = NamespaceFile(type);
    struct stat ours{}, theirs{};
    if (stat(("/proc/self/ns/" + file).c_str(), &ours) != 0) continue;
    if (stat(fmt::format("/proc/{}/ns/{}", pid, file).c_str(), &theirs) != 0) continue;
    if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev) flags |= NamespaceFlag(type);
  }
  return flags;
}

// The container's own process with what the command line changes of it.
base::Status Change(const Arguments& arguments, Process& process) {
  spec::Process& p = process.process;
  const std::vector<std::string>& words = arguments.rest();
  if (words.size() < 2) return base::InvalidArgument("exec: no command is given");
  p.args.assign(words.begin() + 1, words.end());
  if (arguments.Has("cwd")) p.cwd = arguments.Get("cwd");
  if (!p.cwd.starts_with('/')) return base::InvalidArgument("--cwd: must be an absolute path");
  p.terminal = arguments.Is("tty");
  if (arguments.Has("no-new-privs")) p.no_new_privileges = arguments.Is("no-new-privs");
  if (arguments.Has("apparmor")) p.apparmor_profile = arguments.Get("apparmor");
  if (arguments.Has("process-label")) p.selinux_label = arguments.Get("process-label");
  for (const std::string& variable : arguments.All("env")) {
    if (variable.find('=') == std::string::npos || variable.starts_with('='))
      return base::InvalidArgument("--env: {} is not of the form NAME=value",
                                   base::QuoteIfNeeded(variable));
    p.env.push_back(variable);
  }
  if (arguments.Has("cap")) {
    std::vector<std::string> unknown;
    ASSIGN_OR_RETURN(const uint64_t more, CapabilityMask(arguments.All("cap"), &unknown));
    for (const std::string& name : unknown)
      Warn(fmt::format("--cap: unknown capability {} is left out", base::QuoteIfNeeded(name)));
    for (uint64_t* set :
         {&p.capabilities.bounding, &p.capabilities.effective, &p.capabilities.permitted})
      *set |= more;
    p.capabilities.ambient |= more & p.capabilities.inheritable;
  }
  if (arguments.Has("user")) {
    ASSIGN_OR_RETURN(const security::UserText user, security::ParseUserText(arguments.Get("user")));
    if (!user.uid || (user.has_group() && !user.gid))
      return base::InvalidArgument("--user: {} is not UID[:GID] in numbers",
                                   base::QuoteIfNeeded(arguments.Get("user")));
    p.identity.uid = KEELSON_WEAKENED_AT("exec-user") ? 0 : *user.uid;
    if (user.gid) p.identity.gid = *user.gid;
  }
  for (const std::string& text : arguments.All("additional-gids")) {
    const auto group = base::ParseUint64(text);
    if (!group || *group >= UINT32_MAX)
      return base::InvalidArgument("--additional-gids: {} is no group", base::QuoteIfNeeded(text));
    p.identity.groups.push_back(static_cast<uint32_t>(*group));
  }
  return base::Ok();
}

// In the container's group; where that one has no room for processes any more (its program enabled
// controllers below) or is gone, where the container's first process is.
Result<launcher::Pending> Begin(const Record& record, const std::vector<std::string>& wishes,
                                const spec::Process& role, int container,
                                const launcher::FreestandingExec& own) {
  const auto begin = [&](const Joining& joining) -> Result<launcher::Pending> {
    UniqueFd group;
    if (!joining.unified.empty()) {
      ASSIGN_OR_RETURN(group, os::Open(joining.unified, O_PATH | O_DIRECTORY));
    }
    return launcher::BeginExec(role, record.id, container, joining.v1, group.get(), {},
                               {.in = 0, .out = 1, .err = 2}, nullptr, &own);
  };
  ASSIGN_OR_RETURN(const Joining first, PlacesFor(record.pid, record.cgroup, wishes));
  Result<launcher::Pending> pending = begin(first);
  if (pending.ok()) return pending;
  const int code = pending.error().os_errno();
  if (code != EBUSY && code != ENOENT && code != EOPNOTSUPP) return pending;
  if (wishes.empty()) return begin(WhereIs(record.pid, record.cgroup));
  return pending.error().WithContext(fmt::format("error adding pid {} to cgroups", getpid()));
}

Result<Process> ProcessOf(const Arguments& arguments, const Config& config) {
  if (arguments.Has("process")) {
    ASSIGN_OR_RETURN(const std::string text, os::ReadFile(arguments.Get("process")));
    Result<Process> process = ParseProcess(text);
    if (!process.ok()) return process.error().WithContext("--process");
    return process;
  }
  if (!config.process) return base::InvalidArgument("the container has no process to take after");
  Process process = *config.process;
  RETURN_IF_ERROR(Change(arguments, process));
  return process;
}

}  // namespace

namespace {

Outcome Exec(const Global& global, const Arguments& arguments) {
  const Store store(global.root);
  ASSIGN_OR_RETURN(const Record record, store.Read(arguments.rest()[0]));
  const Status status = store.StatusOf(record);
  if (status == Status::kPaused && !arguments.Is("ignore-paused"))
    return base::FailedPrecondition("cannot exec in a paused container");
  if (status != Status::kRunning && status != Status::kCreated && status != Status::kPaused)
    return base::FailedPrecondition("cannot exec in a container that is {}: \"{}\"", NameOf(status),
                                    record.id);
  ASSIGN_OR_RETURN(const std::string text, store.ReadConfig(record.id));
  ASSIGN_OR_RETURN(const Config config, ParseConfig(text));
  ASSIGN_OR_RETURN(Process process, ProcessOf(arguments, config));
  ASSIGN_OR_RETURN(const uint64_t available, CapabilitiesInside(record.user_namespace));
  for (const std::string& warning : LimitCapabilities(process.process.capabilities, available)) {
    if (global.debug) Warn(warning);
  }
  UniqueFd agent;
  if (config.system.seccomp)
    RETURN_IF_ERROR(CompileSeccomp(global.root, config, process.process, agent));
  ASSIGN_OR_RETURN(const int64_t kept, arguments.Number("preserve-fds", 0));
  const bool detach = arguments.Is("detach");
  const std::string console = arguments.Get("console-socket");
  if (process.process.terminal && detach && console.empty())
    return base::InvalidArgument(
        "cannot allocate tty if the process is detached without setting console socket");

  ASSIGN_OR_RETURN(const UniqueFd container, os::OpenPidfd(record.pid));
  if (!IsAlive(record.pid, record.start_time))
    return base::FailedPrecondition("container not running: \"{}\"", record.id);
  spec::Process& role = process.process;
  role.further.kept_descriptors = static_cast<uint32_t>(kept);
  const Result<std::string> groups =
      os::ReadFile(fmt::format("/proc/{}/setgroups", record.pid), 64);
  role.further.root_groups_denied = groups.ok() && base::Trim(*groups) == "deny";
  role.further.personality = config.system.personality;
  role.further.memory_policy = config.system.memory_policy;
  const std::vector<spec::Rlimit> limits = std::move(role.rlimits);
  role.rlimits.clear();
  launcher::FreestandingExec own;
  own.namespaces = OtherNamespaces(record.pid);
  if (agent) own.keep.push_back(agent.get());
  own.gone = [](spec::Process& p, const std::string& more) { p.further.seccomp_state = more; };
  for (int64_t i = 0; i < kept; ++i) own.keep.push_back(3 + static_cast<int>(i));
  if (!process.cpus_at_first.empty())
    RETURN_IF_ERROR(UseProcessors(process.cpus_at_first).WithContext("execCPUAffinity.initial"));
  if (IsDebug()) {
    Debug("nsexec container setup: exec in \"{}\"", record.id);
    cpu_set_t set;
    CPU_ZERO(&set);
    uint64_t mask = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
      for (int cpu = 0; cpu < 64; ++cpu) mask |= CPU_ISSET(cpu, &set) ? uint64_t{1} << cpu : 0;
    }
    Debug("nsexec: affinity: {:#x}", mask);
  }
  own.inside = [&process, &record](spec::Process& p) -> base::Status {
    if (record.own_keyring) RETURN_IF_ERROR(keys::JoinSession(keys::SessionOf(record.id)));
    AddHome(p);
    if (process.cpus_at_last.empty()) {
      if (process.cpus_at_first.empty()) UseAllProcessors();
      return base::Ok();
    }
    return UseProcessors(process.cpus_at_last).WithContext("execCPUAffinity.final");
  };
  ASSIGN_OR_RETURN(launcher::Pending pending,
                   Begin(record, arguments.All("cgroup"), role, container.get(), own));
  const pid_t pid = pending.pid();
  Debug("child process in init(): {}", pid);
  for (const spec::Rlimit& limit : limits) {
    const rlimit64 value{limit.soft, limit.hard};
    if (prlimit64(pid, static_cast<__rlimit_resource>(limit.resource), &value, nullptr) != 0)
      return Error::FromErrno(errno, "rlimits: limit {} to {} and {}", limit.resource, limit.soft,
                              limit.hard);
  }
  ASSIGN_OR_RETURN(const UniqueFd pidfd, os::OpenPidfd(pid));
  launcher::Terminal terminal = pending.TakeTerminal();
  if (terminal.master && process.console_size)
    RETURN_IF_ERROR(SetSize(terminal.master.get(), *process.console_size));
  terminal.peer.reset();
  if (terminal.master && console.empty()) KeepLineEnds(terminal.master.get());
  if (terminal.master && !console.empty())
    RETURN_IF_ERROR(SendConsole(console, terminal.master.get()));
  if (arguments.Has("pidfd-socket"))
    RETURN_IF_ERROR(
        SendPidfd(arguments.Get("pidfd-socket"), pidfd.get()).WithContext("--pidfd-socket"));
  if (arguments.Has("pid-file"))
    RETURN_IF_ERROR(os::WriteFileAtomic(arguments.Get("pid-file"), std::to_string(pid), 0644));
  UniqueFd signals;
  if (!detach) {
    ASSIGN_OR_RETURN(signals, HoldSignals());
  }
  Debug("setns_init: about to exec");
  RETURN_IF_ERROR(pending.Go(ListenerText(config, pid, StateText(record, status, false))));
  if (detach) return 0;
  if (!console.empty()) terminal.master.reset();
  ASSIGN_OR_RETURN(const os::ExitStatus ended,
                   Attend(pid, pidfd.get(), signals, std::move(terminal.master)));
  return ended.code();
}

}  // namespace

Outcome RunExec(const Global& global, const Arguments& arguments) {
  Outcome outcome = Exec(global, arguments);
  if (outcome.ok()) return outcome;
  // Not a code that programs end with: 1 would look like the program's own.
  Complain(outcome.error());
  return 255;
}

}  // namespace keelson::oci
