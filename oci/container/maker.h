// SPDX-License-Identifier: Apache-2.0
// `create` and `start`: a bundle becomes a container that waits, and then runs, through the
// runtime's own start (runtime/launcher). Who calls Create() is the parent of the container's first
// process; when that caller ends, its subreaper is (a shim, conmon). The first process listens on
// start.sock in the container's folder: `start` connects, and the end of that connection means that
// the program runs; an error comes through it as text. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "oci/config/config.h"
#include "oci/state/record.h"

namespace keelson::oci {

struct MakeOptions {
  std::string id;
  std::string bundle = ".";
  std::string config = "config.json";  // below the bundle, or absolute
  std::string pid_file;
  std::string console_socket;
  std::string pidfd_socket;       // gets a pidfd of the first process
  uint32_t kept_descriptors = 0;  // from 3 on
  uint32_t listening = 0;         // the first of them are sockets by LISTEN_FDS (sd_listen_fds(3))
  bool no_new_keyring = false;
  bool systemd = false;
  bool no_cgroup = false;
  bool forgiving = false;  // without the host's rights: what cannot be had of cgroups is left out
  bool takes_terminal = false;  // the caller attends to it where nobody listens
};

struct Made {
  Record record;
  Config config;
  os::UniqueFd pidfd;
  os::UniqueFd terminal;  // `takes_terminal`
  std::vector<std::string> warnings;
};
// On error nothing is left.
base::Result<Made> Create(const Store& store, const MakeOptions& options);

// Also the poststart hooks. The caller holds the container's lock.
base::Status Start(const Store& store, const Record& record);

// Kills what is left of it, runs the poststop hooks, removes everything. The caller holds the lock.
// Hooks that fail are told in `warnings`.
base::Status Destroy(const Store& store, const Record& record, std::string& warnings);

}  // namespace keelson::oci
