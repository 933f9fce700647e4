// SPDX-License-Identifier: Apache-2.0
// Limits of a group in use: changed all or not at all, and read back as the kernel took them.
#include <fcntl.h>

#include <algorithm>
#include <cmath>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/cgroup/usage.h"
#include "lib/os/files.h"

namespace keelson::cgroup {

using base::Result;
using base::Status;

namespace {

// v1 says "no limit" by the largest number of whole pages.
constexpr int64_t kNoLimitV1 = int64_t{1} << 60;

struct Former {
  std::string path;
  std::string text;
};

Status PutBack(const Former& former) {
  const Result<std::string> now = os::ReadFile(former.path, 65536);
  if (now.ok() && *now == former.text) return base::Ok();
  if (base::Trim(former.text).empty()) return os::WriteControl(AT_FDCWD, former.path, "\n");
  for (const std::string_view line : base::Split(base::Trim(former.text), '\n'))
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, former.path, line));
  return base::Ok();
}

// Limits that bound each other come back in whichever order the kernel takes them.
void PutAllBack(std::vector<Former> formers) {
  for (bool progress = true; progress && !formers.empty();) {
    const size_t before = formers.size();
    std::erase_if(formers, [](const Former& former) { return PutBack(former).ok(); });
    progress = formers.size() < before;
  }
}

Result<std::string> Text(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, 65536));
  return std::string(base::Trim(text));
}

// A file that is not there, or holds no number, says 0: not known.
int64_t Number(const std::string& path) {
  const Result<std::string> text = Text(path);
  if (!text.ok()) return 0;
  if (*text == "max") return -1;
  const int64_t value = base::ParseInt64(*text).value_or(0);
  return value >= kNoLimitV1 ? -1 : value;
}

// What was asked for stands where the kernel keeps exactly that; otherwise the least that means its
// weight.
int64_t SharesOf(uint64_t weight, int64_t asked) {
  return SharesToWeight(asked) == weight ? asked : LeastShares(weight);
}

}  // namespace

Status Group::Update(const Resources& resources) const {
  ASSIGN_OR_RETURN(const Resources whole, Completed(resources));
  std::vector<Former> formers;
  for (const Write& write : layout_.v2 ? PlanV2(whole) : PlanV1(whole)) {
    const std::optional<std::string> directory = DirectoryOf(write.controller);
    if (!directory) continue;
    const std::string path = *directory + "/" + write.file;
    const auto same = [&](const Former& former) { return former.path == path; };
    if (std::any_of(formers.begin(), formers.end(), same)) continue;
    if (Result<std::string> text = os::ReadFile(path, 65536); text.ok())
      formers.push_back({path, std::move(text).value()});
  }
  const Status applied = Apply(resources);
  if (!applied.ok()) PutAllBack(std::move(formers));
  return applied;
}

Resources Group::Read(const Resources& like) const {
  Resources out;
  const auto path = [&](const char* controller, const std::string& file) {
    return DirectoryOf(layout_.v2 ? "" : controller).value_or("/nowhere") + "/" + file;
  };
  const bool v2 = layout_.v2;
  if (like.cpu_shares != 0 && !v2) out.cpu_shares = Number(path("cpu", "cpu.shares"));
  if (like.cpu_shares != 0 && v2) {
    const int64_t weight = Number(path("cpu", "cpu.weight"));
    if (weight > 0) out.cpu_shares = SharesOf(static_cast<uint64_t>(weight), like.cpu_shares);
  }
  if (like.cpu_quota != 0 || like.cpu_period != 0) {
    if (v2) {
      const std::string both = Text(path("cpu", "cpu.max")).ValueOr("");
      const size_t space = both.find(' ');
      if (space != std::string::npos) {
        out.cpu_quota = base::ParseInt64(both.substr(0, space)).value_or(-1);
        out.cpu_period = base::ParseInt64(both.substr(space + 1)).value_or(0);
      }
    } else {
      out.cpu_quota = Number(path("cpu", "cpu.cfs_quota_us"));
      out.cpu_period = Number(path("cpu", "cpu.cfs_period_us"));
    }
  }
  if (!like.cpuset_cpus.empty()) out.cpuset_cpus = Text(path("cpuset", "cpuset.cpus")).ValueOr("");
  if (!like.cpuset_mems.empty()) out.cpuset_mems = Text(path("cpuset", "cpuset.mems")).ValueOr("");
  const std::string memory = path("memory", v2 ? "memory.max" : "memory.limit_in_bytes");
  if (like.memory_limit != 0) out.memory_limit = Number(memory);
  if (like.memory_swap_limit != 0 && !v2)
    out.memory_swap_limit = Number(path("memory", "memory.memsw.limit_in_bytes"));
  if (like.memory_swap_limit != 0 && v2) {
    // v2 counts swap alone.
    const std::string file = path("memory", "memory.swap.max");
    const int64_t limit = Number(memory), swap = Number(file);
    if (os::Exists(file)) out.memory_swap_limit = limit < 0 || swap < 0 ? -1 : limit + swap;
  }
  for (const auto& [size, asked] : like.hugepages) {
    const std::string file = path("hugetlb", "hugetlb." + size + (v2 ? ".max" : ".limit_in_bytes"));
    if (os::Exists(file)) out.hugepages[size] = Number(file);
  }
  for (const auto& [file, asked] : like.unified) {
    if (Result<std::string> text = Text(path("", file)); v2 && text.ok())
      out.unified[file] = std::move(text).value();
  }
  return out;
}

}  // namespace keelson::cgroup
