// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/layered_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "lib/base/strings.h"

namespace keelson::security {

using base::Error;
using base::Result;

namespace {

constexpr int kMaxSymlinks = 40;
constexpr size_t kMaxSteps = 4096;

bool IsOpaque(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    char value = 0;
    if (getxattr(path.c_str(), name, &value, 1) == 1 && value == 'y') return true;
  }
  return false;
}

Error Absent(std::string_view path) {
  return Error(base::Code::kNotFound, "'" + std::string(path) + "' is not in the image", ENOENT);
}

}  // namespace

// What one name in a merged directory is: a directory of several layers, or one thing of one layer,
// or nothing.
struct LayeredTree::Step {
  Merged directory;
  os::UniqueFd other;
  mode_t mode = 0;
};

Result<LayeredTree> LayeredTree::Open(const std::vector<std::string>& layer_dirs) {
  Merged root;
  for (const std::string& path : layer_dirs) {
    ASSIGN_OR_RETURN(os::RootedDir layer, os::RootedDir::Open(path));
    root.push_back(std::make_shared<const os::RootedDir>(std::move(layer)));
  }
  return LayeredTree(std::move(root));
}

Result<LayeredTree::Step> LayeredTree::Lookup(const Merged& directory, const std::string& name) {
  Step step;
  for (const auto& layer : directory) {
    Result<os::UniqueFd> found = layer->OpenAt(name, O_PATH | O_NOFOLLOW);
    if (!found.ok()) {
      if (found.error().os_errno() == ENOENT) continue;
      return found.error();
    }
    struct stat info{};
    if (fstat(found->get(), &info) != 0)
      return Error::FromErrno(errno, "stat '{}' in a layer", name);
    if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0))
      break;  // a whiteout ends the search
    if (!S_ISDIR(info.st_mode)) {
      if (step.directory.empty()) {
        step.mode = info.st_mode;
        step.other = *std::move(found);
      }
      break;
    }
    const bool opaque = IsOpaque(found->get());
    step.directory.push_back(std::make_shared<const os::RootedDir>(*std::move(found)));
    if (opaque) break;
  }
  if (!step.directory.empty()) step.mode = S_IFDIR;
  return step;
}

Result<os::UniqueFd> LayeredTree::Find(std::string_view path) const {
  std::vector<Merged> stack = {root_};
  std::vector<std::string> left;  // components still to walk, the next one last
  const auto push = [&left](std::string_view text) {
    const std::vector<std::string_view> parts = base::Split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (!part->empty() && *part != ".") left.emplace_back(*part);
    }
  };
  push(path);
  int symlinks = 0;
  for (size_t steps = 0; !left.empty(); ++steps) {
    if (steps > kMaxSteps || left.size() > kMaxSteps)
      return Error::FromErrno(ELOOP, "find '{}' in the image", path);
    const std::string name = std::move(left.back());
    left.pop_back();
    if (name == "..") {
      if (stack.size() > 1) stack.pop_back();
      continue;
    }
    ASSIGN_OR_RETURN(Step step, Lookup(stack.back(), name));
    if (step.mode == 0) return Absent(path);
    if (S_ISDIR(step.mode)) {
      stack.push_back(std::move(step.directory));
    } else if (S_ISLNK(step.mode)) {
      if (++symlinks > kMaxSymlinks) return Error::FromErrno(ELOOP, "find '{}' in the image", path);
      char target[PATH_MAX];
      const ssize_t size = readlinkat(step.other.get(), "", target, sizeof target);
      if (size <= 0)
        return Error::FromErrno(size < 0 ? errno : ENOENT,
                                "read a symlink on the way to '{}' in the image", path);
      const std::string_view text(target, static_cast<size_t>(size));
      if (text.front() == '/') stack.resize(1);
      push(text);
    } else if (left.empty()) {
      return std::move(step.other);
    } else {
      return Error::FromErrno(ENOTDIR, "find '{}' in the image", path);
    }
  }
  if (stack.back().empty()) return Absent(path);
  return os::UniqueFd(fcntl(stack.back().front()->fd(), F_DUPFD_CLOEXEC, 3));
}

}  // namespace keelson::security
