// SPDX-License-Identifier: Apache-2.0
// A pod's network, IPC and UTS namespaces: made on a throw-away thread, which also writes sysctls
// and the host name there; with a user namespace by a small process, since no process with threads
// can have one made. The network namespace can be pinned by a bind mount, so that it outlives
// every process of ours. Any thread, blocks for a moment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::network {

// Of a user namespace: `size` users and groups from 0 on are these of the host. Nobody can change
// it afterwards.
struct OwnerMapping {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t size = 0;
};

struct NamespaceRequest {
  bool net = true;  // false: the host's
  bool ipc = true;
  bool uts = true;
  std::string hostname;  // set when `uts`
  std::map<std::string, std::string>
      sysctls;  // checked before: only names that belong to the namespaces asked for
  std::optional<OwnerMapping> owners;  // a user namespace too, which owns the others
  std::string helper;                  // keelson-namespaces, for `owners`
};
struct Namespaces {
  os::UniqueFd net, ipc, uts, user;
};
base::Result<Namespaces> MakeNamespaces(const NamespaceRequest& request);

// <directory>/<name> becomes a mount of the namespace. The directory is made private first, so that
// the pin shows up in no other mount namespace.
base::Status PrepareNamespaceDirectory(const std::string& directory);
// The same where others look too (/run/netns): shared, as ip-netns(8) makes it, so that its first
// use finds nothing left to do.
base::Status PrepareSharedNamespaceDirectory(const std::string& directory);
base::Status PinNamespace(int netns, const std::string& directory, const std::string& name);
// Absent is success. Another program may have bound the directory on itself in the meantime, which
// hides the pin from umount(2): it goes all the same.
base::Status UnpinNamespace(const std::string& directory, const std::string& name);

}  // namespace keelson::network
