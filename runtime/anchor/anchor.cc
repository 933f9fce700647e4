// SPDX-License-Identifier: Apache-2.0
// keelson-anchor: the one process of a node that stays. Makes the tiny mount namespace, starts
// monitors in it, starts a dead one anew, is the subreaper that sees every orphan's exact exit, and
// keeps copies of descriptors for whoever comes after a crash.
//   keelson-anchor RUN_DIR STATE_DIR BINARY_DIR       descriptor 3: the listening socket
//   RUN_DIR/anchor.sock
// One thread, no third-party code, nothing that can block on a disk. Losing it loses: copies of
// descriptors and orphans' exact codes; containers and their monitors go on.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>

#include "lib/base/clock.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/kernel/keys/keys.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/event_loop.h"
#include "lib/os/files.h"
#include "lib/os/never_executed.h"
#include "lib/os/process.h"
#include "lib/os/scheduling.h"
#include "runtime/monitor/protocol.h"

namespace keelson::anchor {
namespace {

using base::Error;
using base::Result;
using base::Status;
using monitor::Packet;
using monitor::Type;
using os::UniqueFd;

constexpr int kListener = 3;
constexpr int kMaxQuickDeaths = 5;

struct Orphan {
  pid_t pid = -1;
  uint64_t start_time = 0;
  std::string blob;  // the monitor's own notes on the container
  bool exited = false;
  bool begun = false;  // its program may have run; otherwise it has never been
};

struct Pod {
  monitor::PodSetup setup;
  std::map<std::string, std::vector<UniqueFd>> kept;
  std::map<std::string, Orphan> containers;
  UniqueFd listener;
  UniqueFd connection;
  os::EventLoop::WatchId watch = 0;
  pid_t monitor_pid = -1;
  int64_t started_at = 0;
  int quick_deaths = 0;
  bool ending = false;
};

class Anchor {
 public:
  Anchor(os::EventLoop& loop, UniqueFd monitor_binary, UniqueFd log_binary, UniqueFd init_binary)
      : loop_(loop),
        monitor_binary_(std::move(monitor_binary)),
        log_binary_(std::move(log_binary)),
        init_binary_(std::move(init_binary)) {}

  void OnConnect() {
    Result<UniqueFd> accepted = os::Accept(kListener);
    if (!accepted.ok()) return;
    const Result<os::PeerIdentity> peer = os::GetPeerIdentity(accepted->get());
    if (!peer.ok() || peer->uid != geteuid()) return;
    const int fd = accepted->get();
    clients_[fd] = std::move(accepted).value();
    Result<os::EventLoop::WatchId> watch =
        loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t) { OnClient(fd); });
    if (watch.ok()) client_watches_[fd] = *watch;
  }

