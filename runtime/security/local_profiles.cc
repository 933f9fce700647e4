// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/local_profiles.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"
#include "runtime/security/seccomp_profile.h"

namespace keelson::security {

using base::Error;
using base::Result;

namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;

std::string WithoutSlashAtEnd(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

Result<std::string> Read(const std::string& root, const std::string& path) {
  if (!path.starts_with(root + "/"))
    return base::PermissionDenied("it is not below '{}' (--seccomp-root)", root);
  const std::string below = path.substr(root.size() + 1);
  const std::vector<std::string_view> parts = base::Split(below, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end())
    return base::PermissionDenied("'..' in its name leads out of '{}'", root);
  ASSIGN_OR_RETURN(const os::RootedDir directory, os::RootedDir::Open(root));
  // Never waits for somebody to write into a pipe of that name.
  ASSIGN_OR_RETURN(const os::UniqueFd file,
                   directory.OpenAt(below, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat st{};
  if (fstat(file.get(), &st) != 0) return Error::FromErrno(errno, "stat");
  if (!S_ISREG(st.st_mode)) return base::InvalidArgument("it is not a regular file");
  if (st.st_size > static_cast<off_t>(kMaxBytes))
    return base::ResourceExhausted("it has more than {} bytes", kMaxBytes);
  return os::ReadAll(file.get(), kMaxBytes);
}

}  // namespace

LocalProfiles::LocalProfiles(std::string root) : root_(WithoutSlashAtEnd(std::move(root))) {}

Result<seccomp::Profile> LocalProfiles::Parse(const std::string& path,
                                              uint64_t granted_capabilities) const {
  const std::string context = "seccomp profile " + base::QuoteIfNeeded(path.substr(0, 500));
  ASSIGN_OR_RETURN(const std::string text, Read(root_, path).WithContext(context));
  return ParseSeccompProfile(text, OfThisMachine(granted_capabilities)).WithContext(context);
}

Result<seccomp::Program> LocalProfiles::Load(const std::string& path,
                                             uint64_t granted_capabilities) {
  ASSIGN_OR_RETURN(const seccomp::Profile profile, Parse(path, granted_capabilities));
  return cache_.Get(profile).WithContext("seccomp profile " +
                                         base::QuoteIfNeeded(path.substr(0, 500)));
}

}  // namespace keelson::security
