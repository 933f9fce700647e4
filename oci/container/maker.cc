// SPDX-License-Identifier: Apache-2.0
#include "oci/container/maker.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "lib/base/clock.h"
#include "lib/base/rfc3339.h"
#include "lib/kernel/keys/keys.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/socket.h"
#include "oci/container/console.h"
#include "oci/container/group.h"
#include "oci/container/hooks.h"
#include "oci/container/inside.h"
#include "oci/container/links.h"
#include "oci/container/namespaces.h"
#include "oci/container/notify.h"
#include "oci/container/owners.h"
#include "oci/container/seccomp.h"
#include "oci/log/log.h"
#include "oci/plan/plan.h"
#include "runtime/launcher/become.h"
#include "runtime/launcher/launcher.h"
#include "runtime/launcher/sync.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using os::UniqueFd;

namespace {

using Outcome = base::Status;

constexpr int kPatienceMs = 20'000;

Result<std::string> RealPath(const std::string& path, const char* what) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr)
    return Error::FromErrno(errno, "{} '{}'", what, path);
  return std::string(resolved);
}

std::string SocketPath(const UniqueFd& folder) {
  return "/proc/self/fd/" + std::to_string(folder.get()) + "/" + kStartSocket;
}

std::string OwnerName() {
  const uid_t uid = geteuid();
  return uid == 0 ? "root" : std::to_string(uid);
}

// One making of a container, from the claim of its name on.
class Maker {
 public:
  Maker(const Store& store, const MakeOptions& options) : store_(store), options_(options) {}
  ~Maker() {
    if (done_) return;
    Kill();
    (void)RemoveGroup(made_group_.place);
    if (claimed_) (void)store_.Remove(options_.id);
  }
  Maker(const Maker&) = delete;
  Maker& operator=(const Maker&) = delete;

  Result<Made> Run() {
    RETURN_IF_ERROR(CheckId(options_.id));
    RETURN_IF_ERROR(ReadBundle());
    RETURN_IF_ERROR(store_.Claim(options_.id));
    claimed_ = true;
    ASSIGN_OR_RETURN(const UniqueFd lock, store_.Lock(options_.id));
    RETURN_IF_ERROR(store_.KeepConfig(options_.id, text_));
    if (notifies_) RETURN_IF_ERROR(MakeNotifyFolder(store_.FolderOf(options_.id)));
    RETURN_IF_ERROR(Begin());
    done_ = true;
    return std::move(made_);
  }

 private:
  Outcome ReadBundle() {
    ASSIGN_OR_RETURN(const std::string bundle, RealPath(options_.bundle, "bundle"));
    const bool absolute = options_.config.starts_with('/');
    ASSIGN_OR_RETURN(text_,
                     os::ReadFile(absolute ? options_.config : bundle + "/" + options_.config));
    Result<Config> config = ParseConfig(text_);
    if (!config.ok()) return config.error().WithContext(options_.config);
    made_.config = std::move(config).value();
    notifies_ = AddNotify(store_.FolderOf(options_.id), made_.config);
    const Config& read = made_.config;
    const std::string root = read.root.starts_with('/') ? read.root : bundle + "/" + read.root;
    ASSIGN_OR_RETURN(const std::string real_root, RealPath(root, "root.path"));
    struct stat st{};
    if (stat(real_root.c_str(), &st) != 0 || !S_ISDIR(st.st_mode))
      return base::InvalidArgument("config.json: root.path '{}' is no directory", root);
    if (real_root == "/")
      return base::InvalidArgument("config.json: root.path is the host's own root");
    const bool terminal = read.process && read.process->process.terminal;
    if (terminal && options_.console_socket.empty() && !options_.takes_terminal) {
      return base::InvalidArgument(
          "cannot allocate tty if the container is detached without setting console socket");
    }
    if (!terminal && !options_.console_socket.empty()) {
      return base::InvalidArgument(
          "cannot use console socket if config.json does not ask for a terminal");
    }
    ASSIGN_OR_RETURN(spec_, ToSpec(read, {options_.id, bundle, real_root}));
    spec_.process.further.kept_descriptors = options_.kept_descriptors;
    spec_.process.further.exact_oom_score =
        read.process && read.process->oom_score_adj && !options_.forgiving;
    spec_.process.further.keep_oom_score = !read.process || !read.process->oom_score_adj;
    if (options_.listening > 0) {
      spec_.process.env.push_back(fmt::format("LISTEN_FDS={}", options_.listening));
      spec_.process.env.emplace_back("LISTEN_PID=1");
    }
    limits_ = std::move(spec_.process.rlimits);
    spec_.process.rlimits.clear();
    if (read.system.seccomp)
      RETURN_IF_ERROR(CompileSeccomp(store_.root(), read, spec_.process, agent_));
    record_.version = read.version;
    record_.id = options_.id;
    record_.bundle = bundle;
    record_.rootfs = real_root;
    record_.annotations = read.annotations;
    record_.owner = OwnerName();
    record_.own_keyring = !options_.no_new_keyring;
    record_.own_pids = read.HasNew("pid");
    record_.user_namespace = read.FindNamespace("user") != nullptr;
    made_.warnings = read.warnings;
    ASSIGN_OR_RETURN(const uint64_t available, CapabilitiesInside(record_.user_namespace));
    for (std::string& warning : LimitCapabilities(spec_.process.capabilities, available))
      made_.warnings.push_back(std::move(warning));
    return base::Ok();
  }