  void OnChildren() {
    signalfd_siginfo info;
    while (read(signals_, &info, sizeof info) == sizeof info) {
    }
    while (true) {
      siginfo_t ended{};
      if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || ended.si_pid == 0)
        return;
      const bool never_executed = os::HasNeverExecuted(ended.si_pid);  // a zombie tells
      int status = 0;
      if (waitpid(ended.si_pid, &status, __WALL) > 0) OnExit(ended.si_pid, status, never_executed);
    }
  }
  void set_signals(int fd) { signals_ = fd; }

 private:
  void OnClient(int fd) {
    Result<Packet> packet = monitor::ReceivePacket(fd);
    if (!packet.ok()) {
      if (packet.error().code() == base::Code::kFailedPrecondition)  // of another major version
        (void)monitor::SendPacket(fd, Type::kAnswer, 1, monitor::AnswerError(packet.error()));
      loop_.Unwatch(client_watches_[fd]);
      client_watches_.erase(fd);
      clients_.erase(fd);
      return;
    }
    base::Reader r(packet->payload);
    Result<std::string> answer = std::string();
    bool stop = false;
    switch (packet->type) {
      case Type::kStartMonitor: {
        const monitor::PodSetup setup = monitor::GetPodSetup(r);
        const uint8_t which = r.U8();
        answer = r.ok() ? StartMonitor(setup, which, std::move(packet->fds))
                        : Result<std::string>(base::DataLoss("malformed set-up"));
        break;
      }
      case Type::kHasMonitor: {
        const std::string id = r.String();
        const auto pod = pods_.find(id);
        if (pod == pods_.end()) {
          answer = base::NotFound("no monitor of pod '{}'", id);
        } else if (pod->second.monitor_pid < 0) {
          answer = Spawn(pod->second).ok()
                       ? Result<std::string>(std::string())
                       : Result<std::string>(base::Unavailable("cannot start a monitor"));
        }
        break;
      }
      case Type::kReplaceMonitor:
        answer = ReplaceMonitor(r.String());
        break;
      case Type::kDropPod:
        DropPod(r.String());
        break;
      case Type::kUsePrograms:
        if (packet->fds.size() < 3) {
          answer = base::InvalidArgument("expected the programs of monitor, log and init");
          break;
        }
        monitor_binary_ = std::move(packet->fds[0]);
        log_binary_ = std::move(packet->fds[1]);
        init_binary_ = std::move(packet->fds[2]);
        break;
      case Type::kStopAnchor:
        if (pods_.empty()) {
          stop = true;
        } else {
          answer = base::FailedPrecondition("{} pods still have their monitor", pods_.size());
        }
        break;
      default:
        if (packet->id == 0) return;
        answer = base::Unimplemented("the anchor does not know message {}",
                                     static_cast<uint32_t>(packet->type));
    }
    (void)monitor::SendPacket(
        fd, Type::kAnswer, packet->id,
        answer.ok() ? monitor::AnswerOk(*answer) : monitor::AnswerError(answer.error()));
    if (stop) loop_.Stop();
  }

  Result<std::string> StartMonitor(const monitor::PodSetup& setup, uint8_t which,
                                   std::vector<UniqueFd> fds) {
    if (pods_.contains(setup.sandbox_id)) return std::string();  // a retry
    Pod pod;
    pod.setup = setup;
    static constexpr const char* kNames[] = {"net", "ipc", "uts", "user"};
    size_t next = 0;
    for (int i = 0; i < 4; ++i) {
      if ((which >> i & 1) != 0 && next < fds.size())
        pod.kept[std::string("ns/") + kNames[i]].push_back(std::move(fds[next++]));
    }
    ASSIGN_OR_RETURN(pod.listener, os::ListenUnix(setup.run_dir + "/monitor.sock", SOCK_SEQPACKET));
    const auto [at, added] = pods_.emplace(setup.sandbox_id, std::move(pod));
    if (const Status status = Spawn(at->second); !status.ok()) {
      pods_.erase(at);
      return status.error();
    }
    return std::string();
  }

  Status Spawn(Pod& pod) {
    ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
    base::Writer w;
    monitor::Put(w, pod.setup);
    const std::string setup = w.Take();
    const pid_t pid = fork();
    if (pid < 0) return Error::FromErrno(errno, "fork");
    if (pid == 0) Become(pod, pair.second.get());
    pair.second.reset();
    RETURN_IF_ERROR(monitor::SendPacket(pair.first.get(), Type::kStartMonitor, 0, setup));
    if (pod.connection) loop_.Unwatch(pod.watch);
    pod.connection = std::move(pair.first);
    pod.monitor_pid = pid;
    pod.started_at = base::SystemClock().WallNanos();
    const std::string id = pod.setup.sandbox_id;
    ASSIGN_OR_RETURN(pod.watch, loop_.Watch(pod.connection.get(), EPOLLIN,
                                            [this, id](uint32_t) { OnMonitor(id); }));
    return base::Ok();
  }

  // In the child: the monitor's fixed descriptors are 3 anchor, 4 listener, 5 log program, 6 init
  // program.
  [[noreturn]] void Become(const Pod& pod, int connection) {
    const int from[] = {connection, pod.listener.get(), log_binary_.get(), init_binary_.get(),
                        monitor_binary_.get()};
    int lifted[5];
    for (int i = 0; i < 5; ++i) {
      lifted[i] = fcntl(from[i], F_DUPFD, 64);
      if (lifted[i] < 0) _exit(127);
    }
    for (int i = 0; i < 4; ++i) {
      if (dup2(lifted[i], 3 + i) < 0) _exit(127);
    }
    const int program = fcntl(lifted[4], F_DUPFD_CLOEXEC, 128);
    (void)syscall(SYS_close_range, 7u, static_cast<unsigned>(program) - 1, 0);
    (void)syscall(SYS_close_range, static_cast<unsigned>(program) + 1, ~0u, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    (void)setsid();
    char name[] = "keelson-monitor";
    std::string id = pod.setup.sandbox_id;
    char* argv[] = {name, id.data(), nullptr};
    char* env[] = {const_cast<char*>(base::fail_point::Inherited()), nullptr};
    (void)syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
    _exit(127);
  }

  void OnMonitor(const std::string& id) {
    const auto found = pods_.find(id);
    if (found == pods_.end()) return;
    Pod& pod = found->second;
    Result<Packet> packet = monitor::ReceivePacket(pod.connection.get());
    if (!packet.ok()) {  // its exit follows; the connection is done
      loop_.Unwatch(pod.watch);
      pod.connection.reset();
      return;
    }
    base::Reader r(packet->payload);
    switch (packet->type) {
      case Type::kKeep: {
        const std::string key = r.String();
        if (packet->fds.empty()) {
          pod.kept.erase(key);
        } else {
          pod.kept[key] = std::move(packet->fds);
        }
        return;
      }
      case Type::kRegister: {
        const std::string container = r.String();
        Orphan& entry = pod.containers[container];
        entry.pid = r.I32();
        entry.blob = r.String();
        entry.exited = entry.begun = false;
        entry.start_time = os::StartTimeOf(entry.pid).ValueOr(0);
        break;
      }
      case Type::kBegun:
        if (const auto container = pod.containers.find(r.String());
            container != pod.containers.end())
          container->second.begun = true;
        return;
      case Type::kUnregister: {
        const std::string container = r.String();
        pod.containers.erase(container);
        pod.kept.erase("log/" + container);
        return;
      }
      case Type::kFetch: {
        const std::string key = r.String();
        std::vector<int> fds;
        if (const auto kept = pod.kept.find(key); kept != pod.kept.end()) {
          for (const UniqueFd& fd : kept->second) fds.push_back(fd.get());
        }
        (void)monitor::SendPacket(pod.connection.get(), Type::kAnswer, packet->id,
                                  monitor::AnswerOk(), fds);
        return;
      }
      case Type::kRegistered: {
        base::Writer w;
        w.U32(static_cast<uint32_t>(pod.containers.size()));
        for (const auto& [container, entry] : pod.containers) {
          w.String(container);
          w.I32(entry.pid);
          w.String(entry.blob);
          w.Bool(entry.exited);
        }
        (void)monitor::SendPacket(pod.connection.get(), Type::kAnswer, packet->id,
                                  monitor::AnswerOk(w.bytes()));
        return;
      }
      default:
        return;
    }
    (void)monitor::SendPacket(pod.connection.get(), Type::kAnswer, packet->id, monitor::AnswerOk());
  }

  void OnExit(pid_t pid, int status, bool never_executed) {
    for (auto& [id, pod] : pods_) {
      if (pod.monitor_pid == pid) {
        pod.monitor_pid = -1;
        // What it still had to tell (a container's pid, say) waits in the socket and comes first.
        // No more than waits: a child of its that has not closed its copy yet keeps the end away.
        while (pod.connection) {
          pollfd waiting{pod.connection.get(), POLLIN, 0};
          if (poll(&waiting, 1, 0) > 0) {
            OnMonitor(id);
          } else {
            loop_.Unwatch(pod.watch);
            pod.connection.reset();
          }
        }
        if (pod.ending) return;
        // What waits for a word that will not come ends by itself and was never a container.
        for (auto entry = pod.containers.begin(); entry != pod.containers.end();) {
          if (!entry->second.begun) pod.kept.erase("log/" + entry->first);
          entry = entry->second.begun ? std::next(entry) : pod.containers.erase(entry);
        }
        const bool quick = base::SystemClock().WallNanos() - pod.started_at < 1'000'000'000;
        pod.quick_deaths = quick ? pod.quick_deaths + 1 : 0;
        base::LogWarn("a monitor ended unexpectedly, starting another",
                      {{"pod", id}, {"wait_status", status}});
        // One that cannot even start is left to the daemon, which will hear of it when it asks.
        if (pod.quick_deaths < kMaxQuickDeaths) (void)Spawn(pod);
        return;
      }
      for (auto& [container, entry] : pod.containers) {
        if (entry.pid != pid || entry.exited) continue;
        // Its monitor died between "it begins" and the word to it: it has never been.
        if (never_executed) {
          pod.kept.erase("log/" + container);
          pod.containers.erase(container);
          return;
        }
        entry.exited = true;
        // Its monitor saw the end; a process that ends now only has its number, or is what the
        // monitor did not come to reap.
        if (monitor::ReadExitFile(pod.setup.run_dir, container).ok()) continue;
        const os::ExitStatus exit{status};
        monitor::ExitRecord record;
        record.container_id = container;
        record.exit_code = exit.code();
        record.signal = exit.signal();
        record.finished_at = base::SystemClock().WallNanos();
        if (const Status written = monitor::WriteExitFile(pod.setup.run_dir, record);
            !written.ok()) {
          base::LogError("cannot write an exit record",
                         {{"container", container}, {"error", written.error()}});
        }
        return;
      }
    }
  }

  // Its end brings the next one, which takes the containers over: see OnExit.
  Result<std::string> ReplaceMonitor(const std::string& id) {
    const auto found = pods_.find(id);
    if (found == pods_.end()) return base::NotFound("no monitor of pod '{}'", id);
    Pod& pod = found->second;
    pod.started_at = 0;  // this death says nothing against it
    if (pod.monitor_pid > 0) (void)kill(pod.monitor_pid, SIGKILL);
    return std::string();
  }

  void DropPod(const std::string& id) {
    const auto found = pods_.find(id);
    if (found == pods_.end()) return;
    Pod& pod = found->second;
    if (pod.connection) loop_.Unwatch(pod.watch);
    pod.ending = true;
    if (pod.monitor_pid > 0) (void)kill(pod.monitor_pid, SIGKILL);
    // The pod's first process, when the monitor that knew it as its child is gone.
    if (const auto init = pod.kept.find("ns/pid");
        init != pod.kept.end() && init->second.size() >= 2) {
      (void)os::SignalPidfd(init->second[1].get(), SIGKILL);
    }
    (void)unlink((pod.setup.run_dir + "/monitor.sock").c_str());
    pods_.erase(found);
  }

  os::EventLoop& loop_;
  UniqueFd monitor_binary_, log_binary_, init_binary_;
  int signals_ = -1;
  std::map<int, UniqueFd> clients_;
  std::map<int, os::EventLoop::WatchId> client_watches_;
  std::map<std::string, Pod> pods_;
};

