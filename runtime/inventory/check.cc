// SPDX-License-Identifier: Apache-2.0
#include "runtime/inventory/check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "runtime/inventory/apply.h"

namespace keelson::inventory {

using base::Error;
using base::Result;

namespace {

// The daemon's lock. Invalid: a daemon has it, or there is no run directory at all.
struct Held {
  os::UniqueFd lock;
  bool daemon_runs = false;
};

Result<Held> TakeLock(const std::string& run_dir) {
  if (!os::Exists(run_dir)) return Held{};
  Held held;
  ASSIGN_OR_RETURN(held.lock,
                   os::Open(run_dir + "/runtime.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  // A daemon that was killed may have a child between fork and exec, which holds its descriptors
  // for a moment.
  constexpr int kTries = 10;
  for (int i = 0; flock(held.lock.get(), LOCK_EX | LOCK_NB) != 0; ++i) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return Error::FromErrno(errno, "lock '{}/runtime.lock'", run_dir);
    if (i == kTries) return Held{.lock = {}, .daemon_runs = true};
    (void)poll(nullptr, 0, 20);
  }
  return held;
}

}  // namespace

Result<Report> Check(const CheckOptions& options) {
  Mender mender;
  Places& places = mender.places;
  places.state_dir = options.state_dir;
  places.run_dir = options.run_dir;
  places.bridge = options.bridge;
  ASSIGN_OR_RETURN(const std::string boot_id, os::ReadFile("/proc/sys/kernel/random/boot_id"));
  places.boot_id = base::Trim(boot_id);
  ASSIGN_OR_RETURN(places.cgroups, cgroup::DetectLayout());
  mender.binary_dir = options.binary_dir;
  mender.subnet = options.pod_subnet;
  mender.pod_network = options.pod_network;
  ASSIGN_OR_RETURN(const Held held, TakeLock(options.run_dir));
  ASSIGN_OR_RETURN(const Facts facts, Observe(places, held.daemon_runs));
  std::vector<Judged> judged = Judge(facts);
  if (options.mend) Mend(mender, judged);
  Report report{.component = "keelson-runtime",
                .runs = held.daemon_runs,
                .endpoint = options.socket,
                .items = {},
                .pods = KnownPods(facts)};
  for (Judged& one : judged) report.items.push_back(std::move(one.item));
  return report;
}

}  // namespace keelson::inventory
