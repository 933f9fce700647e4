// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/os/files.h"
#include "runtime/security/identity.h"
#include "runtime/security/layered_tree.h"

namespace keelson::security {

using base::Error;
using base::Result;

namespace {

constexpr uint64_t kMaxId = 0xfffffffe;  // 2^32-2: 2^32-1 is "no change" to the kernel

std::optional<uint32_t> Id(std::string_view text) {
  const std::optional<uint64_t> number = base::ParseUint64(text);
  if (!number || *number > kMaxId) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

// Calls `line` for every line of the bounded text.
template <typename F>
base::Status ForEachLine(std::string_view what, std::string_view text, F line) {
  if (text.size() > kMaxIdentityFile && !KEELSON_WEAKENED_AT("identity-bound"))
    return base::ResourceExhausted("the image's {} is larger than {} bytes", what,
                                   kMaxIdentityFile);
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    if (end - at > kMaxIdentityLine && !KEELSON_WEAKENED_AT("identity-bound"))
      return base::ResourceExhausted("the image's {} has a line longer than {} bytes", what,
                                     kMaxIdentityLine);
    line(text.substr(at, end - at));
    at = end + 1;
  }
  return base::Ok();
}

// Only a regular file is opened for reading: opening a device or a pipe of the image's making would
// already do something.
Result<std::string> ReadRegular(const Result<os::UniqueFd>& found, const std::string& path) {
  if (!found.ok()) {
    if (found.error().os_errno() == ENOENT || found.error().os_errno() == ENOTDIR)
      return std::string();
    return found.error().WithContext("read the image's " + path);
  }
  struct stat info{};
  if (fstat(found->get(), &info) != 0) return Error::FromErrno(errno, "read the image's {}", path);
  if (!S_ISREG(info.st_mode))
    return base::InvalidArgument("the image's {} is not a regular file", path);
  ASSIGN_OR_RETURN(const os::UniqueFd file,
                   os::Open("/proc/self/fd/" + std::to_string(found->get()), O_RDONLY));
  Result<std::string> text =
      os::ReadAll(file.get(), KEELSON_WEAKENED_AT("identity-bound") ? SIZE_MAX : kMaxIdentityFile);
  if (!text.ok()) return text.error().WithContext("read the image's " + path);
  return text;
}

}  // namespace

Result<IdentityFiles> IdentityFiles::Parse(std::string_view passwd, std::string_view group) {
  IdentityFiles files;
  RETURN_IF_ERROR(ForEachLine("/etc/passwd", passwd, [&](std::string_view line) {
    const std::vector<std::string_view> fields = base::Split(line, ':');
    if (fields.size() < 4 || fields[0].empty()) return;
    const std::optional<uint32_t> uid = Id(fields[2]);
    const std::optional<uint32_t> gid = Id(fields[3]);
    if (!uid || !gid) return;
    files.users_.push_back(
        {std::string(fields[0]), *uid, *gid, fields.size() > 5 ? std::string(fields[5]) : ""});
  }));
  RETURN_IF_ERROR(ForEachLine("/etc/group", group, [&](std::string_view line) {
    const std::vector<std::string_view> fields = base::Split(line, ':');
    if (fields.size() < 3 || fields[0].empty()) return;
    const std::optional<uint32_t> gid = Id(fields[2]);
    if (!gid) return;
    Group entry{std::string(fields[0]), *gid, {}};
    if (fields.size() > 3) {
      for (const std::string_view member : base::Split(fields[3], ',')) {
        if (!base::Trim(member).empty()) entry.members.emplace_back(base::Trim(member));
      }
    }
    files.groups_.push_back(std::move(entry));
  }));
  return files;
}

Result<IdentityFiles> IdentityFiles::ReadFrom(const os::RootedDir& root) {
  ASSIGN_OR_RETURN(const std::string passwd,
                   ReadRegular(root.OpenAt("etc/passwd", O_PATH), "/etc/passwd"));
  ASSIGN_OR_RETURN(const std::string group,
                   ReadRegular(root.OpenAt("etc/group", O_PATH), "/etc/group"));
  return Parse(passwd, group);
}

Result<IdentityFiles> IdentityFiles::ReadFromLayers(const std::vector<std::string>& layer_dirs) {
  ASSIGN_OR_RETURN(const LayeredTree tree, LayeredTree::Open(layer_dirs));
  ASSIGN_OR_RETURN(const std::string passwd, ReadRegular(tree.Find("etc/passwd"), "/etc/passwd"));
  ASSIGN_OR_RETURN(const std::string group, ReadRegular(tree.Find("etc/group"), "/etc/group"));
  return Parse(passwd, group);
}

const IdentityFiles::User* IdentityFiles::FindUser(std::string_view name) const {
  for (const User& user : users_) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

const IdentityFiles::User* IdentityFiles::FindUser(uint32_t uid) const {
  for (const User& user : users_) {
    if (user.uid == uid) return &user;
  }
  return nullptr;
}

const IdentityFiles::Group* IdentityFiles::FindGroup(std::string_view name) const {
  for (const Group& group : groups_) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

}  // namespace keelson::security