  Outcome Begin() {
    const Config& config = made_.config;
    ASSIGN_OR_RETURN(namespaces_, Namespaces::Open(config));
    GroupWish wish{options_.id, options_.systemd, options_.no_cgroup, options_.forgiving};
    ASSIGN_OR_RETURN(made_group_, MakeGroup(config, wish));
    if (!made_group_.place.path.empty()) {
      ASSIGN_OR_RETURN(const cgroup::Group group, OpenGroup(made_group_.place.path));
      spec_.cgroup_paths = group.V1Directories();
      spec_.unified_cgroup = group.UnifiedDirectory();
    }
    record_.cgroup = made_group_.place.path;
    record_.scope = made_group_.place.scope;
    ASSIGN_OR_RETURN(folder_, os::Open(store_.FolderOf(options_.id), O_PATH | O_DIRECTORY));
    ASSIGN_OR_RETURN(waiting_, os::ListenUnix(SocketPath(folder_), SOCK_SEQPACKET));
    ASSIGN_OR_RETURN(owners_, MakeOwners(config, spec_));
    RETURN_IF_ERROR(OpenSources());
    if (!config.system.sysctl.empty()) {
      ASSIGN_OR_RETURN(sys_, os::Open("/proc/sys", O_PATH | O_DIRECTORY));
    }
    return Launch();
  }

  // From inside a new user namespace the host's folders may be out of reach.
  Outcome OpenSources() {
    if (!namespaces_.fresh_user() || geteuid() != 0) return base::Ok();
    for (spec::Mount& mount : spec_.mounts) {
      if (mount.kind != spec::Mount::Kind::kBind || InRoot(mount)) continue;
      Result<UniqueFd> tree =
          mount::CloneTree(AT_FDCWD, mount.further.source, mount.further.recursive);
      if (!tree.ok()) continue;  // of a user namespace ourselves: the first stage does it
      mount.source_fd = static_cast<uint32_t>(sources_.size());
      mount.further.source.clear();
      if (mount.further.owners >= 0) {
        RETURN_IF_ERROR(
            mount::MapOwners(tree->get(), mount.further.owners, mount.further.owners_below)
                .WithContext("mount '" + mount.destination + "'"));
        mount.further.owners = -1;
      }
      sources_.push_back(std::move(tree).value());
    }
    return base::Ok();
  }

  // What an earlier mount of the container's puts there is meant.
  bool InRoot(const spec::Mount& mount) const {
    return mount.further.source.starts_with(spec_.root_path + "/");
  }

  std::string StateFor(Status status, pid_t pid) const {
    Record record = record_;
    record.pid = pid;
    return StateText(record, status, false);
  }

