// SPDX-License-Identifier: Apache-2.0
#include "runtime/launcher/terminal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/weakness.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/rooted_dir.h"

namespace keelson::launcher {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

Result<Terminal> OpenTerminal(const std::string& root_path) {
  ASSIGN_OR_RETURN(const os::RootedDir root, os::RootedDir::Open(root_path));
  Result<UniqueFd> folder = root.OpenAt("/dev/pts", O_PATH | O_DIRECTORY);
  if (!folder.ok()) return folder.error().WithContext("terminal: the container's /dev/pts");
  struct statfs kind{};
  if (fstatfs(folder->get(), &kind) != 0) return Error::FromErrno(errno, "terminal: /dev/pts");
  if (kind.f_type != DEVPTS_SUPER_MAGIC)
    return base::FailedPrecondition("terminal: the container's /dev/pts is no devpts");
  const os::RootedDir pts(std::move(folder).value());
  Terminal terminal;
  // Nobody can make a name in a devpts, but one could be mounted over.
  ASSIGN_OR_RETURN(terminal.master, pts.OpenAt("ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0,
                                               {.no_xdev = true, .no_symlinks = true}));
  struct stat st{};
  if (fstat(terminal.master.get(), &st) != 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
    return base::FailedPrecondition("terminal: the container's /dev/pts/ptmx is not one");
  const int unlocked = 0;
  if (ioctl(terminal.master.get(), TIOCSPTLCK, &unlocked) != 0)
    return Error::FromErrno(errno, "unlock the terminal");
  terminal.peer.reset(ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.peer) return Error::FromErrno(errno, "open the terminal's peer");
  const winsize size{24, 80, 0, 0};
  if (ioctl(terminal.master.get(), TIOCSWINSZ, &size) != 0)
    return Error::FromErrno(errno, "set the terminal's size");
  return terminal;
}

Status BindConsole(const spec::ContainerSpec& spec, const std::string& root_path, int peer) {
  using spec::Mount;
  const bool volume = std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const Mount& mount) {
    return mount.kind == Mount::Kind::kBind &&
           (mount.destination == "/dev" || mount.destination == "/dev/console");
  });
  if (volume) return base::Ok();
  ASSIGN_OR_RETURN(const os::RootedDir root, os::RootedDir::Open(root_path));
  ASSIGN_OR_RETURN(const UniqueFd target, root.MakeFile("/dev/console", 0600));
  ASSIGN_OR_RETURN(const UniqueFd console,
                   KEELSON_WEAKENED_AT("console")
                       ? mount::CloneTree(AT_FDCWD, root_path + "/dev/pts/0", false)
                       : mount::CloneTree(peer, "", false));
  return mount::Attach(console.get(), target.get()).WithContext("/dev/console");
}

Status BecomeTerminalOf(const Terminal& terminal) {
  if (ioctl(terminal.peer.get(), TIOCSCTTY, 0) != 0)
    return Error::FromErrno(errno, "take the terminal");
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(terminal.peer.get(), fd) < 0) return Error::FromErrno(errno, "set up stream {}", fd);
  }
  return base::Ok();
}

}  // namespace keelson::launcher
