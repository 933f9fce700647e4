// SPDX-License-Identifier: Apache-2.0
// Control groups on both layouts that machines have: v1 hierarchies (with or without a unified tree
// beside them) and v2. Planning is pure: Resources become a list of file writes. Applying makes,
// limits and removes directories below our own parents and touches no other group. Any thread; a
// group has one owner at a time. Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::cgroup {

struct Layout {
  bool v2 = false;      // one tree with controllers
  std::string unified;  // its mount point; on v1 the tree beside, without controllers; may be empty
  std::map<std::string, std::string> hierarchies;  // v1: controller or "systemd" → mount point
};
base::Result<Layout> ParseLayout(std::string_view mountinfo);
base::Result<Layout> DetectLayout();

struct DeviceRule {
  bool allow = false;
  char type = 'a';                // 'a', 'b', 'c'
  std::optional<uint32_t> major;  // empty: any
  std::optional<uint32_t> minor;
  std::string access = "rwm";
};

struct Write {
  std::string controller;  // "cpu"; v2: empty
  std::string file;
  std::string value;
  bool optional = false;  // a kernel without it is fine (e.g. swap accounting)
  bool partner = false;   // when refused, tried again after the next one
  bool swapped = false;   // set while applying
  // Where the kernel has no such file: another one and what goes there.
  std::string other_file = {};
  std::string other_value = {};
  bool operator==(const Write&) const = default;
};

// Zero or empty: untouched. Units as in the CRI: microseconds, bytes; -1 is "no limit" where the
// kernel knows one.
struct Resources {
  int64_t cpu_shares = 0;
  int64_t cpu_quota = 0;
  int64_t cpu_period = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  int64_t memory_limit = 0;
  int64_t memory_swap_limit = 0;  // memory + swap, as on v1
  int64_t pids_limit = 0;
  std::map<std::string, int64_t> hugepages;    // page size as the kernel names it ("2MB") → bytes
  std::vector<DeviceRule> devices;             // in order, later wins; empty: untouched
  std::map<std::string, std::string> unified;  // v2 file → value, written last
  bool oom_group = true;                       // v2: the whole container dies together
  bool may_kill = false;       // v2: memory is limited to less than is in use; else that is refused
  std::vector<Write> further;  // of this machine's layout, before `unified`, as they are
};
std::vector<Write> PlanV1(const Resources& resources);
std::vector<Write> PlanV2(const Resources& resources);
// 2…262144 → 1…10000, on the curve that keeps both defaults: 1024 is 100.
uint64_t SharesToWeight(int64_t shares);

// "<parent>/<name>" when that is a plain absolute path; InvalidArgument otherwise. For paths that
// came in a request.
base::Result<std::string> JoinPath(std::string_view parent, std::string_view name);

// One container's or pod's group in every hierarchy. `path` is absolute within the trees:
// "/kubepods/pod1/<id>".
class Group {
 public:
  Group(const Layout& layout, std::string path);

  // Makes the directories, parents too; on v2 enables the controllers on the way down, on v1 fills
  // cpuset from the parent. Those that limits need, or every one there is.
  base::Status Create(bool every_controller = false) const;
  // All or the error that names file, value and the kernel's answer.
  base::Status Apply(const Resources& resources) const;
  // The same for a group in use: when something is refused, what was written before is put back.
  base::Status Update(const Resources& resources) const;
  // What the kernel holds now of the limits that `like` names; 0 or empty where it cannot be read.
  Resources Read(const Resources& like) const;
  bool Exists() const;
  base::Status Kill() const;  // SIGKILL to every process in it and below
  base::Status Freeze(bool on) const;
  // Kills what is left, waits until it is empty (at most `patience`), removes it with everything
  // below. Absent is success.
  base::Status Remove(std::chrono::milliseconds patience = std::chrono::seconds(5)) const;
  // Only where nothing is in it: for a group that others may share.
  base::Status RemoveIfEmpty() const;
  base::Result<std::vector<int>> Processes() const;

  // What a process must join: v1: one directory per hierarchy; and the directory for
  // CLONE_INTO_CGROUP and cgroup.kill.
  std::vector<std::string> V1Directories() const;
  std::string UnifiedDirectory() const;  // empty when there is no unified tree
  std::string MemoryDirectory() const;

 private:
  std::vector<std::string> AllDirectories() const;
  std::optional<std::string> DirectoryOf(const std::string& controller) const;
  base::Result<Resources> Completed(const Resources& resources) const;
  base::Status CheckShrink(int64_t limit, int64_t with_swap) const;
  Layout layout_;
  std::string path_;
};

// oom_kill counter of a memory group on either layout; nothing when it cannot be read.
std::optional<uint64_t> ReadOomKills(const std::string& memory_directory);
// Kill by cgroup.kill where the kernel has it, otherwise by signalling until no process is left.
base::Status KillDirectory(const std::string& directory);
// rmdir(2) of a group and everything below, deepest first; EBUSY is retried until `patience` is
// over.
base::Status RemoveDirectory(const std::string& directory, std::chrono::milliseconds patience);

}  // namespace keelson::cgroup