  launcher::Freestanding Steps() {
    const Config& config = made_.config;
    const Hooks& hooks = config.hooks;
    launcher::Freestanding steps;
    steps.keep = namespaces_.descriptors();
    for (const int fd : {waiting_.get(), sys_.get(), agent_.get()}) {
      if (fd >= 0) steps.keep.push_back(fd);
    }
    for (const UniqueFd& fd : owners_) steps.keep.push_back(fd.get());
    for (uint32_t i = 0; i < options_.kept_descriptors; ++i)
      steps.keep.push_back(3 + static_cast<int>(i));
    steps.own_user_namespace = namespaces_.has_user();
    // A procfs is only to be had while another one can be seen, where the rights are a user
    // namespace's; and what the host has of cgroups is shown from there.
    steps.late_pivot = namespaces_.has_user() || options_.forgiving ||
                       !spec_.own_cgroup_namespace ||
                       std::any_of(spec_.mounts.begin(), spec_.mounts.end(),
                                   [this](const spec::Mount& mount) { return InRoot(mount); });
    steps.enter = [this](const std::function<Outcome()>& ask) -> Outcome {
      ASSIGN_OR_RETURN(
          spec_.process.further.root_groups_denied,
          namespaces_.Enter(ask, spec_.root_path, made_.config.system.root_propagation));
      return base::Ok();
    };
    steps.asked = [this](pid_t stage) { return namespaces_.MapUsers(stage); };
    if (!hooks.prestart.empty() || !hooks.create_runtime.empty()) {
      steps.made = [this, &hooks](pid_t pid) -> Outcome {
        // As other runtimes tell it: prestart hooks were those of `start` once.
        RETURN_IF_ERROR(RunHooks("prestart", hooks.prestart, StateFor(Status::kCreated, pid)));
        return RunHooks("createRuntime", hooks.create_runtime, StateFor(Status::kCreating, pid));
      };
    }
    if (!hooks.create_container.empty()) {
      steps.before_pivot = [this, &hooks]() -> Outcome {
        // Callers know it so from runc.
        if (chdir(spec_.root_path.c_str()) != 0)
          return Error::FromErrno(errno, "enter '{}'", spec_.root_path);
        return RunHooks("createContainer", hooks.create_container,
                        StateFor(Status::kCreating, getpid()));
      };
    }
    steps.inside = [this]() -> Outcome {
      if (record_.own_keyring) RETURN_IF_ERROR(keys::JoinSession(keys::SessionOf(options_.id)));
      RETURN_IF_ERROR(SetNames(made_.config));
      RETURN_IF_ERROR(SetSysctls(made_.config, sys_.get()));
      UseAllProcessors();
      // A bundle without a process can be made; it cannot be started.
      if (!made_.config.process) return base::Ok();
      AddHome(spec_.process);
      return launcher::FindProgram(spec_.process);
    };
    steps.await_start = [this]() -> Result<UniqueFd> {
      ASSIGN_OR_RETURN(UniqueFd starter, os::Accept(waiting_.get()));
      waiting_.reset();
      RETURN_IF_ERROR(launcher::WaitForGo(starter.get(), &spec_.process.further.seccomp_state));
      return starter;
    };
    steps.before_execve = [this, &hooks]() -> Outcome {
      std::vector<Hook> own = hooks.start_container;
      for (Hook& hook : own) {
        if (!hook.env || hook.env->empty()) hook.env = spec_.process.env;
      }
      return RunHooks("startContainer", own, StateFor(Status::kCreated, getpid()));
    };
    return steps;
  }

  Outcome Launch() {
    const launcher::Freestanding steps = Steps();
    launcher::PodContext context;
    context.staging_path = spec_.root_path;
    context.freestanding = &steps;
    std::vector<int> fds;
    for (const UniqueFd& source : sources_) fds.push_back(source.get());
    Debug("nsexec container setup: \"{}\"", options_.id);
    Result<launcher::Pending> pending =
        launcher::BeginStart(spec_, context, fds, {.in = 0, .out = 1, .err = 2});
    if (!pending.ok()) return pending.error();
    pid_ = pending->pid();
    Debug("child process in init(): {}", pid_);
    ASSIGN_OR_RETURN(record_.start_time, os::StartTimeOf(pid_));
    Outcome ready = MoveLinks(made_.config.system.net_devices, pid_);
    if (ready.ok()) ready = pending->Go();
    if (!ready.ok()) {
      // Whatever a hook has made is told of the end.
      Kill();
      RunPoststop();
      return ready;
    }
    Debug("init: closing the pipe to signal completion: process {} waits for start", pid_);
    RETURN_IF_ERROR(LimitToOne(made_group_.place, made_.config));
    RETURN_IF_ERROR(SetLimits());
    RETURN_IF_ERROR(HandOverTerminal(pending->TakeTerminal()));
    record_.pid = pid_;
    record_.created = base::FormatRfc3339(base::SystemClock().WallNanos(), 9);
    RETURN_IF_ERROR(store_.Write(record_));
    if (!options_.pid_file.empty())
      RETURN_IF_ERROR(os::WriteFileAtomic(options_.pid_file, std::to_string(pid_), 0644));
    made_.pidfd = pending->TakePidfd();
    if (!options_.pidfd_socket.empty())
      RETURN_IF_ERROR(
          SendPidfd(options_.pidfd_socket, made_.pidfd.get()).WithContext("--pidfd-socket"));
    made_.record = record_;
    return base::Ok();
  }