// A tmpfs root with procfs, cgroupfs, the run and the state directory, and nothing else of the
// host.
Status EnterTinyNamespace(const std::string& run_dir, const std::string& state_dir) {
  if (unshare(CLONE_NEWNS) != 0) return Error::FromErrno(errno, "new mount namespace");
  RETURN_IF_ERROR(mount::MakeAllPrivate());
  struct Bind {
    std::string path;
    bool recursive;
    UniqueFd tree;
  };
  std::vector<Bind> binds;
  binds.push_back({"/proc", false, {}});
  binds.push_back({"/sys/fs/cgroup", true, {}});
  binds.push_back({run_dir, false, {}});
  binds.push_back({state_dir, false, {}});
  for (Bind& bind : binds) {
    ASSIGN_OR_RETURN(bind.tree, mount::CloneTree(AT_FDCWD, bind.path, bind.recursive));
  }
  ASSIGN_OR_RETURN(const UniqueFd null_device, mount::CloneTree(AT_FDCWD, "/dev/null", false));
  // Through a descriptor of it nobody shall change the owner or the mode of the machine's device.
  RETURN_IF_ERROR(mount::SetAttributes(null_device.get(), MOUNT_ATTR_RDONLY, 0, 0, false));
  const std::string root = run_dir + "/anchor-root";
  RETURN_IF_ERROR(os::MakeDir(root, 0700));
  ASSIGN_OR_RETURN(const UniqueFd tmpfs,
                   mount::NewFilesystem("tmpfs", {{"mode", "755"}, {"size", "1m"}}, 0));
  ASSIGN_OR_RETURN(const UniqueFd place, os::Open(root, O_PATH | O_DIRECTORY));
  RETURN_IF_ERROR(mount::Attach(tmpfs.get(), place.get()));
  for (const Bind& bind : binds) {
    RETURN_IF_ERROR(os::MakeDirs(root + bind.path, 0755));
    ASSIGN_OR_RETURN(const UniqueFd target, os::Open(root + bind.path, O_PATH | O_DIRECTORY));
    RETURN_IF_ERROR(mount::Attach(bind.tree.get(), target.get()).WithContext(bind.path));
  }
  for (const char* folder : {"/dev", "/stage", "/shm"})
    RETURN_IF_ERROR(os::MakeDirs(root + folder, 0755));
  RETURN_IF_ERROR(os::WriteFileAtomic(root + "/dev/null", "", 0600));
  ASSIGN_OR_RETURN(const UniqueFd null_target, os::Open(root + "/dev/null", O_PATH));
  RETURN_IF_ERROR(mount::Attach(null_device.get(), null_target.get()).WithContext("/dev/null"));
  if (chdir(root.c_str()) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
      umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) {
    return Error::FromErrno(errno, "leave the host's tree");
  }
  return base::Ok();
}

