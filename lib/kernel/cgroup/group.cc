// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/cgroup/devices.h"
#include "lib/os/files.h"

namespace keelson::cgroup {

using base::Error;
using base::Result;
using base::Status;

Result<Layout> DetectLayout() {
  ASSIGN_OR_RETURN(const std::string mountinfo, os::ReadFile("/proc/self/mountinfo"));
  return ParseLayout(mountinfo);
}

Group::Group(const Layout& layout, std::string path) : layout_(layout), path_(std::move(path)) {
  KEELSON_CHECK(path_.size() > 1 && path_.front() == '/' && path_.find("..") == std::string::npos);
}

std::vector<std::string> Group::V1Directories() const {
  std::vector<std::string> out;
  for (const auto& [name, mount_point] : layout_.hierarchies) {
    if (std::find(out.begin(), out.end(), mount_point + path_) == out.end())
      out.push_back(mount_point + path_);
  }
  return out;
}

std::string Group::UnifiedDirectory() const {
  return layout_.unified.empty() ? "" : layout_.unified + path_;
}

std::string Group::MemoryDirectory() const {
  if (layout_.v2) return layout_.unified + path_;
  const auto memory = layout_.hierarchies.find("memory");
  return memory == layout_.hierarchies.end() ? "" : memory->second + path_;
}

std::optional<std::string> Group::DirectoryOf(const std::string& controller) const {
  if (layout_.v2) return layout_.unified + path_;
  const auto found = layout_.hierarchies.find(controller);
  if (found == layout_.hierarchies.end()) return std::nullopt;
  return found->second + path_;
}

std::vector<std::string> Group::AllDirectories() const {
  std::vector<std::string> out = V1Directories();
  if (!layout_.unified.empty()) out.push_back(UnifiedDirectory());
  return out;
}

namespace {

constexpr std::string_view kControllers[] = {"cpu", "cpuset", "hugetlb", "io", "memory", "pids"};
constexpr std::string_view kNeeded[] = {"cpu", "cpuset", "memory", "pids"};

bool Contains(const std::vector<std::string_view>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

Result<std::string> ReadControl(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, 65536));
  return std::string(base::Trim(text));
}

Status FillCpuset(const std::string& directory) {
  const std::string parent = directory.substr(0, directory.find_last_of('/'));
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    ASSIGN_OR_RETURN(const std::string own, ReadControl(directory + file));
    if (!own.empty()) continue;
    ASSIGN_OR_RETURN(std::string inherited, ReadControl(parent + file));
    if (inherited.empty()) {  // somebody else is just making it; the tree's root is never empty
      RETURN_IF_ERROR(FillCpuset(parent));
      ASSIGN_OR_RETURN(inherited, ReadControl(parent + file));
    }
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, directory + file, inherited));
  }
  return base::Ok();
}

// Hands down what the parent has of the controllers that we use. All at once; a kernel that refuses
// one of them (realtime tasks stop "cpu") refuses the whole line, so then each alone: only those
// that limits need are missed. A group with processes of its own cannot hand down at all (EBUSY):
// said as it is.
Status EnableControllers(const std::string& parent, bool every) {
  ASSIGN_OR_RETURN(const std::string enabled, ReadControl(parent + "/cgroup.subtree_control"));
  const std::vector<std::string_view> have = base::Split(enabled, ' ');
  const auto handed_down = [&](std::string_view name) { return Contains(have, name); };
  if (!every && std::all_of(std::begin(kControllers), std::end(kControllers), handed_down))
    return base::Ok();
  const bool enough = std::all_of(std::begin(kNeeded), std::end(kNeeded), handed_down);
  ASSIGN_OR_RETURN(const std::string text, ReadControl(parent + "/cgroup.controllers"));
  const std::vector<std::string_view> available = base::Split(text, ' ');
  std::vector<std::string> missing;
  for (const std::string_view controller : available) {
    const bool wanted = every || std::find(std::begin(kControllers), std::end(kControllers),
                                           controller) != std::end(kControllers);
    if (wanted && !controller.empty() && !Contains(have, controller))
      missing.push_back("+" + std::string(controller));
  }
  if (missing.empty()) return base::Ok();
  const std::string path = parent + "/cgroup.subtree_control";
  const Status all = os::WriteControl(AT_FDCWD, path, base::Join(missing, " "));
  if (all.ok() || (all.error().os_errno() == EBUSY && !enough)) return all;
  for (const std::string& one : missing) {
    const Status status = os::WriteControl(AT_FDCWD, path, one);
    const bool needed = std::find(std::begin(kNeeded), std::end(kNeeded),
                                  std::string_view(one).substr(1)) != std::end(kNeeded);
    if (!status.ok() && needed) return status;
  }
  return base::Ok();
}

