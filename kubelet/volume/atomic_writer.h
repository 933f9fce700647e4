// SPDX-License-Identifier: Apache-2.0
// Files of a volume that change all at once for whoever reads them: the payload lies in a directory
// "..<time>.<random>", the link
// "..data" names the current one and is replaced by rename, the names that users see are links
// through "..data". Upstream's layout. One writer at a time per directory; nothing is kept between
// calls. After a crash the next write tidies up.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "lib/base/result.h"

namespace keelson::volume {

struct PayloadFile {
  std::string data;
  unsigned mode = 0644;
  bool operator==(const PayloadFile&) const = default;
};
using Payload = std::map<std::string, PayloadFile>;  // by relative path: "a", "certs/ca.pem"

// "a/./b//c" as "a/b/c". Refuses paths that are absolute, hold "..", or begin with ".." (the
// writer's own names).
base::Result<std::string> CleanPayloadPath(const std::string& path);

// Makes `directory` hold exactly the payload; true when something was written. With a group
// (fsGroup) files and directories are the group's to read and the directories hand it down.
base::Result<bool> WritePayload(const std::string& directory, const Payload& payload,
                                std::optional<gid_t> group = {});

}  // namespace keelson::volume
