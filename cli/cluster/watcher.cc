// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/watcher.h"

#include <sys/stat.h>

#include "cli/cluster/own_watcher.h"
#include "cli/cluster/units/unit_watcher.h"
#include "lib/os/files.h"
#include "lib/systemd/bus.h"

namespace keelson::cluster {
namespace {

// A unit would live in the machine's.
bool IsMachinesNetwork() {
  struct stat own{}, first{};
  return stat("/proc/self/ns/net", &own) == 0 && stat("/proc/1/ns/net", &first) == 0 &&
         own.st_ino == first.st_ino;
}

}  // namespace

base::Status SetSupervisor(NodeOptions& options) {
  const auto before = ReadRecord(options.state_dir);
  ASSIGN_OR_RETURN(
      options.supervisor,
      ChooseSupervisor(before.ok() ? before->supervisor : "", options.supervisor,
                       systemd::IsBooted(), !options.network.empty() || !IsMachinesNetwork()));
  options.cgroup_driver = before.ok() ? before->cgroup_driver : "";
  // There systemd is the only one who makes groups (ADR 0007); its driver needs v2.
  if (!before.ok() && options.supervisor == kSystemd &&
      os::Exists("/sys/fs/cgroup/cgroup.controllers"))
    options.cgroup_driver = kSystemd;
  return base::Ok();
}

base::Result<std::unique_ptr<Watcher>> WatcherOf(const NodeOptions& options) {
  if (options.supervisor != kSystemd)
    return std::unique_ptr<Watcher>(std::make_unique<OwnWatcher>(options));
  ASSIGN_OR_RETURN(std::unique_ptr<systemd::Services> services, ConnectToServices());
  return std::unique_ptr<Watcher>(std::make_unique<UnitWatcher>(options, std::move(services)));
}

base::Result<std::string> ChooseSupervisor(const std::string& before, const std::string& asked,
                                           bool systemd_is_first, bool own_network) {
  if (!before.empty() && !asked.empty() && asked != before)
    return base::FailedPrecondition(
        "the node was brought up with --supervisor {}: take it down first, or leave the option "
        "out",
        before);
  if (!before.empty()) return before;
  if (asked.empty()) return std::string(systemd_is_first && !own_network ? kSystemd : kOwn);
  if (asked == kSystemd && !systemd_is_first)
    return base::FailedPrecondition(
        "--supervisor systemd: systemd is not process 1 of this machine: leave the option out");
  if (asked == kSystemd && own_network)
    return base::FailedPrecondition(
        "--supervisor systemd: a unit would not find the namespace of --network after a reboot: "
        "leave one of the two out");
  return asked;
}

}  // namespace keelson::cluster
