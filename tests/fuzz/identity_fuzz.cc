// SPDX-License-Identifier: Apache-2.0
// An image's passwd and group files and the user it wants to be: passwd, NUL, group, NUL, user.
// What cannot be resolved is refused; nobody becomes root who was not named so.
#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/strings.h"
#include "runtime/security/identity.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keelson;
  using fuzz::Require;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string_view> parts = base::Split(all, '\0');
  const std::string_view passwd = parts[0], group = parts.size() > 1 ? parts[1] : "";
  const std::string text(parts.size() > 2 ? parts[2] : "");
  const auto wanted = security::ParseUserText(text);
  if (!wanted.ok()) fuzz::RequireSentence(wanted.error().message());
  const auto files = security::IdentityFiles::Parse(passwd, group);
  if (!files.ok()) {
    fuzz::RequireSentence(files.error().message());
    return 0;
  }
  for (const auto policy : {security::GroupsPolicy::kMerge, security::GroupsPolicy::kStrict}) {
    for (const bool by_name : {false, true}) {
      security::UserRequest request;
      (by_name ? request.run_as_username : request.image_user) = text;
      request.supplemental_groups = {2000};
      request.policy = policy;
      const auto identity = security::ResolveUser(request, *files);
      if (!identity.ok()) {
        fuzz::RequireSentence(identity.error().message());
        continue;
      }
      Require(identity->uid != ~0u && identity->gid != ~0u, "a number that means nobody", text);
      Require(identity->groups.size() <= security::kMaxGroups,
              "more groups than a process may have", text);
      std::vector<uint32_t> groups = identity->groups;
      Require(!groups.empty() && groups.front() == identity->gid,
              "the primary group is not the first", text);
      Require(std::find(groups.begin(), groups.end(), 2000u) != groups.end(),
              "a group that was asked for is missing", text);
      std::sort(groups.begin(), groups.end());
      Require(std::adjacent_find(groups.begin(), groups.end()) == groups.end(), "a group twice",
              text);
      if (identity->uid == 0 && wanted.ok() && !wanted->user.empty()) {
        const auto* user = files->FindUser(wanted->user);
        Require(user != nullptr && user->uid == 0, "root by another's name", text);
      }
      const std::string home = security::HomeOf(*identity, *files);
      Require(home.starts_with('/') && !base::ContainsControlCharacter(home),
              "a home that is no path", home);
    }
  }
  return 0;
}
