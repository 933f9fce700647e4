// SPDX-License-Identifier: Apache-2.0
// Whose process is at the other end of a connection over loopback: the kernel's list of sockets
// says which user made it. Reading is pure; any thread. Source: proc_net_tcp (Linux).
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::page {

// `table`: the text of /proc/net/tcp or tcp6; both ends as "127.0.0.1:80" or "[::1]:80". An
// IPv4 address in a socket of IPv6 is the same one. A socket that its process has closed has no
// user any more, and none is told.
std::optional<uid_t> OwnerIn(std::string_view table, const std::string& client,
                             const std::string& server);
std::optional<uid_t> OwnerOf(const std::string& client, const std::string& server);

struct Users {
  bool all = false;
  std::set<uid_t> uids;
  bool Has(std::optional<uid_t> uid) const { return all || (uid && uids.count(*uid) != 0); }
};
// Root, who runs this process, and who called sudo or logged in to start it.
Users OwnUsers();
// With those of a list, "anna,1001" or "all".
base::Result<Users> WithUsers(Users users, std::string_view list);

}  // namespace keelson::page
