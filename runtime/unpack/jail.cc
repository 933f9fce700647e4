// SPDX-License-Identifier: Apache-2.0
#include "runtime/unpack/jail.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/weakness.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/kernel/mount/mount.h"
#include "lib/kernel/rights/rights.h"
#include "lib/kernel/seccomp/seccomp.h"
#include "lib/os/files.h"

namespace keelson::unpack {
namespace {

using base::Error;
using base::Status;

constexpr uint64_t kAddressSpace = uint64_t{2} << 30;

// Rights over files only: owner, mode, set-id bits, file capabilities, device nodes (which nobody
// can open here: nodev).
constexpr uint64_t kKept = uint64_t{1} << CAP_CHOWN | uint64_t{1} << CAP_DAC_OVERRIDE |
                           uint64_t{1} << CAP_FOWNER | uint64_t{1} << CAP_FSETID |
                           uint64_t{1} << CAP_SETFCAP | uint64_t{1} << CAP_MKNOD;

Status EnterRoot(int directory) {
  // The working directory follows into the new namespace, descriptors do not.
  if (fchdir(directory) != 0) return Error::FromErrno(errno, "enter the layer's directory");
  if (KEELSON_WEAKENED_AT("unpack-jail")) return base::Ok();
  if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    return Error::FromErrno(errno, "unshare");
  RETURN_IF_ERROR(mount::MakeAllPrivate());
  ASSIGN_OR_RETURN(const os::UniqueFd root, mount::CloneTree(AT_FDCWD, ".", false));
  RETURN_IF_ERROR(mount::SetAttributes(
      root.get(), MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID, 0, 0, false));
  ASSIGN_OR_RETURN(const os::UniqueFd here, os::Open(".", O_PATH | O_DIRECTORY));
  RETURN_IF_ERROR(mount::Attach(root.get(), here.get()));
  if (fchdir(root.get()) != 0) return Error::FromErrno(errno, "enter the jail's root");
  if (syscall(SYS_pivot_root, ".", ".") != 0) return Error::FromErrno(errno, "pivot_root");
  if (umount2(".", MNT_DETACH) != 0) return Error::FromErrno(errno, "leave the host's root");
  if (chdir("/") != 0) return Error::FromErrno(errno, "enter the jail's root");
  return base::Ok();
}

seccomp::Profile SystemCalls() {
  seccomp::Profile profile = rights::CommonCalls();
  profile.rules.push_back(
      {.names = {"statx",      "fstatfs",   "openat",          "openat2",  "mkdirat",
                 "mknodat",    "linkat",    "symlinkat",       "unlinkat", "readlinkat",
                 "getdents64", "fchown",    "fchownat",        "fchmod",   "fchmodat",
                 "utimensat",  "fsetxattr", "set_robust_list", "rseq",     "sched_getaffinity"}});
  rights::AllowThreads(profile);
  return profile;
}

}  // namespace

Status EnterJail(int directory, const JailLimits& limits) {
  umask(0);
  ASSIGN_OR_RETURN(const std::string program, seccomp::Compile(SystemCalls()));
  RETURN_IF_ERROR(EnterRoot(directory).WithContext("enter the unpack jail"));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_FSIZE, "FSIZE", limits.max_file_bytes));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_CPU, "CPU", limits.cpu_seconds));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_NOFILE, "NOFILE", 256));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_CORE, "CORE", 0));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_MEMLOCK, "MEMLOCK", 0));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_AS, "AS", kAddressSpace));
  const uint64_t kept = kKept & capabilities::AllOfThisKernel();
  RETURN_IF_ERROR(capabilities::DropBounding(kept));
  RETURN_IF_ERROR(capabilities::Apply({.bounding = kept, .effective = kept, .permitted = kept}));
  if (KEELSON_WEAKENED_AT("unpack-jail")) return base::Ok();
  return rights::Confine(program).WithContext("enter the unpack jail");
}

}  // namespace keelson::unpack
