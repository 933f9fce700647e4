// SPDX-License-Identifier: Apache-2.0
// `keelson doctor`: what this machine has and lacks for Keelson, and what to do about it. Gathering
// asks the kernel and both daemons and changes nothing; judging is pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/node.h"
#include "cli/runtime.h"
#include "lib/kernel/features/features.h"

namespace keelson::cli {

enum class Grade {
  kOk,
  kAbsent,  // not there, and Keelson does without it
  kWarn,
  kFail,
};
struct Finding {
  Grade grade = Grade::kOk;
  std::string name;
  std::string text;  // what was found, and what to do
};

struct DiskSpace {
  std::string path;  // or several, on one file system
  uint64_t total_bytes = 0, free_bytes = 0;
  uint64_t total_inodes = 0, free_inodes = 0;  // no total: this file system does not count them
};
struct Daemon {
  std::string program, socket;
  bool has_socket = false;
  std::string answer;                // what it said; with an error: unused
  std::optional<std::string> error;  // it does not answer, or is not well
};
struct MachineFacts {
  std::string kernel_release;
  bool root = false;
  std::vector<features::Feature> features;
  std::vector<DiskSpace> disks;
  std::vector<Daemon> daemons;
};
MachineFacts Examine(Kubelet& kubelet, Runtime& runtime, const std::vector<std::string>& paths);
std::vector<Finding> Diagnose(const MachineFacts& facts);

std::string FindingsText(const std::vector<Finding>& findings);
std::string FindingsJson(const std::vector<Finding>& findings);
// 1: something that Keelson cannot do without is missing.
int Doctor(const std::string& output, Kubelet& kubelet, Runtime& runtime, const Console& console);

}  // namespace keelson::cli
