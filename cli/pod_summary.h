// SPDX-License-Identifier: Apache-2.0
// A v1 Pod as one line of a listing, and its containers as lines below. STATUS follows the rules of
// kubectl's printer, so that what is read here means what it means there. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/json/value.h"

namespace keelson::cli {

struct PodSummary {
  std::string name_space, name;
  std::string ready;     // "1/2"
  std::string status;    // "Running", "CrashLoopBackOff", "Init:0/1", "Terminating", …
  std::string restarts;  // "3", "3 (5m ago)"
  std::string age, ip, node, images;
  bool over = false;  // succeeded or failed for good
};
PodSummary Summarize(const json::Value& pod, int64_t now_wall_nanos);

struct ContainerSummary {
  std::string name, image;
  bool init = false, ready = false;
  std::string status;  // "Running", "CrashLoopBackOff", "Completed", "ExitCode:3", "Waiting"
  std::string restarts;
  std::string age;        // since the present run began
  std::string last_exit;  // "exit 1, Error, 12s ago"; empty: has not ended yet
  std::string message;    // what the last run left, what it waits for
  std::string id;         // of the runtime, without "keelson://"; empty before it is made
  bool running = false;
};
// Init containers first, in the order of the spec.
std::vector<ContainerSummary> SummarizeContainers(const json::Value& pod, int64_t now_wall_nanos);

}  // namespace keelson::cli
