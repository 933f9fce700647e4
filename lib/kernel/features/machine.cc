// SPDX-License-Identifier: Apache-2.0
// The real machine. Trials that need a namespace run in a child made by fork() that only makes
// system calls and ends: its namespaces and links end with it.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "lib/base/strings.h"
#include "lib/kernel/features/features.h"
#include "lib/kernel/features/netlink_trials.h"
#include "lib/os/files.h"

namespace keelson::features {
namespace {

int Errno(long result) { return result < 0 ? errno : 0; }

// The descriptor is closed; its existence was the question.
int Opened(long fd) {
  if (fd < 0) return errno;
  close(static_cast<int>(fd));
  return 0;
}

int InChild(int (*work)()) {
  const pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) _exit(work() & 0xff);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

int TryClone3() {
  const int error = Errno(syscall(SYS_clone3, nullptr, 0));
  return error == EINVAL ? 0 : error;
}

// A descriptor that cannot be: a kernel that knows the flag says EBADF before anything is made.
int TryCloneIntoCgroup() {
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = 0x7ffffff0;
  const long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return pid < 0 && errno == EBADF ? 0 : ENOSYS;
}

int TryOpenat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return Opened(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how));
}

int TryMountSetattr() {
  const int error = Errno(syscall(SYS_mount_setattr, -1, "", 0, nullptr, 0));
  return error == ENOSYS || error == EPERM ? error : 0;
}

// The machine's own user namespace is refused with EPERM by a kernel that knows the attribute, an
// unknown attribute with EINVAL.
int TryIdmap() {
  const os::UniqueFd tree(
      static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, "/proc", OPEN_TREE_CLONE | O_CLOEXEC)));
  if (!tree) return errno;
  const os::UniqueFd user(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<uint64_t>(user.get());
  const int error =
      Errno(syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attr, sizeof attr));
  return error == EPERM ? 0 : error;
}

int TryLowerdirPlus() {
  const os::UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) return errno;
  return Errno(fsconfig(context.get(), FSCONFIG_SET_STRING, "lowerdir+", "/", 0));
}

int TrySeccomp() {
  const uint32_t action = SECCOMP_RET_ERRNO;
  return Errno(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

class Real : public Machine {
 public:
  int Try(Trial trial) const override {
    switch (trial) {
      case Trial::kClone3:
        return TryClone3();
      case Trial::kCloneIntoCgroup:
        return TryCloneIntoCgroup();
      case Trial::kPidfd:
        return Opened(syscall(SYS_pidfd_open, getpid(), 0));
      case Trial::kOpenat2:
        return TryOpenat2();
      case Trial::kFsopen:
        return Opened(fsopen("tmpfs", FSOPEN_CLOEXEC));
      case Trial::kOpenTree:
        return Opened(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC));
      case Trial::kMountSetattr:
        return TryMountSetattr();
      case Trial::kIdmappedMounts:
        return TryIdmap();
      case Trial::kOverlay:
        return Opened(fsopen("overlay", FSOPEN_CLOEXEC));
      case Trial::kLowerdirPlus:
        return TryLowerdirPlus();
      case Trial::kSeccomp:
        return TrySeccomp();
      case Trial::kUserNamespace:
        return InChild([] { return Errno(unshare(CLONE_NEWUSER)); });
      case Trial::kNetNamespace:
        return InChild([] { return Errno(unshare(CLONE_NEWNET)); });
      case Trial::kBridge:
        return InChild([] { return unshare(CLONE_NEWNET) != 0 ? errno : MakeLink("bridge"); });
      case Trial::kVeth:
        return InChild([] { return unshare(CLONE_NEWNET) != 0 ? errno : MakeLink("veth"); });
      case Trial::kNftables:
        return InChild([] { return unshare(CLONE_NEWNET) != 0 ? errno : AskNftables(); });
      case Trial::kIptablesLegacy:
        return InChild([] { return unshare(CLONE_NEWNET) != 0 ? errno : AskIptables(); });
      case Trial::kIpvs:
        return InChild([] { return unshare(CLONE_NEWNET) != 0 ? errno : AskFamily("IPVS"); });
    }
    return ENOSYS;
  }

  std::optional<std::string> Read(const std::string& path) const override {
    base::Result<std::string> text = os::ReadFile(path);
    if (!text.ok()) return std::nullopt;
    return *std::move(text);
  }

  bool HasProgram(const std::string& name) const override {
    const char* path = getenv("PATH");
    // A service's PATH often lacks the sbin folders, where these programs are.
    const std::string all =
        std::string(path == nullptr ? "" : path) + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
    for (const std::string_view folder : base::Split(all, ':')) {
      if (folder.starts_with('/') && access((std::string(folder) + "/" + name).c_str(), X_OK) == 0)
        return true;
    }
    return false;
  }
};

}  // namespace

std::unique_ptr<Machine> ThisMachine() { return std::make_unique<Real>(); }

}  // namespace keelson::features
