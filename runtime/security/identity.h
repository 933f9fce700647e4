// SPDX-License-Identifier: Apache-2.0
// Who a container's process is: the one strict parser of "user[:group]" and of an image's passwd
// and group files. Digits alone are always a number and never looked up as a name; numbers go up to
// 2^32-2; files are read up to fixed bounds, never through a device or a pipe. Nothing falls back
// to root: what cannot be resolved is an error. Pure but for ReadFrom…(), any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/rooted_dir.h"
#include "runtime/spec/container_spec.h"

namespace keelson::security {

constexpr size_t kMaxIdentityFile = 1u << 20;
constexpr size_t kMaxIdentityLine = 64u << 10;
constexpr size_t kMaxGroups = 65536;  // NGROUPS_MAX

// "1000", "web", "1000:50", "web:staff". Each side is a number or a name, never both; both sides
// empty: nobody was named.
struct UserText {
  std::optional<uint32_t> uid;
  std::string user;
  std::optional<uint32_t> gid;
  std::string group;
  bool has_group() const { return gid.has_value() || !group.empty(); }
  bool operator==(const UserText&) const = default;
};
base::Result<UserText> ParseUserText(std::string_view text);

// passwd(5) and group(5) of an image. Lines that are not of the form are passed over; a line too
// long or a file too big is an error.
class IdentityFiles {
 public:
  struct User {
    std::string name;
    uint32_t uid = 0;
    uint32_t gid = 0;
    std::string home;
  };
  struct Group {
    std::string name;
    uint32_t gid = 0;
    std::vector<std::string> members;
  };
  static base::Result<IdentityFiles> Parse(std::string_view passwd, std::string_view group);
  // /etc/passwd and /etc/group below `root`; an absent file is an empty one, anything but a regular
  // file is refused.
  static base::Result<IdentityFiles> ReadFrom(const os::RootedDir& root);
  // The same from an image's unpacked layers, top first, as overlay would show them; nothing is
  // mounted.
  static base::Result<IdentityFiles> ReadFromLayers(const std::vector<std::string>& layer_dirs);

  // The first line that matches, as every C library does it.
  const User* FindUser(std::string_view name) const;
  const User* FindUser(uint32_t uid) const;
  const Group* FindGroup(std::string_view name) const;
  const std::vector<Group>& groups() const { return groups_; }

 private:
  std::vector<User> users_;
  std::vector<Group> groups_;
};

enum class GroupsPolicy : uint8_t { kMerge, kStrict };  // CRI's SupplementalGroupsPolicy

// CRI's and the image's wishes as they came. run_as_user or run_as_username, when there, stands
// instead of image_user.
struct UserRequest {
  std::string image_user;
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group;
  std::string run_as_username;
  std::vector<int64_t> supplemental_groups;  // the pod's fsGroup is among them
  GroupsPolicy policy = GroupsPolicy::kMerge;
};
// groups: the primary group first, then the supplemental ones, then (kMerge) those that the image's
// group file gives the user; each once.
base::Result<spec::Identity> ResolveUser(const UserRequest& request, const IdentityFiles& files);
// HOME for that user: the passwd file's when it is a plain absolute path, else "/" (and "/root" for
// 0).
std::string HomeOf(const spec::Identity& identity, const IdentityFiles& files);

}  // namespace keelson::security
