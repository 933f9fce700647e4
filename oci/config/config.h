// SPDX-License-Identifier: Apache-2.0
// A bundle's config.json and an exec's process.json as plain data, checked: kinds, ranges, and what
// contradicts itself. Nothing is looked up on the machine. Pure, any thread. Errors name the place:
// "process.args: …". Source: runtime-spec 1.3, config.md and config-linux.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"
#include "oci/config/resources.h"
#include "runtime/spec/container_spec.h"

namespace keelson::oci {

constexpr char kSpecVersion[] = "1.3.0";

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::optional<std::vector<std::string>> env;  // none named: the caller's PATH
  std::optional<int64_t> timeout;               // seconds
};
struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart,
      poststop;
};

struct IdMapping {
  uint32_t container = 0;
  uint32_t host = 0;
  uint32_t size = 0;
};

struct MountEntry {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::string path;  // "mounts[3]", for messages
};

struct NamespaceEntry {
  std::string type;  // as in config.json: "network", "mount", …
  std::string path;  // empty: a new one
};

struct TimeOffset {
  std::string clock;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
};

struct Process {
  spec::Process process;  // but for the seccomp program, and limits that are given from outside
  std::optional<int64_t> oom_score_adj;
  std::optional<std::pair<uint32_t, uint32_t>> console_size;  // height, width
  std::string cpus_at_first, cpus_at_last;                    // execCPUAffinity: "0-3,7"
  std::vector<std::string> unknown_capabilities;
};

struct NetDevice {
  std::string name;    // of the host
  std::string inside;  // of the container
};

// set_mempolicy(2)'s words. Source: linux/mempolicy.h.
struct MemoryPolicyWord {
  std::string_view name;
  int value;
};
constexpr MemoryPolicyWord kMemoryPolicyModes[] = {{"MPOL_DEFAULT", 0},
                                                   {"MPOL_PREFERRED", 1},
                                                   {"MPOL_BIND", 2},
                                                   {"MPOL_INTERLEAVE", 3},
                                                   {"MPOL_LOCAL", 4},
                                                   {"MPOL_PREFERRED_MANY", 5},
                                                   {"MPOL_WEIGHTED_INTERLEAVE", 6}};
constexpr MemoryPolicyWord kMemoryPolicyFlags[] = {{"MPOL_F_NUMA_BALANCING", 1 << 13},
                                                   {"MPOL_F_RELATIVE_NODES", 1 << 14},
                                                   {"MPOL_F_STATIC_NODES", 1 << 15}};

struct Linux {
  std::vector<NamespaceEntry> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::vector<TimeOffset> time_offsets;
  std::vector<spec::Device> devices;
  std::string cgroups_path;
  Resources resources;
  std::string root_propagation;
  std::vector<std::string> masked_paths, read_only_paths;
  std::string mount_label;
  std::vector<std::pair<std::string, std::string>> sysctl;
  std::optional<json::Value> seccomp;
  std::optional<uint64_t> personality;
  std::optional<spec::Process::Further::MemoryPolicy> memory_policy;
  std::vector<NetDevice> net_devices;
};

struct Config {
  std::string version;
  std::string hostname;
  std::string domainname;
  std::string root;  // as it was written; empty: none
  bool read_only_root = false;
  std::optional<Process> process;
  std::vector<MountEntry> mounts;
  Hooks hooks;
  std::vector<std::pair<std::string, std::string>> annotations;
  Linux system;
  std::vector<std::string> warnings;  // what cannot be had and is no error

  const NamespaceEntry* FindNamespace(std::string_view type) const;
  bool HasNew(std::string_view type) const;  // it is to be made
};

base::Result<Config> ParseConfig(std::string_view json);
// What `exec --process` reads.
base::Result<Process> ParseProcess(std::string_view json);
base::Result<uint64_t> CapabilityMask(const std::vector<std::string>& names,
                                      std::vector<std::string>* unknown);

}  // namespace keelson::oci