// mkdir of the whole path at once when the parents are there, as they nearly always are.
Status MakeV1(const std::string& mount_point, const std::string& path, bool cpuset) {
  const std::string whole = mount_point + path;
  if (mkdir(whole.c_str(), 0755) == 0) return cpuset ? FillCpuset(whole) : base::Ok();
  if (errno == EEXIST) return cpuset ? FillCpuset(whole) : base::Ok();
  if (errno != ENOENT) return Error::FromErrno(errno, "make cgroup '{}'", whole);
  for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string directory = mount_point + path.substr(0, at);
    RETURN_IF_ERROR(os::MakeDir(directory, 0755));
    if (cpuset) RETURN_IF_ERROR(FillCpuset(directory));
    if (at == std::string::npos) return base::Ok();
  }
}

// Several writes to one file share one descriptor: a container has ten device rules.
class Writer {
 public:
  Status Write(const std::string& path, const std::string& value) {
    if (path != path_) {
      path_.clear();
      ASSIGN_OR_RETURN(fd_, os::Open(path, O_WRONLY));
      path_ = path;
    }
    while (write(fd_.get(), value.data(), value.size()) < 0) {
      if (errno != EINTR) return Error::FromErrno(errno, "write '{}' to '{}'", value, path);
    }
    return base::Ok();
  }

 private:
  std::string path_;
  os::UniqueFd fd_;
};

// A kernel without swap accounting or hugetlb has no such file; "a" is refused where the parent
// itself may not use every device, and then the group has the parent's rules already.
bool Forgiven(const Write& write, const Error& error) {
  if (!write.optional) return false;
  const int code = error.os_errno();
  return code == ENOENT || code == EOPNOTSUPP ||
         (write.file == "devices.allow" && (code == EPERM || code == EINVAL));
}

}  // namespace

Result<std::string> JoinPath(std::string_view parent, std::string_view name) {
  std::string path(parent);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty() || path.front() != '/') {
    return base::InvalidArgument(
        "cgroup parent '{}' is not an absolute path (systemd slices need the systemd driver, which "
        "is not used)",
        parent);
  }
  if (path == "/") path.clear();
  path += "/" + std::string(name);
  if (base::ContainsControlCharacter(path) || path.size() > 3000)
    return base::InvalidArgument("cgroup path '{}' is not usable", path.substr(0, 200));
  for (const std::string_view part : base::Split(std::string_view(path).substr(1), '/')) {
    if (part.empty() || part == "." || part == ".." || part.size() > 255)
      return base::InvalidArgument("cgroup path '{}' is not plain", path);
  }
  return path;
}

Status Group::Create(bool every_controller) const {
  for (const std::string& directory : V1Directories()) {
    const std::string mount_point = directory.substr(0, directory.size() - path_.size());
    const auto cpuset = layout_.hierarchies.find("cpuset");
    const bool is_cpuset = cpuset != layout_.hierarchies.end() && cpuset->second == mount_point;
    RETURN_IF_ERROR(MakeV1(mount_point, path_, is_cpuset).WithContext("make cgroup"));
  }
  if (layout_.unified.empty()) return base::Ok();
  if (!layout_.v2) return MakeV1(layout_.unified, path_, false).WithContext("make cgroup");
  for (size_t at = path_.find('/', 1);; at = path_.find('/', at + 1)) {
    const std::string directory = layout_.unified + path_.substr(0, at);
    const std::string parent = directory.substr(0, directory.find_last_of('/'));
    RETURN_IF_ERROR(
        EnableControllers(parent, every_controller).WithContext("hand controllers down"));
    RETURN_IF_ERROR(os::MakeDir(directory, 0755));
    if (at == std::string::npos) break;
  }
  return base::Ok();
}

