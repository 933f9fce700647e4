// SPDX-License-Identifier: Apache-2.0
// What `keelson` and a node's supervisor say to each other: the file with the processes to run, and
// requests on a socket (lib/base/codec, one packet each way). Records grow by adding at the end.
// Everything below the folder given:
//   layout    the processes (Layout); exchanged whole
//   counts    how often each was started again (Counts)
//   lock      held by the one that supervises; its twin waits for it
//   socket    where it answers
//   supervisor.log
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::supervise {

struct Process {
  std::string name;
  std::vector<std::string> argv;  // argv[0] is the program's whole path
  std::string log;                // its whole path
  bool operator==(const Process&) const = default;
};
struct Layout {
  std::vector<Process> processes;
  bool operator==(const Layout&) const = default;
};
std::string Encode(const Layout& layout);
base::Result<Layout> DecodeLayout(std::string_view bytes);

using Counts = std::map<std::string, uint32_t>;
std::string Encode(const Counts& counts);
base::Result<Counts> DecodeCounts(std::string_view bytes);

struct Paths {
  std::string dir;
  std::string layout() const { return dir + "/layout"; }
  std::string counts() const { return dir + "/counts"; }
  std::string lock() const { return dir + "/lock"; }
  std::string socket() const { return dir + "/socket"; }
  std::string log() const { return dir + "/supervisor.log"; }
};

enum class Verb : uint32_t {
  kTell = 1,    // what runs
  kReload = 2,  // the file is new: what it no longer names, or names with other words, is stopped
  kStop = 3,    // the process `name` is ended and not started again; answered when it is gone
  kQuit = 4,    // the supervisor and its twin end, processes go on; answered before
};
struct Request {
  Verb verb = Verb::kTell;
  std::string name;
  uint32_t patience_seconds = 20;  // of kStop: then it is killed
};
enum class State : uint32_t { kRunning = 1, kWaiting = 2, kStopped = 3 };
struct ProcessStatus {
  std::string name;
  State state = State::kStopped;
  int32_t pid = 0;
  int64_t since = 0;      // wall nanoseconds: its start, or its last end
  uint32_t restarts = 0;  // since the node was brought up
  std::string last_end;   // "killed by signal 9"; empty: it never ended
};
struct Reply {
  std::string error;  // empty: done
  int32_t keeper = 0, twin = 0;
  std::vector<ProcessStatus> processes;
};
std::string Encode(const Request& request);
base::Result<Request> DecodeRequest(std::string_view bytes);
std::string Encode(const Reply& reply);
base::Result<Reply> DecodeReply(std::string_view bytes);

// Blocks. Unavailable: nobody supervises there.
base::Result<Reply> Ask(const Paths& paths, const Request& request);

}  // namespace keelson::supervise
