// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/selinux.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::security {

bool SelinuxEnabled() { return os::Exists("/sys/fs/selinux/enforce"); }

base::Result<SelinuxLabels> ResolveSelinux(const SelinuxRequest& request, bool enabled) {
  SelinuxLabels labels;
  const auto plain = [](const std::string& part, bool level) {
    return part.size() <= 256 && std::all_of(part.begin(), part.end(), [level](char c) {
             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '.' || c == '-' || (level && (c == ':' || c == ','));
           });
  };
  for (const auto& [name, part, level] : {std::tuple{"user", &request.user, false},
                                          {"role", &request.role, false},
                                          {"type", &request.type, false},
                                          {"level", &request.level, true}}) {
    if (!plain(*part, level)) {
      return base::InvalidArgument("selinux_options.{}: {} is no part of a label", name,
                                   base::QuoteIfNeeded(part->substr(0, 200)));
    }
  }
  const bool asked = !request.user.empty() || !request.role.empty() || !request.type.empty() ||
                     !request.level.empty();
  if (!enabled || !asked) return labels;
  const auto part = [](const std::string& own, const char* usual) {
    return own.empty() ? std::string(usual) : own;
  };
  const std::string user = part(request.user, "system_u"), level = part(request.level, "s0");
  labels.process = fmt::format("{}:{}:{}:{}", user, part(request.role, "system_r"),
                               part(request.type, "container_t"), level);
  labels.mount = fmt::format("{}:object_r:container_file_t:{}", user, level);
  return labels;
}

}  // namespace keelson::security