// What a v2 file holds together but a request may name by half is completed from the kernel's
// present value.
Result<Resources> Group::Completed(const Resources& resources) const {
  Resources out = resources;
  if (!layout_.v2) return out;
  const std::string directory = layout_.unified + path_;
  if (out.cpu_period != 0 && out.cpu_quota == 0) {
    ASSIGN_OR_RETURN(const std::string now, ReadControl(directory + "/cpu.max"));
    out.cpu_quota = base::ParseInt64(now.substr(0, now.find(' '))).value_or(-1);
  }
  if (out.memory_swap_limit > 0 && out.memory_limit == 0) {
    ASSIGN_OR_RETURN(const std::string now, ReadControl(directory + "/memory.max"));
    out.memory_limit = base::ParseInt64(now).value_or(-1);
  }
  if (out.memory_swap_limit > 0 && out.memory_swap_limit < out.memory_limit) {
    return base::InvalidArgument(
        "the limit of memory and swap together, {}, is below that of memory, {}",
        out.memory_swap_limit, out.memory_limit);
  }
  return out;
}

// memory.max below the present use would kill; v1 refuses (EBUSY) and so do we, after the kernel
// has given back what it can.
Status Group::CheckShrink(int64_t limit, int64_t with_swap) const {
  const std::string directory = layout_.unified + path_;
  const auto used = [&] {
    return base::ParseInt64(ReadControl(directory + "/memory.current").ValueOr("0")).value_or(0);
  };
  int64_t now = used();
  if (now <= limit) return base::Ok();
  (void)os::WriteControl(AT_FDCWD, directory + "/memory.reclaim", std::to_string(now - limit));
  now = used();
  if (now <= limit) return base::Ok();
  const bool both = with_swap > 0 && now > with_swap;
  return base::FailedPrecondition("rejecting memory{} limit {} of '{}': {} bytes are in use",
                                  both ? "+swap" : "", both ? with_swap : limit, path_, now);
}

Status Group::Apply(const Resources& requested) const {
  ASSIGN_OR_RETURN(const Resources resources, Completed(requested));
  if (!layout_.v2 && !resources.unified.empty()) {
    return base::InvalidArgument("cannot set {}: it is of cgroup v2, this machine has v1",
                                 resources.unified.begin()->first);
  }
  if (layout_.v2 && !resources.may_kill) {
    if (resources.memory_limit > 0)
      RETURN_IF_ERROR(CheckShrink(resources.memory_limit, resources.memory_swap_limit));
    if (const auto own = resources.unified.find("memory.max"); own != resources.unified.end()) {
      if (const std::optional<int64_t> limit = base::ParseInt64(own->second))
        RETURN_IF_ERROR(CheckShrink(*limit, 0));
    }
  }
  std::vector<Write> writes = layout_.v2 ? PlanV2(resources) : PlanV1(resources);
  Writer writer;
  for (size_t i = 0; i < writes.size(); ++i) {
    const Write& write = writes[i];
    const std::optional<std::string> directory = DirectoryOf(write.controller);
    if (!directory && write.optional) continue;
    if (!directory) {
      return base::FailedPrecondition("cannot set {} to '{}': this machine has no {} cgroup",
                                      write.file, write.value, write.controller);
    }
    Status status = writer.Write(*directory + "/" + write.file, write.value);
    if (!status.ok() && status.error().os_errno() == ENOENT && !write.other_file.empty())
      status = writer.Write(*directory + "/" + write.other_file, write.other_value);
    if (status.ok() || Forgiven(write, status.error())) continue;
    // Two limits that bound each other (memory and memory+swap, quota and period): growing needs
    // the other order.
    if (write.partner && i + 1 < writes.size() && !writes[i].swapped) {
      std::swap(writes[i], writes[i + 1]);
      writes[i].swapped = writes[i + 1].swapped = true;
      writes[i].partner = false;
      --i;
      continue;
    }
    return status.error().WithContext("set cgroup limit").WithCode(base::Code::kInvalidArgument);
  }
  if (layout_.v2 && !resources.devices.empty())
    return AttachDeviceRules(layout_.unified + path_, resources.devices);
  return base::Ok();
}

Status Group::Freeze(bool on) const {
  if (layout_.v2)
    return os::WriteControl(AT_FDCWD, UnifiedDirectory() + "/cgroup.freeze", on ? "1" : "0");
  const auto freezer = layout_.hierarchies.find("freezer");
  if (freezer == layout_.hierarchies.end())
    return base::FailedPrecondition("this machine has no freezer cgroup");
  return os::WriteControl(AT_FDCWD, freezer->second + path_ + "/freezer.state",
                          on ? "FROZEN" : "THAWED");
}

}  // namespace keelson::cgroup
