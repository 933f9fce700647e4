// SPDX-License-Identifier: Apache-2.0
// One call of another OCI runtime's program: a child like any other, with a deadline. The monitor
// goes on meanwhile.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/scheduling.h"
#include "lib/os/signals.h"
#include "lib/os/socket.h"
#include "runtime/launcher/sync.h"
#include "runtime/monitor/other.h"
#include "runtime/oci/program_log.h"
#include "runtime/oci/room.h"

namespace keelson::monitor {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

constexpr std::chrono::seconds kProgramPatience{60};

Status SetUpStreams(const launcher::Streams& streams) {
  const int wanted[3] = {streams.in, streams.out, streams.err};
  ASSIGN_OR_RETURN(const UniqueFd null_device, os::Open("/dev/null", O_RDWR));
  for (int i = 0; i < 3; ++i) {
    if (dup2(wanted[i] >= 0 ? wanted[i] : null_device.get(), i) < 0)
      return Error::FromErrno(errno, "set up stream {}", i);
  }
  return base::Ok();
}

[[noreturn]] void Leave(int errors, const Error& error) {
  launcher::SendError(errors, error);
  _exit(126);
}

}  // namespace

// In the child.
Status Monitor::EnterRoom(const Command& command) const {
  oci::RoomInputs inputs;
  inputs.root.shm_path = "/shm";
  inputs.root.staging = "/stage";
  inputs.root.user = user_.get();
  inputs.root.users = setup_.users;
  inputs.host_mounts = host_mounts_.get();
  inputs.program = command.argv[0];
  inputs.run_dir = setup_.run_dir.substr(0, setup_.run_dir.rfind("/pods/"));
  inputs.network = net_.get();
  inputs.ipc = ipc_.get();
  inputs.uts = uts_.get();
  inputs.pid = pod_pid_.get();
  if (command.start == nullptr) return oci::EnterRoom(nullptr, inputs);
  if (command.start->target) inputs.pid = command.start->target.get();
  for (const UniqueFd& fd : command.start->volumes) inputs.root.volume_fds.push_back(fd.get());
  return oci::EnterRoom(&command.start->spec, inputs);
}

