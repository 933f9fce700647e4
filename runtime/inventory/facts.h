// SPDX-License-Identifier: Apache-2.0
// What the runtime finds of its own on this machine: records as they are on disk, and the things of
// the kernel and of the file system that records speak of. Plain data, filled by observe.h, judged
// by plan.h. Bytes are blocks taken; trees count as a whole.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/container/record.h"

namespace keelson::inventory {

// Of a directory that should have one.
constexpr char kNoRecord[] = "there is no record in it";

struct PodFact {
  std::string error;  // why the record cannot be used; empty: it can
  container::SandboxState state = container::SandboxState::kCreating;
  std::string uid, name_space, name;
  bool host_network = false;
  bool this_boot = true;
  std::string cgroup_parent;
  uint64_t bytes = 0;
};

struct ContainerFact {
  std::string error;
  container::ContainerState state = container::ContainerState::kCreating;
  std::string sandbox_id, name;
  std::vector<std::string> images;  // its own and those it mounts: ids
  std::string cgroup_path;
  uint64_t bytes = 0;
};

struct ImageFact {
  std::string error;
  std::string manifest;
  std::vector<std::string> layers;  // digests
  uint64_t bytes = 0;
};

struct NameFact {
  std::string error;
  std::string name, image_id;
  uint64_t bytes = 0;
};

// A file or directory with its own name as the only word about it.
struct StoredFact {
  std::string error;  // its content is not what its name or record says
  uint64_t bytes = 0;
};

// Of one moment. Keys: pods and containers by the name of their directory, images by id, names by
// the file's name, what CNI plugins owe by sandbox id.
struct Records {
  std::map<std::string, PodFact> pods;
  std::map<std::string, ContainerFact> containers;
  std::map<std::string, ImageFact> images;
  std::map<std::string, NameFact> names;
  std::map<std::string, std::string> addresses;                // sandbox id → address
  std::map<std::string, std::vector<std::string>> host_ports;  // sandbox id → addresses led to
  std::map<std::string, std::string> plugins;                  // sandbox id → error, mostly empty
  std::map<std::string, std::string> errors;  // path of a record of several → why it is unusable
};

struct LinkFact {
  std::string name;
  bool on_bridge = false;  // a port of ours
};

struct GroupFact {
  std::string path;  // within the trees
  std::string id;    // of the container or pod that it is named after
  std::vector<pid_t> processes;
};

struct ProcessFact {
  pid_t pid = 0;
  uint64_t start_time = 0;  // with the pid it names the process for good
  std::string program;      // "keelson-monitor"
  std::string sandbox_id;   // of the anchor: empty
};

struct ChainFact {
  std::string flavour, table, chain;
  std::string bridge;
  std::vector<std::string> targets;  // addresses that its rules lead to
  bool v6 = false;
};

// A mount below the runtime's folders.
struct MountFact {
  std::string path;
  std::string filesystem;
};

struct Things {
  std::map<std::string, StoredFact> blobs;   // by digest
  std::map<std::string, StoredFact> layers;  // by digest
  // Files by path: what is on its way in or out, what was put aside, what has no meaning at all.
  std::map<std::string, uint64_t> temporary, quarantine, strangers;
  std::map<std::string, uint64_t> run_dirs;  // <run>/pods/<name>
  std::map<std::string, uint64_t> fixed;     // what every node has, by path
  std::map<std::string, bool> pins;          // <run>/netns/<sandbox id>: is a namespace on it?
  std::map<std::string, bool> plugin_pins;   // where plugins look, by path
  std::vector<LinkFact> links;
  std::vector<GroupFact> groups;
  std::vector<ProcessFact> processes;
  std::vector<ChainFact> chains;
  std::vector<std::string> bridges;  // of all chains' that are there as links
  std::vector<MountFact> mounts;
};

struct Facts {
  std::string state_dir, run_dir, bridge;
  bool runs = false;  // the daemon
  // Anchors of other run directories live on this machine, and in our network namespace.
  bool other_nodes = false, other_nodes_in_network = false;
  // Read before and after the things. Intent is written before its effect and forgotten after it,
  // so what neither knows has no owner, however much is going on.
  Records before, after;
  Things things;
};

}  // namespace keelson::inventory
