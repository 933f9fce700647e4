// SPDX-License-Identifier: Apache-2.0
// What a service manager that waits for its service (NOTIFY_SOCKET, sd_notify(3)) is told: that the
// container's program says it is ready. The program gets a socket of the container's own, in a
// folder bound where the caller's socket is named; of what it writes, which is anybody's, the one
// word READY=1 goes on, once. Between Prepare() by `create` and Notifier by `start` or `run` the
// folder <root>/<id>/notify is what they share. One thread. Source: sd_notify(3), crun(1), runc's
// docs/systemd.md.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "oci/config/config.h"

namespace keelson::oci {

// Whether somebody waits, and the bundle's program has no such variable already: mount and variable
// are added. `folder` is the container's, which need not be there yet.
bool AddNotify(const std::string& folder, Config& config);
base::Status MakeNotifyFolder(const std::string& folder);

class Notifier {
 public:
  // Nobody waits, or the container was made without: an empty one.
  static base::Result<Notifier> Listen(const std::string& folder);

  int fd() const { return socket_.get(); }  // readable: call Take(); -1 when there is none any more
  void Take();
  // Until it has ended, or is ready: then also whom to watch from now on, since the caller goes.
  void WaitAndHandOver(pid_t pid, int pidfd);

 private:
  void Send(const std::string& text) const;
  os::UniqueFd socket_;
  std::string to_;
};

}  // namespace keelson::oci