  // From outside: limits on the way in would be limits of the making, and inside a user namespace
  // none may be raised.
  Outcome SetLimits() {
    for (const spec::Rlimit& limit : limits_) {
      const rlimit64 value{limit.soft, limit.hard};
      if (prlimit64(pid_, static_cast<__rlimit_resource>(limit.resource), &value, nullptr) != 0)
        return Error::FromErrno(errno, "process.rlimits: limit {} to {} and {}", limit.resource,
                                limit.soft, limit.hard);
    }
    return base::Ok();
  }

  Outcome HandOverTerminal(launcher::Terminal terminal) {
    if (!terminal.master) return base::Ok();
    if (const auto size = made_.config.process->console_size)
      RETURN_IF_ERROR(SetSize(terminal.master.get(), *size));
    if (!options_.console_socket.empty())
      return SendConsole(options_.console_socket, terminal.master.get())
          .WithContext("--console-socket");
    made_.terminal = std::move(terminal.master);
    return base::Ok();
  }

  void RunPoststop() {
    const Outcome status =
        RunHooks("poststop", made_.config.hooks.poststop, StateFor(Status::kStopped, 0));
    (void)status;  // the start's own error is told
  }

  void Kill() {
    if (pid_ <= 0) return;
    (void)kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  const Store& store_;
  const MakeOptions& options_;
  std::string text_;
  spec::ContainerSpec spec_;
  std::vector<spec::Rlimit> limits_;
  Namespaces namespaces_;
  MadeGroup made_group_;
  std::vector<UniqueFd> sources_, owners_;
  UniqueFd folder_, waiting_, sys_, agent_;
  Record record_;
  Made made_;
  pid_t pid_ = -1;
  bool notifies_ = false;
  bool claimed_ = false;
  bool done_ = false;
};

}  // namespace

Result<Made> Create(const Store& store, const MakeOptions& options) {
  return Maker(store, options).Run();
}

base::Status Start(const Store& store, const Record& record) {
  const Status status = store.StatusOf(record);
  if (status != Status::kCreated) {
    return base::FailedPrecondition("cannot start a container that is {}: \"{}\"", NameOf(status),
                                    record.id);
  }
  ASSIGN_OR_RETURN(const std::string text, store.ReadConfig(record.id));
  ASSIGN_OR_RETURN(const Config config, ParseConfig(text));
  if (!config.process)
    return base::FailedPrecondition("cannot start a container without process: \"{}\"", record.id);
  ASSIGN_OR_RETURN(const UniqueFd folder,
                   os::Open(store.FolderOf(record.id), O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd socket, os::ConnectUnix(SocketPath(folder), SOCK_SEQPACKET));
  RETURN_IF_ERROR(launcher::SendGo(
      socket.get(), ListenerText(config, record.pid, StateText(record, status, false))));
  const base::Status ran = launcher::WaitForExec(socket.get());
  RETURN_IF_ERROR(os::RemoveFile(store.FolderOf(record.id) + "/" + kStartSocket));
  RETURN_IF_ERROR(ran);
  const base::Status hooks =
      RunHooks("poststart", config.hooks.poststart, StateText(record, Status::kRunning, false));
  // runtime-spec 1.3: the container is stopped.
  if (!hooks.ok()) (void)kill(record.pid, SIGKILL);
  return hooks;
}

base::Status Destroy(const Store& store, const Record& record, std::string& warnings) {
  if (IsAlive(record.pid, record.start_time)) {
    ASSIGN_OR_RETURN(const UniqueFd pidfd, os::OpenPidfd(record.pid));
    if (IsAlive(record.pid, record.start_time)) {
      (void)os::SignalPidfd(pidfd.get(), SIGKILL);
      if (record.cgroup.empty()) {
        pollfd ended{pidfd.get(), POLLIN, 0};
        (void)poll(&ended, 1, kPatienceMs);
      }
    }
  }
  // Also what shared the host's PIDs.
  RETURN_IF_ERROR(RemoveGroup({record.cgroup, record.scope, ""}).WithContext("cgroup"));
  if (const Result<std::string> text = store.ReadConfig(record.id); text.ok()) {
    if (const Result<Config> config = ParseConfig(*text); config.ok()) {
      for (const Hook& hook : config->hooks.poststop) {
        const base::Status status =
            RunHooks("poststop", {hook}, StateText(record, Status::kStopped, false));
        if (!status.ok()) warnings += status.error().message() + "\n";
      }
    }
  }
  return store.Remove(record.id);
}

}  // namespace keelson::oci