Status Monitor::Begin(Command command, CommandDone done) {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  clone_args args{};
  UniqueFd group;
  if (!command.group.empty()) {
    ASSIGN_OR_RETURN(group, os::Open(command.group, O_PATH | O_DIRECTORY));
    args.cgroup = static_cast<uint64_t>(group.get());
  }
  args.flags = CLONE_NEWNS | (group ? CLONE_INTO_CGROUP : 0);
  args.exit_signal = SIGCHLD;
  const pid_t pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (pid < 0) return Error::FromErrno(errno, "clone a child for '{}'", command.argv[0]);
  if (pid == 0) {
    const int errors = pair.second.get();
    os::ResetSignals();
    if (command.dies_with_us) (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    Status ready = SetUpStreams(command.streams);
    if (ready.ok()) ready = EnterRoom(command);
    if (!ready.ok()) Leave(errors, ready.error());
    os::UseOrdinarySlices();
    (void)syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    std::vector<char*> argv;
    for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char* env[] = {path, nullptr};
    execve(argv[0], argv.data(), env);
    Leave(errors, Error::FromErrno(errno, "run '{}'", command.argv[0]));
  }
  command.errors = std::move(pair.first);
  command.done = std::move(done);
  command.timer = loop_.After(kProgramPatience, [this, pid] {
    const auto found = commands_.find(pid);
    if (found == commands_.end()) return;
    found->second->timer = 0;
    found->second->late = true;
    (void)kill(pid, SIGKILL);
  });
  commands_[pid] = std::make_unique<Command>(std::move(command));
  return base::Ok();
}

void Monitor::OnCommandEnd(pid_t pid, os::ExitStatus status) {
  const std::unique_ptr<Command> command = std::move(commands_[pid]);
  commands_.erase(pid);
  if (command->timer != 0) loop_.CancelTimer(command->timer);
  Status result = launcher::WaitForExec(command->errors.get());
  if (result.ok() && status.code() != 0) {
    const std::string said =
        command->log.empty()
            ? ""
            : oci::ErrorIn(os::ReadFile(command->log, size_t{1} << 20).ValueOr(""));
    const std::string& program = command->argv[0];
    if (command->late) {
      result =
          base::DeadlineExceeded("'{}' did not end within {} s", program, kProgramPatience.count());
    } else if (!said.empty()) {
      result = base::Internal("{}: {}", program.substr(program.find_last_of('/') + 1), said);
    } else {
      result = base::Internal("'{}' ended with {} and said nothing", program, status.code());
    }
  }
  if (!command->log.empty()) (void)unlink(command->log.c_str());
  command->done(result);
  if (commands_.empty()) strays_.clear();
}

Monitor::Command Monitor::CommandFor(const Container& container, std::vector<std::string> words) {
  Command command;
  command.argv = {container.program};
  command.argv.insert(command.argv.end(), container.arguments.begin(), container.arguments.end());
  command.argv.insert(command.argv.end(), {"--root", container.state_root});
  // What only cleans up may outlive us and the pod's directory.
  command.dies_with_us = words[0] != "delete" && words[0] != "kill";
  if (command.dies_with_us) {
    command.log = fmt::format("{}/o{}.log", setup_.run_dir, next_command_++);
    command.argv.insert(command.argv.end(), {"--log", command.log, "--log-format", "json"});
  }
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  return command;
}

// A folder of its name, or files whose names begin with it (runsc).
bool Monitor::IsKnownToProgram(const Container& container) {
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(container.state_root);
  if (!entries.ok()) return false;
  return std::ranges::any_of(*entries, [&container](const os::DirEntry& entry) {
    return entry.name.starts_with(container.state.id);
  });
}

void Monitor::DeleteOther(const Container& container) {
  if (container.program.empty() || starting_.contains(container.state.id)) return;
  if (!IsKnownToProgram(container)) return;
  (void)Begin(CommandFor(container, {"delete", "--force", container.state.id}),
              [](const Status&) {});
}

bool Monitor::SignalOther(int client, uint64_t question, const std::string& id, int signal) {
  const auto found = containers_.find(id);
  if (found == containers_.end() || found->second.program.empty() ||
      found->second.state.phase != ContainerPhase::kRunning)
    return false;
  // Its process may stand for a whole sandbox: the program knows who is meant.
  const Status begun = Begin(
      CommandFor(found->second, {"kill", id, std::to_string(signal)}),
      [this, client, question, id, signal](const Status& status) {
        const Status sent = status.ok() ? status : Signal(id, signal);
        Answer(client, question,
               sent.ok() ? Result<std::string>(std::string()) : Result<std::string>(sent.error()));
      });
  return begun.ok();
}

Result<Console> Console::Open(const std::string& path) {
  Console console;
  console.path = path;
  ASSIGN_OR_RETURN(console.listener, os::ListenUnix(path, SOCK_STREAM));
  return console;
}

Console::~Console() {
  if (!path.empty() && listener) (void)unlink(path.c_str());
}

Result<launcher::Terminal> Console::Take() {
  (void)fcntl(listener.get(), F_SETFL, O_NONBLOCK);
  Result<UniqueFd> connection = os::Accept(listener.get());
  if (!connection.ok()) return base::Internal("the program sent no terminal");
  (void)fcntl(connection->get(), F_SETFL, O_NONBLOCK);
  ASSIGN_OR_RETURN(os::Message message, os::ReceiveMessage(connection->get()));
  if (message.fds.size() != 1) return base::Internal("the program sent no terminal");
  launcher::Terminal terminal;
  terminal.master = std::move(message.fds[0]);
  terminal.peer.reset(ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  // Of the room's own devpts, which went with it (runsc): the sandbox holds the peer to its end.
  if (!terminal.peer && errno == ENODEV) {
    ASSIGN_OR_RETURN(terminal.peer, os::Duplicate(terminal.master.get()));
  }
  if (!terminal.peer) return Error::FromErrno(errno, "open the terminal's peer");
  const winsize size{24, 80, 0, 0};
  if (ioctl(terminal.master.get(), TIOCSWINSZ, &size) != 0)
    return Error::FromErrno(errno, "set the terminal's size");
  return terminal;
}

Result<pid_t> ReadPidFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, 64));
  const std::optional<uint64_t> pid = base::ParseUint64(base::Trim(text));
  if (!pid || *pid == 0) return base::DataLoss("the program wrote '{}' as a pid", text);
  return static_cast<pid_t>(*pid);
}

int32_t LowestOomScore() {
  constexpr int kSysResource = 24;
  const std::string status = os::ReadFile("/proc/self/status", 65536).ValueOr("");
  const size_t at = status.find("CapEff:\t");
  const uint64_t capabilities =
      at == std::string::npos ? 0 : strtoull(status.c_str() + at + 8, nullptr, 16);
  if ((capabilities >> kSysResource & 1) != 0) return -1000;
  return atoi(os::ReadFile("/proc/self/oom_score_adj", 64).ValueOr("0").c_str());
}

}  // namespace keelson::monitor
