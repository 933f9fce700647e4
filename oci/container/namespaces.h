// SPDX-License-Identifier: Apache-2.0
// A container's namespaces as its config.json lists them: opened by the command, entered or made by
// the start's first stage. One thread. Source: runtime-spec config-linux.md#namespaces,
// namespaces(7), user_namespaces(7).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "oci/config/config.h"

namespace keelson::oci {

class Namespaces {
 public:
  // Opens those that have a path; refuses one of another type.
  static base::Result<Namespaces> Open(const Config& config);

  bool has_user() const { return user_; }
  bool fresh_user() const { return (fresh_ & 0x10000000 /* CLONE_NEWUSER */) != 0; }
  std::vector<int> descriptors() const;

  // First stage. `ask`: the command calls MapUsers() meanwhile. Tells whether setgroups(2) is
  // forbidden from now on.
  base::Result<bool> Enter(const std::function<base::Status()>& ask, const std::string& root,
                           const std::string& propagation);
  // Command: of that process.
  base::Status MapUsers(pid_t process) const;

 private:
  struct Joined {
    os::UniqueFd fd;
    uint64_t flag;
    std::string name;
    bool done = false;
  };
  base::Status JoinAll(bool must);
  base::Result<bool> EnterUser(const std::function<base::Status()>& ask);

  std::vector<Joined> joined_;
  uint64_t fresh_ = 0;
  bool user_ = false;
  std::vector<IdMapping> uids_, gids_;
  std::string offsets_;
};

}  // namespace keelson::oci
