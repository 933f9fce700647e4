// SPDX-License-Identifier: Apache-2.0
// kubepods.slice, kubepods-burstable.slice, kubepods-burstable-pod<uid with _ for ->.slice, as
// upstream's kubelet names them. Limits are properties of the units, so that a daemon-reload keeps
// them; what systemd does not know (huge pages) it does not touch, and is written to the files.
#include <map>
#include <mutex>

#include "kubelet/cgroup/tree.h"
#include "lib/base/strings.h"
#include "lib/systemd/names.h"

namespace keelson::node_cgroup {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kUnderscore = "\\x5f";  // as systemd writes it, where '_' stands for '-'
constexpr std::string_view kSuffix = ".slice";

std::string Escaped(const std::string& part) {
  std::string out;
  for (const char c : part) out += c == '_' ? std::string(kUnderscore) : std::string(1, c);
  return out;
}

std::string SliceNameOf(const Parts& parts) {
  Parts escaped;
  for (const std::string& part : parts) escaped.push_back(Escaped(part));
  return systemd::JoinSlice(escaped);
}

class SystemdTree final : public Tree {
 public:
  SystemdTree(cgroup::Layout layout, std::unique_ptr<systemd::Units> units)
      : layout_(std::move(layout)), units_(std::move(units)) {}

  Result<std::string> PathOf(const Parts& parts) const override {
    return systemd::PathOfSlice(SliceNameOf(parts));
  }

  std::optional<std::string> PartOf(const Parts& parent,
                                    const std::string& directory) const override {
    std::string above = SliceNameOf(parent);
    above.replace(above.size() - kSuffix.size(), kSuffix.size(), "-");
    if (!directory.starts_with(above) || !directory.ends_with(kSuffix)) return std::nullopt;
    std::string_view name(directory);
    name.remove_prefix(above.size());
    name.remove_suffix(kSuffix.size());
    std::string part;
    while (!name.empty()) {
      const bool underscore = name.starts_with(kUnderscore);
      part += underscore ? '_' : name.front() == '_' ? '-' : name.front();
      name.remove_prefix(underscore ? kUnderscore.size() : 1);
    }
    return part;
  }

  Status Ensure(const Parts& parts, const cgroup::Resources& resources) override {
    ASSIGN_OR_RETURN(const std::string path, PathOf(parts));
    const std::string slice = SliceNameOf(parts);
    const systemd::Properties limits = SliceLimits(resources);
    const cgroup::Group group(layout_, path);
    if (!group.Exists() || !IsKnown(slice, limits)) {
      RETURN_IF_ERROR(systemd::EnsureSlice(*units_, slice, limits));
      const std::lock_guard lock(mutex_);
      known_[slice] = limits;
    }
    cgroup::Resources rest;
    rest.hugepages = resources.hugepages;
    rest.oom_group = false;
    if (rest.hugepages.empty()) return {};
    RETURN_IF_ERROR(group.Create());  // hands the controller down, which systemd does not
    return group.Apply(rest);
  }

  Status Remove(const Parts& parts) override {
    ASSIGN_OR_RETURN(const std::string path, PathOf(parts));
    const std::string slice = SliceNameOf(parts);
    {
      const std::lock_guard lock(mutex_);
      const std::string below = slice.substr(0, slice.size() - kSuffix.size()) + "-";
      std::erase_if(known_, [&](const auto& entry) {
        return entry.first == slice || entry.first.starts_with(below);
      });
    }
    const cgroup::Group group(layout_, path);
    if (!group.Exists()) return {};
    RETURN_IF_ERROR(group.Kill());  // so that systemd has nothing to wait for
    RETURN_IF_ERROR(units_->Stop(slice));
    return group.Remove();
  }

 private:
  // Pods are asked for again and again, with the same limits as a rule.
  bool IsKnown(const std::string& slice, const systemd::Properties& limits) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(slice);
    return found != known_.end() && found->second == limits;
  }

  const cgroup::Layout layout_;
  const std::unique_ptr<systemd::Units> units_;
  std::mutex mutex_;
  std::map<std::string, systemd::Properties> known_;  // guarded by mutex_
};

uint64_t Limit(int64_t value) {
  return value < 0 ? systemd::kInfinity : static_cast<uint64_t>(value);
}

}  // namespace

systemd::Properties SliceLimits(const cgroup::Resources& resources) {
  systemd::Properties out;
  if (resources.cpu_shares != 0)
    out.push_back({"CPUWeight", cgroup::SharesToWeight(resources.cpu_shares)});
  if (resources.cpu_period != 0)
    out.push_back({"CPUQuotaPeriodUSec", static_cast<uint64_t>(resources.cpu_period)});
  if (resources.cpu_quota < 0) out.push_back({"CPUQuotaPerSecUSec", systemd::kInfinity});
  if (resources.cpu_quota > 0 && resources.cpu_period > 0) {
    // systemd keeps whole percents of a CPU: up, so that the containers' own quotas fit.
    constexpr uint64_t kSecond = 1'000'000, kPercent = kSecond / 100;
    const uint64_t wanted = static_cast<uint64_t>(resources.cpu_quota) * kSecond /
                            static_cast<uint64_t>(resources.cpu_period);
    out.push_back({"CPUQuotaPerSecUSec", (wanted + kPercent - 1) / kPercent * kPercent});
  }
  if (resources.memory_limit != 0) out.push_back({"MemoryMax", Limit(resources.memory_limit)});
  if (resources.pids_limit != 0) out.push_back({"TasksMax", Limit(resources.pids_limit)});
  return out;
}

std::unique_ptr<Tree> MakeSystemdTree(cgroup::Layout layout,
                                      std::unique_ptr<systemd::Units> units) {
  return std::make_unique<SystemdTree>(std::move(layout), std::move(units));
}

}  // namespace keelson::node_cgroup
