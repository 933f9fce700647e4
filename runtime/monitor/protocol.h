// SPDX-License-Identifier: Apache-2.0
// The private protocol of daemon, anchor, monitor and log process: SOCK_SEQPACKET packets of
// base/codec, descriptors beside them. Every packet: u16 major, u16 minor, u32 type, u64 id,
// payload. An answer carries the id of its question and begins with a bool: true and the result, or
// false, u8 code, i32 errno, text. What is told without being asked has the id 0 where it is no
// session's. Pure, any thread.
//
// A monitor may live for months: newer and older processes work together, either way round. Fields
// are only ever added at the end of a payload, and a reader leaves alone what it does not know; an
// unknown question is answered with Unimplemented, an unknown word that asks nothing is passed
// over. The minor version only counts such additions; a peer of another major version is refused
// with a sentence that names both.
//
//   daemon  → anchor : kStartMonitor{PodSetup, which namespaces}+fds   kDropPod{sandbox}
//                      kHasMonitor{sandbox}   kReplaceMonitor{sandbox}   kStopAnchor{}
//                      kUsePrograms{}+monitor, log, init: these from now on
//   monitor → anchor : kKeep{key}+fds   kFetch{prefix} → {keys, count of fds each}+fds
//                      kRegister{container, pid, blob}
//                      kBegun{container}: from now on its program may run   kUnregister{container}
//                      kRegistered{} → {container, pid, blob, exited?}
//   daemon  → monitor: kList{}   kStart{flags, until}+spec memfd[, log dir], volumes: what has not
//                      begun by then (CLOCK_MONOTONIC in ns, 0: for ever) never does
//                      kExec{…}+process memfd, streams: answered at its end
//                      kOpenExec{…} the same, answered at its begin[+ terminal], kExecEnded follows
//                      kKillExec{}: of the question with the same id; no answer
//                      kAttach{id, streams}+fds → [terminal]   kDetach{}: as kKillExec
//                      kSignal{id, n}   kKillAll{id}   kReopenLog{id}   kForget{id}   kShutdown{}
//                      kUpgrade{}+monitor, log, init → whether it has become this monitor now
//   monitor → daemon : unasked: kExited{ExitRecord}   kExecEnded{code, timed out} and
//                      kAttachEnded{why; empty: its container ended} with their question's id
//   monitor → log    : kLogAdd{id, name, LogFlags, bytes a second, drop?, resumed?}+out, err[,
//                      dir][, in]; of a terminal: its master and its peer
//                      kLogReopen{id, until}: not after it   kLogDrain{id}: it has ended
//                      kLogRemove{id}   kLogAttach{id, session, streams}+fds   kLogDetach{session}
//   log → monitor    : unasked: kLogAttachEnded{session, why}   kLogInputClosed{id}
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/codec.h"
#include "lib/base/result.h"
#include "lib/os/socket.h"
#include "runtime/monitor/client.h"

namespace keelson::monitor {

constexpr uint16_t kMajorVersion = 1;
// How this program's packets differ from those of others of its major version; one function, so
// that tests can link another dialect (testing/tomorrow.cc).
struct Dialect {
  uint16_t minor = 0;
  std::string_view further;  // what a later version may have added to every payload
  bool says_more = false;    // words that others do not know
};
const Dialect& OwnDialect();

enum class Type : uint32_t {
  kAnswer = 1,
  kStartMonitor = 10,
  kDropPod,
  kHasMonitor,
  kStopAnchor,
  kReplaceMonitor,
  kUsePrograms,
  kKeep = 30,
  kFetch,
  kRegister,
  kUnregister,
  kRegistered,
  kBegun,
  kList = 50,
  kStart,
  kExec,
  kSignal,
  kKillAll,
  kReopenLog,
  kForget,
  kShutdown,
  kOpenExec,
  kKillExec,
  kAttach,
  kDetach,
  kUpgrade,
  kExited = 70,
  kExecEnded,
  kAttachEnded,
  kLogAdd = 90,
  kLogReopen,
  kLogDrain,
  kLogRemove,
  kLogAttach,
  kLogDetach,
  kLogAttachEnded,
  kLogInputClosed,
};

// What a container's streams are, and which descriptors come with them.
enum LogFlags : uint8_t {
  kLogFile = 1,
  kLogTerminal = 2,
  kLogInput = 4,
  kLogInputOnce = 8,
};
// Which streams an attachment takes; of a terminal one socket stands for all of them.
enum AttachFlags : uint8_t {
  kAttachIn = 1,
  kAttachOut = 2,
  kAttachErr = 4,
  kAttachTerminal = 8,
};

struct Packet {
  Type type = Type::kAnswer;
  uint64_t id = 0;
  std::string payload;
  std::vector<os::UniqueFd> fds;
};

base::Status SendPacket(int socket, Type type, uint64_t id, std::string_view payload,
                        const std::vector<int>& fds = {});
// A peer of another major version: FailedPrecondition.
base::Result<Packet> ReceivePacket(int socket);
// The next answer to the question `id`; words that nobody asked for are passed over.
base::Result<Packet> ReceiveAnswer(int socket, uint64_t id);

std::string AnswerOk(std::string_view result = {});
std::string AnswerError(const base::Error& error);
// The rest of an answer after its bool, or the peer's error.
base::Result<std::string> ReadAnswer(std::string_view payload);
// One question and its answer on a connection nobody else reads.
base::Result<Packet> Ask(int socket, Type type, std::string_view payload,
                         const std::vector<int>& fds = {});

void Put(base::Writer& w, const PodSetup& setup);
PodSetup GetPodSetup(base::Reader& r);
void Put(base::Writer& w, const ExitRecord& record);
ExitRecord GetExitRecord(base::Reader& r);
void Put(base::Writer& w, const ContainerState& state);
ContainerState GetContainerState(base::Reader& r);
// What a start's, or a command's, answer ends with: its stages, by spec::StartStage.
using Spans = std::vector<std::pair<uint8_t, std::chrono::nanoseconds>>;
void PutStages(base::Writer& w, const Spans& spans);
Spans GetStages(base::Reader& r);  // empty where an older monitor says nothing

// The record on tmpfs: magic, version, record, CRC-32C of all before it. Written by the monitor, or
// by the anchor for an orphan.
std::string EncodeExitFile(const ExitRecord& record);
base::Result<ExitRecord> DecodeExitFile(std::string_view bytes);
base::Status WriteExitFile(const std::string& run_dir, const ExitRecord& record);
base::Result<ExitRecord> ReadExitFile(const std::string& run_dir, const std::string& container_id);

}  // namespace keelson::monitor
