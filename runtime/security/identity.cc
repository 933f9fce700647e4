// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/identity.h"

#include <algorithm>
#include <unordered_set>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"

namespace keelson::security {

using base::InvalidArgument;
using base::Result;
using base::Status;

namespace {

constexpr uint64_t kMaxId = 0xfffffffe;
constexpr size_t kMaxName = 256;

bool AllDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// One side of "user:group". Never both answers; never neither.
Status ParseSide(std::string_view what, std::string_view whole, std::string_view side,
                 std::optional<uint32_t>& id, std::string& name) {
  if (side.empty())
    return InvalidArgument("user {}: the {} is empty", base::QuoteIfNeeded(whole), what);
  if (AllDigits(side)) {
    const std::optional<uint64_t> number = base::ParseUint64(side);
    if (!number || (*number > kMaxId && !KEELSON_WEAKENED_AT("identity-range"))) {
      return InvalidArgument("user {}: the {} is out of range, the highest is {}",
                             base::QuoteIfNeeded(whole), what, kMaxId);
    }
    id = static_cast<uint32_t>(*number);
    return base::Ok();
  }
  const bool plain = std::all_of(side.begin(), side.end(), [](unsigned char c) {
    return c > ' ' && c != 0x7f && c != ',' && c != '/';
  });
  if (!plain || side.size() > kMaxName || side.front() == '-' || side.front() == '+') {
    return InvalidArgument("user {}: the {} is neither a number nor a name",
                           base::QuoteIfNeeded(whole), what);
  }
  name = std::string(side);
  return base::Ok();
}

Result<uint32_t> CheckedId(std::string_view field, int64_t value) {
  if (value < 0 || static_cast<uint64_t>(value) > kMaxId)
    return InvalidArgument("{} is {}: must be 0 to {}", field, value, kMaxId);
  return static_cast<uint32_t>(value);
}

// The user asked for, by CRI before the image.
Result<UserText> Asked(const UserRequest& request) {
  UserText text;
  if (request.run_as_user) {
    ASSIGN_OR_RETURN(text.uid, CheckedId("run_as_user", *request.run_as_user));
  } else if (!request.run_as_username.empty()) {
    ASSIGN_OR_RETURN(text, ParseUserText(request.run_as_username));
    if (text.has_group())
      return InvalidArgument("run_as_username '{}' must not name a group", request.run_as_username);
  } else if (request.run_as_group) {
    return InvalidArgument("run_as_group is {} but neither run_as_user nor run_as_username is set",
                           *request.run_as_group);
  } else {
    ASSIGN_OR_RETURN(text, ParseUserText(request.image_user));
    if (!text.uid && text.user.empty())
      text.uid = 0;  // nobody was named anywhere: root, as in every image format
  }
  if (request.run_as_group) {
    ASSIGN_OR_RETURN(text.gid, CheckedId("run_as_group", *request.run_as_group));
    text.group.clear();
  }
  return text;
}

}  // namespace

Result<UserText> ParseUserText(std::string_view text) {
  UserText out;
  if (text.empty()) return out;
  if (text.size() > 2 * kMaxName)
    return InvalidArgument("user {}…: longer than {} bytes",
                           base::QuoteIfNeeded(text.substr(0, 40)), 2 * kMaxName);
  const size_t colon = text.find(':');
  RETURN_IF_ERROR(ParseSide("user", text, text.substr(0, colon), out.uid, out.user));
  if (colon == std::string_view::npos) return out;
  const std::string_view group = text.substr(colon + 1);
  if (group.find(':') != std::string_view::npos) {
    return InvalidArgument("user {}: more than one colon", base::QuoteIfNeeded(text));
  }
  RETURN_IF_ERROR(ParseSide("group", text, group, out.gid, out.group));
  return out;
}

Result<spec::Identity> ResolveUser(const UserRequest& request, const IdentityFiles& files) {
  ASSIGN_OR_RETURN(const UserText asked, Asked(request));
  spec::Identity identity;
  const IdentityFiles::User* user = nullptr;
  if (asked.uid) {
    identity.uid = *asked.uid;
    user = files.FindUser(identity.uid);
    if (KEELSON_WEAKENED_AT("numbers-are-names"))
      if (const auto* named = files.FindUser(std::string_view(std::to_string(identity.uid)));
          named != nullptr)
        identity.uid = named->uid;
  } else {
    user = files.FindUser(std::string_view(asked.user));
    if (user == nullptr)
      return InvalidArgument("user '{}' is not in the image's /etc/passwd", asked.user);
    identity.uid = user->uid;
  }
  if (asked.gid) {
    identity.gid = *asked.gid;
  } else if (!asked.group.empty()) {
    const IdentityFiles::Group* group = files.FindGroup(asked.group);
    if (group == nullptr)
      return InvalidArgument("group '{}' is not in the image's /etc/group", asked.group);
    identity.gid = group->gid;
  } else if (user != nullptr) {
    identity.gid = user->gid;
  }

  std::unordered_set<uint32_t> seen;
  const auto join = [&](uint32_t gid) {
    if (seen.insert(gid).second) identity.groups.push_back(gid);
  };
  // The primary group belongs in the list: without it a process could shed a group by which a file
  // denies it access.
  if (!KEELSON_WEAKENED_AT("primary-group")) join(identity.gid);
  for (const int64_t group : request.supplemental_groups) {
    ASSIGN_OR_RETURN(const uint32_t gid, CheckedId("a supplemental group", group));
    join(gid);
  }
  if (request.policy == GroupsPolicy::kMerge && user != nullptr) {
    for (const IdentityFiles::Group& group : files.groups()) {
      if (std::find(group.members.begin(), group.members.end(), user->name) != group.members.end())
        join(group.gid);
    }
  }
  if (identity.groups.size() > kMaxGroups) {
    return base::ResourceExhausted("user {} would be in {} groups, the kernel takes {}",
                                   identity.uid, identity.groups.size(), kMaxGroups);
  }
  return identity;
}

std::string HomeOf(const spec::Identity& identity, const IdentityFiles& files) {
  const IdentityFiles::User* user = files.FindUser(identity.uid);
  if (user != nullptr && user->home.starts_with('/') && !base::ContainsControlCharacter(user->home))
    return user->home;
  return identity.uid == 0 ? "/root" : "/";
}

}  // namespace keelson::security
