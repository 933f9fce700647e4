// SPDX-License-Identifier: Apache-2.0
// What a kubelet keeps on this machine, and the pods that it may be for. Plain data, filled by
// observe.h, judged by plan.h.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace keelson::node_inventory {

struct Volumes {  // <root>/pods/<uid>, the key
  uint64_t bytes = 0;
  std::vector<std::string> mounts;
};

struct Group {
  std::string path;    // within the trees
  std::string uid;     // of its pod
  bool slice = false;  // systemd's
  std::vector<pid_t> processes;
};

struct Logs {
  std::string path;
  std::string uid;
  uint64_t bytes = 0;
};

struct Facts {
  std::string root;
  // "keelson-kubelet (pid 7)": one of this root lives; it may be anybody's.
  std::string runs;
  // Whose pods there are is known; otherwise why not.
  std::string blind;
  std::map<std::string, std::string> pods;  // uid → namespace/name, read after the things
  std::map<std::string, Volumes> volumes;
  std::vector<Group> groups;
  std::vector<Logs> logs;
  std::map<std::string, std::string>
      links;  // that lead to logs: path → where; those that end there
  std::map<std::string, std::string> dangling;
};

}  // namespace keelson::node_inventory
