// SPDX-License-Identifier: Apache-2.0
// The monitor of one pod: parent of every process of its containers. One thread, one loop; touches
// procfs, cgroupfs and tmpfs only. What must survive it is told to the anchor before it matters: a
// container's pid before the container runs, its pipes, the pod's mount namespace, the connection
// to the log process.
#pragma once

#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/os/event_loop.h"
#include "lib/os/process.h"
#include "lib/os/shared_marks.h"
#include "runtime/launcher/launcher.h"
#include "runtime/monitor/handover.h"
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
  ~Monitor();
  base::Status
  Prepare();  // namespaces, shared memory, log process; what an earlier monitor left is taken over
  // Instead of Prepare(): goes on where the program that ran in this process before has stopped.
  base::Status Resume(const Handover& handover);

 private:
  static constexpr std::chrono::milliseconds kLogEndPatience{100}, kLogStartPatience{500};
  static constexpr std::chrono::milliseconds kReopenPatience{3000};

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
    bool undecided = false;  // an adopted one: whether its program was begun
    std::string unified_cgroup;
    std::string memory_cgroup;
    std::vector<std::string> cgroups;
    uint64_t oom_before = 0;
    int64_t begin_until = 0;  // steady nanoseconds; 0: any time
    std::string log_name;
    uint8_t log_flags = kLogFile;
    spec::LogLimit log_limit;
    // Read ends of both pipes, or a terminal's master and peer; the log directory; the input's
    // write end: as the flags say.
    std::vector<os::UniqueFd> log_fds;
    // Of an ended command, empty: the next one need not make its own.
    Leaf leaf;
    // Of another OCI runtime: its program and where that keeps its state.
    std::string program;
    std::string state_root;
    std::vector<std::string> arguments;
    bool HasTerminal() const { return (log_flags & kLogTerminal) != 0; }
  };
  struct Exec {
    int client = -1;
    uint64_t question = 0;
    std::string container;
    Leaf leaf;
    Spans stages;  // of its start
    base::SteadyTime running_since;
    base::SteadyTime ends_at;  // with a timer
    os::EventLoop::TimerId timer = 0;
    bool live = false;  // its begin was the answer, its end is told besides
    bool timed_out = false;
  };
  struct Attachment {
    int client = -1;
    uint64_t question = 0;
  };
  // Asked for, and not done while another runtime's program is at work.
  struct Upgrade {
    int client = -1;
    uint64_t question = 0;
    std::vector<os::UniqueFd> programs;  // monitor, log, init
    std::chrono::milliseconds waited{0};
  };
  struct LogQuestion {
    int client = -1;  // whom to answer; -1: nobody
    uint64_t question = 0;
    std::string exited;     // a drain before this container's exit is told
    uint64_t attached = 0;  // this attachment's begin; a failure takes it off
    std::string container;
  };

  void OnConnect();
  base::Status WatchClient(os::UniqueFd client);
  void OnClient(int client);
  void OnChildren();
  void OnChild(pid_t pid, os::ExitStatus status);
  void OnLog();
  void ReplaceLogProcess();
  void CloseClient(int client);
  void Answer(int client, uint64_t question, const base::Result<std::string>& result,
              const std::vector<int>& fds = {});

  base::Result<std::string> List() const;
  // Nothing: the answer comes later.
  base::Result<std::optional<std::string>> Start(int client, Packet& packet);
  // The PID namespace of a container that runs.
  base::Result<os::UniqueFd> ProcessesOf(const std::string& id) const;
  base::Result<std::string> LaunchContainer(const spec::ContainerSpec& spec,
                                            const std::vector<int>& volumes, Container& container);
  // Tells the anchor and the log process of what is about to run; the question of its log is the
  // result. `ends`: of both pipes, or a terminal's master and peer.
  base::Result<uint64_t> MakeKnown(Container& container, std::vector<os::UniqueFd> ends,
                                   os::UniqueFd input);
  void MakeUnknown(const std::string& id);
  static base::Error OrTooLittleMemory(const base::Error& error, const Container& container);
  // Whoever asked for the start has not given it up yet.
  static base::Status StillWanted(const Container& container);
  base::Status StartExec(int client, Packet& packet);
  void WatchTime(pid_t pid, Exec& exec);
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

  // Containers of another OCI runtime, whose program is a child with an end of its own:
  // other_command.cc, other_start.cc, other_exec.cc.
  struct Command;
  struct OtherStart;
  struct OtherExec;
  using CommandDone = std::function<void(const base::Status&)>;
  base::Status Begin(Command command, CommandDone done);
  base::Status EnterRoom(const Command& command) const;
  void OnCommandEnd(pid_t pid, os::ExitStatus status);
  // v2 beside v1, for tracking and killing only: other programs leave it to us.
  static bool IsHybrid(const Container& container) {
    return !container.cgroups.empty() && !container.unified_cgroup.empty();
  }
  Command CommandFor(const Container& container, std::vector<std::string> words);
  base::Status StartOther(int client, uint64_t question, const spec::ContainerSpec& spec,
                          std::vector<os::UniqueFd> volumes, Container container);
  base::Status Create(const std::shared_ptr<OtherStart>& start);
  base::Status OnCreated(const std::shared_ptr<OtherStart>& start);
  void EndStart(const std::shared_ptr<OtherStart>& start, const base::Status& status);
  base::Status ExecOther(Exec exec, const Container& container, const spec::Process& process,
                         std::chrono::milliseconds timeout, const launcher::Streams& streams);
  void OnOtherExec(const std::shared_ptr<OtherExec>& opening, base::Status status);
  // Whether the question is the other program's; it is answered then.
  bool SignalOther(int client, uint64_t question, const std::string& id, int signal);
  static bool IsKnownToProgram(const Container& container);
  void DeleteOther(const Container& container);
  void FinishOtherStart(const Container& container);  // what a dead monitor may not have come to
  bool StartsUnderWay() const;
  void AnswerWaitingLists();  // unless something is under way still
  void UnwantOther(int client, uint64_t question);
  void ForgetClient(int client);

  void OnContainerExit(const std::string& id, os::ExitStatus status);
  void PublishExit(const std::string& id);
  void OnExecExit(pid_t pid, os::ExitStatus status);
  void OnAdoptedExit(const std::string& id);
  // The anchor is the parent of an adopted one and writes its exact end; a moment may pass until it
  // has.
  void AwaitExitRecord(const std::string& id, std::chrono::milliseconds waited);
  void AwaitDrained(const std::string& id);
  void TellExit(const std::string& id);  // once the log is written, or has taken too long

  base::Status Listen();
  base::Status StartLogProcess();
  base::Status WatchLog();
  // `resumed`: to a log process whose predecessor died.
  base::Result<uint64_t> AddLog(const Container& container, bool resumed = false);
  base::Result<uint64_t> AddLogOfNew(const Container& container);
  void ReopenLog(int client, uint64_t question, const std::string& id);
  void AwaitReopened(uint64_t number);
  void AwaitLog(uint64_t question);
  // `until`: CLOCK_MONOTONIC in ns, what has not begun by then is not done; 0: any time.
  void AskLog(Type type, const std::string& id, LogQuestion question, int64_t until = 0);
  base::Status StartPodInit();
  void Decide(const std::string& id);
  base::Result<bool> AnchorKnows(const std::string& id);
  base::Status LetPodInitRun(int go);  // the pipe that it waits for
  base::Status Adopt();
  base::Status WatchAdopted(const std::string& id);
  // What the anchor, or the next program, is told of a container that only we know.
  static std::string NotesOf(const Container& container);
  static void TakeNotes(std::string_view notes, Container& container);
  // Another program in this process's place: upgrade.cc.
  void BeginUpgrade(int client, Packet& packet);
  void TryUpgrade();
  base::Status BecomeProgram(const Upgrade& wanted);  // returns when it could not be
  Handover HandOver() const;
  void TidyLeaves(const Container& container);
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
  os::UniqueFd pod_init_;     // a pidfd
  os::UniqueFd host_mounts_;  // the host's mount namespace, where other runtimes' programs are
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
  std::map<pid_t, std::unique_ptr<Command>> commands_;
  // Children that ended while commands ran: one may turn out to be what a command has made.
  std::map<pid_t, os::ExitStatus> strays_;
  uint64_t next_command_ = 1;
  std::map<std::string, std::shared_ptr<OtherStart>> starting_;
  std::set<std::shared_ptr<OtherExec>> opening_;
  std::vector<std::pair<int, uint64_t>> lists_waiting_;  // for starts under way
  std::optional<Upgrade> upgrade_;
};

}  // namespace keelson::monitor
