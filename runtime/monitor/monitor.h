// SPDX-License-Identifier: Apache-2.0
// The monitor of one pod: parent of every process of its containers. One thread, one loop; touches
// procfs, cgroupfs and tmpfs only. What must survive it is told to the anchor before it matters: a
// container's pid before the container runs, its pipes, the pod's mount namespace, the connection
// to the log process.
#pragma once

#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/os/event_loop.h"
#include "lib/os/process.h"
#include "lib/os/shared_marks.h"
#include "runtime/launcher/launcher.h"
#include "runtime/monitor/protocol.h"
#include "runtime/spec/start_stage.h"

namespace keelson::monitor {

class Monitor {
 public:
  // Fixed descriptors, set by the anchor.
  static constexpr int kAnchor = 3;
  static constexpr int kListener = 4;
  static constexpr int kLogProgram = 5;
  static constexpr int kInitProgram = 6;

  Monitor(os::EventLoop& loop, PodSetup setup, int signals);
  base::Status
  Prepare();  // namespaces, shared memory, log process; what an earlier monitor left is taken over

 private:
  static constexpr std::chrono::milliseconds kLogEndPatience{100}, kLogStartPatience{500};

  // A command's own group in the unified tree, so that its end can be the end of all it started.
  struct Leaf {
    std::string path;  // empty: none
    os::UniqueFd fd;
    bool killed = false;
  };
  struct Container {
    ContainerState state;
    os::UniqueFd pidfd;
    os::EventLoop::WatchId watch = 0;  // an adopted one: not our child
    bool adopted = false;
    std::string unified_cgroup;
    std::string memory_cgroup;
    std::vector<std::string> cgroups;
    uint64_t oom_before = 0;
    std::string log_name;
    uint8_t log_flags = kLogFile;
    // Read ends of both pipes, or a terminal's master and peer; the log directory; the input's
    // write end: as the flags say.
    std::vector<os::UniqueFd> log_fds;
    // Of an ended command, empty: the next one need not make its own.
    Leaf leaf;
    bool HasTerminal() const { return (log_flags & kLogTerminal) != 0; }
  };
  struct Exec {
    int client = -1;
    uint64_t question = 0;
    std::string container;
    Leaf leaf;
    Spans stages;  // of its start
    base::SteadyTime running_since;
    os::EventLoop::TimerId timer = 0;
    bool live = false;  // its begin was the answer, its end is told besides
    bool timed_out = false;
  };
  struct Attachment {
    int client = -1;
    uint64_t question = 0;
  };
  struct LogQuestion {
    int client = -1;  // whom to answer; -1: nobody
    uint64_t question = 0;
    std::string exited;     // a drain before this container's exit is told
    uint64_t attached = 0;  // this attachment's begin; a failure takes it off
    std::string container;
  };

  void OnConnect();
  void OnClient(int client);
  void OnChildren();
  void OnChild(pid_t pid, os::ExitStatus status);
  void OnLog();
  void CloseClient(int client);
  void Answer(int client, uint64_t question, const base::Result<std::string>& result,
              const std::vector<int>& fds = {});

  base::Result<std::string> List() const;
  base::Result<std::string> Start(Packet& packet);
  base::Result<std::string> LaunchContainer(const spec::ContainerSpec& spec,
                                            const std::vector<int>& volumes, Container& container);
  base::Status StartExec(int client, Packet& packet);
  void KillExec(pid_t pid, Exec& exec);
  void KillExecOf(int client, uint64_t question);
  base::Result<Leaf> TakeLeaf(Container& container);
  void GiveBackLeaf(const std::string& container, Leaf leaf);
  void RemoveLeaf(const std::string& leaf, std::chrono::milliseconds waited);
  void Mark(spec::StartStage stage);
  void SweepLeaves(const Container& container);
  base::Status Attach(int client, Packet& packet);
  void Detach(int client, uint64_t question);
  void OnAttached(uint64_t session, const LogQuestion& question, const base::Result<std::string>&);
  void EndAttachment(uint64_t session, const std::string& why);
  void OnInputClosed(const std::string& id);
  base::Status Signal(const std::string& id, int signal);
  base::Status KillAll(const std::string& id);
  base::Status Forget(const std::string& id);
  void Shutdown();

  void OnContainerExit(const std::string& id, os::ExitStatus status);
  void PublishExit(const std::string& id);
  void OnExecExit(pid_t pid, os::ExitStatus status);
  void OnAdoptedExit(const std::string& id);
  // The anchor is the parent of an adopted one and writes its exact end; a moment may pass until it
  // has.
  void AwaitExitRecord(const std::string& id, std::chrono::milliseconds waited);
  void TellExit(const std::string& id);  // once the log is written, or has taken too long

  base::Status StartLogProcess();
  base::Result<uint64_t> AddLog(const Container& container);
  void AwaitLog(uint64_t question);
  void AskLog(Type type, const std::string& id, LogQuestion question);
  base::Status StartPodInit();
  base::Status Adopt();
  base::Status KeepStreams(const Container& container);
  base::Status KeepWithAnchor(const std::string& key, const std::vector<int>& fds);
  // A dead anchor stops nothing: what it would have kept is not kept.
  base::Status WithoutAnchor(const base::Status& status);
  base::Result<std::vector<os::UniqueFd>> FetchFromAnchor(const std::string& key);

  os::EventLoop& loop_;
  os::SharedMarks marks_;
  const PodSetup setup_;
  bool anchor_gone_ = false;
  const int signals_;
  os::UniqueFd net_, ipc_, uts_, user_, pod_pid_;
  os::UniqueFd pod_init_;  // a pidfd
  os::UniqueFd log_socket_;
  os::EventLoop::WatchId log_watch_ = 0;
  pid_t log_pid_ = -1;
  uint64_t next_question_ = static_cast<uint64_t>(getpid())
                            << 32;  // the log process may still answer an earlier monitor
  uint64_t next_exec_ = 1;
  std::map<uint64_t, LogQuestion> log_questions_;
  std::map<int, os::UniqueFd> clients_;
  std::map<int, os::EventLoop::WatchId> client_watches_;
  std::map<std::string, Container> containers_;
  std::map<pid_t, Exec> execs_;
  std::map<uint64_t, Attachment> attachments_;
  std::set<std::string> draining_;  // exited, waiting for the log
};

}  // namespace keelson::monitor
