// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the anchor and of one pod's monitor. Thread-safe; calls block up to their
// deadline (AnchorOptions), so they are made from worker threads. Events arrive on an internal
// reader thread or the loop given; handlers must not block. Protocol and versions:
// runtime/monitor/protocol.h.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/spec/container_spec.h"

namespace keelson::monitor {

struct ExitRecord {
  std::string container_id;
  int32_t exit_code =
      0;  // as a shell says it: 128 + signal when killed; 255 with `lost` when it cannot be known
  int32_t signal = 0;
  bool oom_killed = false;
  bool lost = false;
  int64_t finished_at = 0;  // wall nanoseconds
};

// Where the time went inside the monitor: names are literals.
using StageTimes = std::vector<std::pair<const char*, std::chrono::nanoseconds>>;

struct StartedContainer {
  pid_t pid = -1;
  int64_t started_at = 0;
  StageTimes stages{};
};

enum class ContainerPhase : uint8_t { kUnknown, kStarting, kRunning, kExited };
struct ContainerState {
  std::string id;
  ContainerPhase phase = ContainerPhase::kUnknown;
  StartedContainer started;
  std::optional<ExitRecord> exit;
};

// Descriptors the daemon hands over for a pod. Invalid ones mean: the host's.
struct PodNamespaces {
  os::UniqueFd net;
  os::UniqueFd ipc;
  os::UniqueFd uts;
  os::UniqueFd user;
};

struct PodSetup {
  std::string sandbox_id;
  std::string run_dir;     // <run>/pods/<sandbox id>, made by the daemon, on tmpfs
  std::string log_cgroup;  // where keelson-log is put (charged to the pod): directories, one per
                           // hierarchy, '\n' separated
  uint64_t shm_bytes = 64u << 20;
  spec::UserMapping users;  // of the pod's user namespace, when it has one
  bool share_process_namespace =
      false;  // the monitor runs keelson-init as PID 1 of a PID namespace for the pod
};

struct ExecRequest {
  std::string container_id;
  spec::Process process;
  std::chrono::milliseconds timeout{0};  // 0: none
  // Standard streams of the new process; invalid: /dev/null.
  os::UniqueFd in;
  os::UniqueFd out;
  os::UniqueFd err;
  std::stop_token stop{};  // Exec: ends it, and everything that it started
  // Exec: called on the caller's thread while it runs; returns when the descriptor is readable,
  // which it is once there is an answer, or when its patience is over.
  std::function<void(int answered, std::optional<std::chrono::milliseconds> patience)> meanwhile{};
};
struct ExecResult {
  int32_t exit_code = 0;
  bool timed_out = false;
  StageTimes stages{};
};

// The ends of pipes that the log process is to use; of a container with a terminal `out` is a
// socket, for both directions.
struct AttachRequest {
  std::string container_id;
  bool terminal = false;
  os::UniqueFd in;
  os::UniqueFd out;
  os::UniqueFd err;
};
// How a command ended, or the container that somebody is attached to; `error` instead of a code
// when that is not known, or when it was not the process that ended.
struct SessionEnd {
  int32_t exit_code = 0;
  std::string error;
};
// A command or an attachment whose streams are its caller's. Destroying it ends it: a command is
// killed with all that it has started. Any thread.
class LiveSession {
 public:
  virtual ~LiveSession() = default;
  // The terminal's master when there is one. An attachment's is for its size only: the log process
  // reads it.
  os::UniqueFd terminal;
};

class MonitorClient {
 public:
  using ExitHandler = std::function<void(const ExitRecord&)>;
  // Called once when the connection ends for any reason but Shutdown().
  using LostHandler = std::function<void()>;
  virtual ~MonitorClient() = default;

  virtual base::Result<std::vector<ContainerState>> ListContainers() = 0;
  // `fds`: sources of spec.mounts by index. `log_dir` may be invalid. A container that could not be
  // started is an error whose message names stage, object and the kernel's answer; nothing of it is
  // left.
  virtual base::Result<StartedContainer> Start(const spec::ContainerSpec& spec,
                                               std::vector<os::UniqueFd> fds,
                                               os::UniqueFd log_dir) = 0;
  virtual base::Status Signal(const std::string& container_id, int signal) = 0;
  virtual base::Status KillAll(
      const std::string& container_id) = 0;  // every process of its cgroup, SIGKILL
  // Blocks until the process has ended or was killed at its timeout; grandchildren that hold the
  // streams don't matter.
  virtual base::Result<ExecResult> Exec(ExecRequest request) = 0;
  // Called once for every session that was opened, on some thread, also after it was destroyed;
  // must not block.
  using EndHandler = std::function<void(const SessionEnd&)>;
  // Returns when the program runs. With process.terminal the streams are not used.
  virtual base::Result<std::unique_ptr<LiveSession>> OpenExec(ExecRequest request,
                                                              EndHandler ended) = 0;
  // Output from now on. A client that does not read loses its session, nothing else waits for it.
  virtual base::Result<std::unique_ptr<LiveSession>> Attach(AttachRequest request,
                                                            EndHandler ended) = 0;
  // Opens the name anew in the directory given at start; the old file is not touched. The answer
  // comes when it is done.
  virtual base::Status ReopenLog(const std::string& container_id) = 0;
  virtual base::Status Forget(
      const std::string& container_id) = 0;  // an exited container: its record and log go
  virtual base::Status Shutdown() = 0;  // kills what is left, ends log process and monitor; the
                                        // anchor drops the pod's keys
};

class Anchor {
 public:
  virtual ~Anchor() = default;
  // A new monitor with its log process; connected and ready. Retried for the same sandbox it
  // replaces nothing that runs.
  virtual base::Result<std::unique_ptr<MonitorClient>> StartMonitor(
      const PodSetup& setup, const PodNamespaces& namespaces, MonitorClient::ExitHandler on_exit,
      MonitorClient::LostHandler on_lost) = 0;
  // After a restart of the daemon: connects to the pod's living monitor, or, when it has died,
  // starts another that adopts the containers from what the anchor kept. A monitor that is another
  // program than the one beside this daemon is asked to become it, in its place (upgrade.cc); what
  // cannot, or does not know how, stays as it is and goes on. One of another major version:
  // FailedPrecondition at the first question.
  virtual base::Result<std::unique_ptr<MonitorClient>> AdoptMonitor(
      const PodSetup& setup, MonitorClient::ExitHandler on_exit,
      MonitorClient::LostHandler on_lost) = 0;
  // One that does not answer is killed; its containers go on, and AdoptMonitor reaches its
  // successor.
  virtual base::Status ReplaceMonitor(const std::string& sandbox_id) = 0;
  // A pod that has no connection any more: its monitor, log process and first process end. Absent
  // is success.
  virtual base::Status Drop(const std::string& sandbox_id) = 0;
  virtual base::Status Stop() = 0;  // ends the anchor; refused while monitors live
};

struct AnchorOptions {
  std::string run_dir;    // <run>
  std::string state_dir;  // layers and upper directories live below it
  std::string
      binary_dir;  // where keelson-anchor, keelson-monitor, keelson-log and keelson-init are
  // With a monitor's answer, asked at each question; any thread.
  std::function<std::chrono::milliseconds()> patience = [] { return std::chrono::seconds(10); };
};
// Connects to the anchor of `run_dir`, starting it when there is none. One that is there starts
// this daemon's programs from now on.
base::Result<std::unique_ptr<Anchor>> ConnectAnchor(const AnchorOptions& options);

}  // namespace keelson::monitor
