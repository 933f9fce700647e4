// SPDX-License-Identifier: Apache-2.0
// What is kept of a container between two calls of the command. Nobody else writes there; calls for
// one container wait for each other. Blocking, one thread. NotFound: "container ID does not exist".
//
//   <root>/<id>/              0700, made by `create` alone: who makes it owns the id
//     state.json              Record
//     config.json             the bundle's as it was at `create`
//     start.sock              while the container waits for its start: its first process listens
//     lock                    flock(2)
//     notify/                 where a service manager waits (NOTIFY_SOCKET): its program's socket
//     notify_socket           free for callers
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::oci {

constexpr char kStartSocket[] = "start.sock";

struct Record {
  std::string version;  // the bundle's ociVersion
  std::string id;
  pid_t pid = 0;            // 0: not made yet
  uint64_t start_time = 0;  // with the pid a process for good
  std::string bundle;
  std::string rootfs;
  std::string created;  // RFC 3339
  std::string owner;    // user name or number
  std::vector<std::pair<std::string, std::string>> annotations;
  std::string cgroup;     // path within the hierarchies; empty: none of its own
  std::string scope;      // systemd's unit; empty: made by hand
  bool own_pids = false;  // a PID namespace of its own: it dies as a whole
  bool user_namespace = false;
  bool own_keyring = false;  // a session keyring named after it, which commands in it join
};

enum class Status { kCreating, kCreated, kRunning, kPaused, kStopped };
const char* NameOf(Status status);

// Letters, digits and "+-._", at most 1024 of them, not "." or "..".
base::Status CheckId(std::string_view id);

class Store {
 public:
  explicit Store(std::string root) : root_(std::move(root)) {}

  // AlreadyExists: there is such a container.
  base::Status Claim(const std::string& id) const;
  base::Result<os::UniqueFd> Lock(const std::string& id) const;  // held while it is open
  base::Status Write(const Record& record) const;
  base::Result<Record> Read(const std::string& id) const;
  base::Status KeepConfig(const std::string& id, std::string_view text) const;
  base::Result<std::string> ReadConfig(const std::string& id) const;
  base::Status Remove(const std::string& id) const;
  base::Result<std::vector<std::string>> List() const;
  // What it is now, asked of the kernel.
  Status StatusOf(const Record& record) const;
  const std::string& root() const { return root_; }
  std::string FolderOf(const std::string& id) const { return root_ + "/" + id; }

 private:
  std::string root_;
};

// Whether the process is the one that was meant and lives; one that nobody has reaped does not.
bool IsAlive(pid_t pid, uint64_t start_time);
bool IsGroupFrozen(const std::string& path);  // a cgroup's, within the trees

// The runtime-spec's state, as hooks and `state` get it; `more` adds what runc and crun say.
std::string StateText(const Record& record, Status status, bool more);

}  // namespace keelson::oci
