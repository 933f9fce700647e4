// SPDX-License-Identifier: Apache-2.0
#include "lib/os/rooted_dir.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/os/files.h"

namespace keelson::os {

using base::Error;
using base::Result;

Result<RootedDir> RootedDir::Open(const std::string& host_path) {
  ASSIGN_OR_RETURN(UniqueFd fd, os::Open(host_path, O_PATH | O_DIRECTORY));
  return RootedDir(std::move(fd));
}

Result<UniqueFd> RootedDir::OpenAt(std::string_view path, int flags, unsigned mode) const {
  return OpenAt(path, flags, mode, Limits{});
}

Result<UniqueFd> RootedDir::OpenAt(std::string_view path, int flags, unsigned mode,
                                   Limits limits) const {
  std::string text = path.empty() ? "." : std::string(path);
  if (text.find('\0') != std::string::npos) return base::InvalidArgument("path holds a NUL byte");
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (limits.no_xdev) how.resolve |= RESOLVE_NO_XDEV;
  if (limits.no_symlinks) how.resolve |= RESOLVE_NO_SYMLINKS;
  if (KEELSON_WEAKENED_AT("rooted")) {
    how.resolve = 0;
    text = "./" + text;
  }
  while (true) {
    UniqueFd fd(
        static_cast<int>(syscall(SYS_openat2, root_.get(), text.c_str(), &how, sizeof how)));
    if (fd) return fd;
    // EAGAIN: a rename or mount raced with a ".." lookup; the kernel asks for another try.
    if (errno != EINTR && errno != EAGAIN)
      return Error::FromErrno(errno, "open '{}' below the root", text);
  }
}

namespace {

// Lexical clean-up: "." and empty parts dropped; ".." is left to the kernel, which keeps it inside
// the root.
std::vector<std::string> Components(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : base::Split(path, '/')) {
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  return parts;
}

}  // namespace

Result<UniqueFd> RootedDir::MakeDirs(std::string_view path, unsigned mode) const {
  if (Result<UniqueFd> there = OpenAt(path, O_PATH | O_DIRECTORY); there.ok()) return there;
  std::string prefix;
  ASSIGN_OR_RETURN(UniqueFd current, OpenAt(".", O_PATH | O_DIRECTORY));
  for (const std::string& part : Components(path)) {
    prefix += '/';
    prefix += part;
    Result<UniqueFd> next = OpenAt(prefix, O_PATH | O_DIRECTORY);
    if (!next.ok() && next.error().os_errno() == ENOENT && part != "..") {
      if (mkdirat(current.get(), part.c_str(), mode) != 0 && errno != EEXIST) {
        return Error::FromErrno(errno, "mkdir '{}' below the root", prefix);
      }
      next = OpenAt(prefix, O_PATH | O_DIRECTORY);
    }
    if (!next.ok()) return next.error();
    current = std::move(next).value();
  }
  return current;
}

Result<UniqueFd> RootedDir::MakeFile(std::string_view path, unsigned mode) const {
  if (Result<UniqueFd> there = OpenAt(path, O_PATH); there.ok()) return there;
  std::vector<std::string> parts = Components(path);
  if (parts.empty() || parts.back() == "..")
    return base::InvalidArgument("'{}' is not the name of a file", path);
  const std::string leaf = parts.back();
  parts.pop_back();
  std::string parent;
  for (const std::string& part : parts) parent += "/" + part;
  ASSIGN_OR_RETURN(const UniqueFd dir, MakeDirs(parent, 0755));
  UniqueFd made(
      openat(dir.get(), leaf.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, mode));
  if (!made && errno != EEXIST) return Error::FromErrno(errno, "create '{}' below the root", path);
  return OpenAt(path, O_PATH);
}

}  // namespace keelson::os
