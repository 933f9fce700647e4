// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/os/files.h"

namespace keelson::container {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMostDevices = 4096;
constexpr int kDeepest = 8;

bool IsDevice(const struct stat& st) { return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode); }

spec::Device NodeOf(const struct stat& st, std::string path) {
  spec::Device node;
  node.path = std::move(path);
  node.mode = st.st_mode & (S_IFMT | 0777);
  node.major = major(st.st_rdev);
  node.minor = minor(st.st_rdev);
  node.uid = st.st_uid;
  node.gid = st.st_gid;
  return node;
}

// Links are left out: what they lead to is below as well, or is none of ours.
Status Walk(int dir, const std::string& path, const std::vector<std::string>& without, int depth,
            std::vector<spec::Device>& found) {
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(dir));
  for (const os::DirEntry& entry : entries) {
    const std::string below = path + "/" + entry.name;
    if (std::find(without.begin(), without.end(), below) != without.end()) continue;
    struct stat st{};
    if (fstatat(dir, entry.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // unplugged meanwhile
      return Error::FromErrno(errno, "stat '{}'", below);
    }
    if (IsDevice(st)) {
      found.push_back(NodeOf(st, below));
      if (found.size() > kMostDevices)
        return base::ResourceExhausted("'{}' holds more than {} devices", path, kMostDevices);
    } else if (S_ISDIR(st.st_mode) && depth < kDeepest) {
      const Result<os::UniqueFd> child =
          os::OpenAt(dir, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (!child.ok() && child.error().os_errno() == ENOENT) continue;
      if (!child.ok()) return child.error();
      RETURN_IF_ERROR(Walk(child->get(), below, without, depth + 1, found));
    }
  }
  return base::Ok();
}

}  // namespace

Result<std::vector<FoundDevice>> FindDevices(const DeviceRequest& request) {
  struct stat st{};
  if (stat(request.host_path.c_str(), &st) != 0)
    return Error::FromErrno(errno, "{}: host device '{}'", request.field, request.host_path);
  std::vector<spec::Device> nodes;
  if (IsDevice(st)) {
    nodes.push_back(NodeOf(st, request.container_path));
  } else if (S_ISDIR(st.st_mode)) {
    ASSIGN_OR_RETURN(const os::UniqueFd dir, os::Open(request.host_path, O_RDONLY | O_DIRECTORY));
    RETURN_IF_ERROR(
        Walk(dir.get(), request.container_path, {}, 0, nodes).WithContext(request.field));
  }
  if (nodes.empty())
    return base::InvalidArgument("{}: '{}' is neither a device nor a directory that holds one",
                                 request.field, request.host_path);
  std::vector<FoundDevice> out;
  for (spec::Device& node : nodes) {
    if (request.file_mode) node.mode = (node.mode & S_IFMT) | (*request.file_mode & 0777);
    node.uid = request.uid.value_or(node.uid);
    node.gid = request.gid.value_or(node.gid);
    const cgroup::DeviceRule rule{true, S_ISBLK(node.mode) ? 'b' : 'c', node.major, node.minor,
                                  request.permissions};
    out.push_back({std::move(node), rule});
  }
  return out;
}

Result<std::vector<spec::Device>> AllDevices(const std::string& root) {
  std::vector<std::string> without;
  for (const char* own :
       {"/pts", "/shm", "/mqueue", "/console", "/ptmx", "/fd", "/.udev", "/.lxc", "/.lxd-mounts"})
    without.push_back(root + own);
  ASSIGN_OR_RETURN(const os::UniqueFd dir, os::Open(root, O_RDONLY | O_DIRECTORY));
  std::vector<spec::Device> found;
  RETURN_IF_ERROR(Walk(dir.get(), root, without, 0, found));
  return found;
}

}  // namespace keelson::container