Status Run(const std::string& run_dir, const std::string& state_dir,
           const std::string& binary_dir) {
  ASSIGN_OR_RETURN(UniqueFd monitor_binary, mount::OpenReadOnly(binary_dir + "/keelson-monitor"));
  ASSIGN_OR_RETURN(UniqueFd log_binary, mount::OpenReadOnly(binary_dir + "/keelson-log"));
  ASSIGN_OR_RETURN(UniqueFd init_binary, mount::OpenReadOnly(binary_dir + "/keelson-init"));
  RETURN_IF_ERROR(
      EnterTinyNamespace(run_dir, state_dir).WithContext("make the anchor's mount namespace"));
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    return Error::FromErrno(errno, "become subreaper");
  // Nothing that it starts finds the keys of who started it.
  RETURN_IF_ERROR(keys::JoinFreshSession());
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  const UniqueFd signals(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::FromErrno(errno, "signalfd");
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  Anchor anchor(*loop, std::move(monitor_binary), std::move(log_binary), std::move(init_binary));
  anchor.set_signals(signals.get());
  ASSIGN_OR_RETURN([[maybe_unused]] const auto watch_1,
                   loop->Watch(kListener, EPOLLIN, [&](uint32_t) { anchor.OnConnect(); }));
  ASSIGN_OR_RETURN([[maybe_unused]] const auto watch_2,
                   loop->Watch(signals.get(), EPOLLIN, [&](uint32_t) { anchor.OnChildren(); }));
  loop->Run();
  (void)unlink((run_dir + "/anchor.sock").c_str());
  return base::Ok();
}

}  // namespace
}  // namespace keelson::anchor

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  (void)signal(SIGPIPE, SIG_IGN);
  keelson::os::AskForShortSlices();  // monitors and log processes inherit it, containers do not
  const keelson::base::Status status = keelson::anchor::Run(argv[1], argv[2], argv[3]);
  if (!status.ok()) {
    keelson::base::LogError("the anchor cannot go on", {{"error", status.error()}});
    return 1;
  }
  return 0;
}
