// SPDX-License-Identifier: Apache-2.0
#include "oci/container/owners.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lib/os/files.h"
#include "oci/plan/mount_options.h"
#include "oci/plan/plan.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using os::UniqueFd;

namespace {

Result<UniqueFd> MakeOne(const std::vector<IdMapping>& uids, const std::vector<IdMapping>& gids) {
  clone_args args{};
  args.flags = CLONE_NEWUSER;
  args.exit_signal = SIGCHLD;
  const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (pid < 0) return Error::FromErrno(errno, "make a user namespace");
  if (pid == 0) {
    while (true) pause();
  }
  const auto make = [&]() -> Result<UniqueFd> {
    const std::string proc = "/proc/" + std::to_string(pid);
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, proc + "/uid_map", MapText(uids)));
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, proc + "/gid_map", MapText(gids)));
    return os::Open(proc + "/ns/user", O_RDONLY);
  };
  Result<UniqueFd> made = make();
  (void)kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return made;
}

}  // namespace

Result<std::vector<UniqueFd>> MakeOwners(const Config& config, spec::ContainerSpec& spec) {
  std::vector<UniqueFd> out;
  for (size_t i = 0; i < config.mounts.size(); ++i) {
    const MountEntry& entry = config.mounts[i];
    const OwnersWish wish = OwnersOf(entry);
    if (!wish.wanted) continue;
    const bool own = !entry.uid_mappings.empty();
    const NamespaceEntry* user = config.FindNamespace("user");
    const bool joined = !own && user != nullptr && !user->path.empty();
    if (!own && !joined && config.system.uid_mappings.empty()) {
      return base::InvalidArgument(
          "{}.options: idmap needs mappings, of the mount or of a user namespace", entry.path);
    }
    Result<UniqueFd> made = joined ? os::Open(user->path, O_RDONLY)
                            : own  ? MakeOne(entry.uid_mappings, entry.gid_mappings)
                                  : MakeOne(config.system.uid_mappings, config.system.gid_mappings);
    if (!made.ok()) return made.error().WithContext(entry.path);
    spec.mounts[i].further.owners = made->get();
    spec.mounts[i].further.owners_below = wish.recursive;
    out.push_back(std::move(made).value());
  }
  return out;
}

}  // namespace keelson::oci
