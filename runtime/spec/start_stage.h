// SPDX-License-Identifier: Apache-2.0
// The stages of a start inside the monitor and its children, as they are marked there, told in the
// answer and named in traces. Numbers travel between versions: they are only ever added. Pure.
#pragma once

#include <array>
#include <cstdint>

namespace keelson::spec {

enum class StartStage : uint8_t {
  kRead,     // the request
  kClone,    // the first stage
  kJoin,     // cgroups and the pod's namespaces
  kLayers,   // the root's file system
  kMounts,   // and what is mounted in it
  kDevices,  // then the pivot
  kProcess,  // the container's own first process, or the command's
  kProc,     // in it: procfs, masks, read-only paths
  kAnchor,   // the monitor meanwhile: its pid is written down
  kLog,      // and its pipes are given to the log process
  kReady,    // both have come together
  kRights,   // user, capabilities, seccomp
  kExecve,   // until the program runs
  kLogReady,
  kRun,  // of a command: until it has ended
};

// A literal; null: of a newer version.
constexpr const char* NameOf(uint8_t stage) {
  constexpr std::array kNames = {
      "monitor/read",    "monitor/clone",   "monitor/join",   "monitor/layers",    "monitor/mounts",
      "monitor/devices", "monitor/process", "monitor/proc",   "monitor/anchor",    "monitor/log",
      "monitor/ready",   "monitor/rights",  "monitor/execve", "monitor/log-ready", "monitor/run"};
  return stage < kNames.size() ? kNames[stage] : nullptr;
}

}  // namespace keelson::spec
