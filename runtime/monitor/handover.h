// SPDX-License-Identifier: Apache-2.0
// All that a monitor hands to the program that takes its place in the same process (upgrade.cc):
// descriptors stay open under their numbers, children stay children, times are CLOCK_MONOTONIC's.
// As bytes it grows as every payload does (protocol.h), each item of a list by itself, so that a
// newer program reads what an older one wrote and the other way round. Pure, any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "runtime/monitor/protocol.h"

namespace keelson::monitor {

struct Handover {
  struct Leaf {
    std::string path;
    int fd = -1;
    bool killed = false;
  };
  struct Container {
    ContainerState state;
    int pidfd = -1;
    bool adopted = false;
    bool draining = false;
    std::string notes;  // Monitor::NotesOf()
    std::vector<int> log_fds;
    Leaf leaf;
  };
  struct Exec {
    pid_t pid = -1;
    int client = -1;
    uint64_t question = 0;
    std::string container;
    Leaf leaf;
    Spans stages;
    int64_t running_since = 0;  // nanoseconds
    int64_t ends_at = 0;        // nanoseconds; 0: when it likes
    bool live = false;
    bool timed_out = false;
  };
  struct Attachment {
    uint64_t session = 0;
    int client = -1;
    uint64_t question = 0;
  };
  struct LogQuestion {
    uint64_t number = 0;
    int client = -1;
    uint64_t question = 0;
    std::string exited;
    uint64_t attached = 0;
    std::string container;
  };
  enum Part : uint8_t { kNet, kIpc, kUts, kUser, kPodPid, kPodInit, kHostMounts, kLogSocket };
  static constexpr size_t kParts = 8;

  PodSetup setup;
  bool anchor_gone = false;
  std::vector<int> parts = std::vector<int>(kParts, -1);  // by Part
  pid_t log_pid = -1;
  uint64_t next_question = 1;
  uint64_t next_exec = 1;
  uint64_t next_command = 1;
  int client = -1;  // who has asked for it, and waits
  uint64_t question = 0;
  std::vector<int> clients;
  std::vector<Container> containers;
  std::vector<Exec> execs;
  std::vector<Attachment> attachments;
  std::vector<LogQuestion> log_questions;
};

// The environment of the next program: the descriptor on which it reads this, for good, or to say
// by its exit code that it can.
constexpr const char* kStateVariable = "KEELSON_MONITOR_STATE";
constexpr const char* kTryVariable = "KEELSON_MONITOR_TRY";
constexpr int kUnderstood = 77;

std::string Encode(const Handover& handover);
base::Result<Handover> DecodeHandover(std::string_view bytes);
// Every descriptor that is named in it.
std::vector<int> DescriptorsOf(const Handover& handover);

}  // namespace keelson::monitor
