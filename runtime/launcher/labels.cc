// SPDX-License-Identifier: Apache-2.0
#include "runtime/launcher/labels.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/rooted_dir.h"

namespace keelson::launcher {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

Result<UniqueFd> OpenProc() {
  Result<UniqueFd> own = mount::NewFilesystem(
      "proc", {{"subset", "pid"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (own.ok() && !KEELSON_WEAKENED_AT("procfs")) return own;
  ASSIGN_OR_RETURN(const os::RootedDir root, os::RootedDir::Open("/"));
  return root.OpenAt("proc", O_PATH | O_DIRECTORY, 0, {.no_symlinks = true});
}

// The calling process's own file, and procfs's.
Result<UniqueFd> OpenAttribute(const os::RootedDir& proc, const std::string& name) {
  ASSIGN_OR_RETURN(UniqueFd file, proc.OpenAt(fmt::format("{}/attr/{}", getpid(), name), O_RDWR, 0,
                                              {.no_xdev = true, .no_symlinks = true}));
  if (KEELSON_WEAKENED_AT("procfs")) return file;
  struct statfs kind{};
  if (fstatfs(file.get(), &kind) != 0) return Error::FromErrno(errno, "statfs of '{}'", name);
  if (kind.f_type != PROC_SUPER_MAGIC)
    return base::PermissionDenied("'/proc' of the container is no procfs: no label is written");
  return file;
}

Status WriteAndCompare(int file, const std::string& text, const std::string& label) {
  ssize_t n = 0;
  do {
    n = write(file, text.data(), text.size());
  } while (n < 0 && errno == EINTR);
  if (n != static_cast<ssize_t>(text.size())) {
    if (n < 0 && errno == ENOENT) return base::NotFound("the profile '{}' is not loaded", label);
    return Error::FromErrno(n < 0 ? errno : EIO, "take the label '{}'", label);
  }
  if (KEELSON_WEAKENED_AT("procfs")) return base::Ok();
  char answer[4096];
  const ssize_t size = pread(file, answer, sizeof answer, 0);
  if (size < 0) return Error::FromErrno(errno, "read the label back");
  std::string_view now(answer, static_cast<size_t>(size));
  while (!now.empty() && (now.back() == '\n' || now.back() == '\0')) now.remove_suffix(1);
  if (now == label || now.starts_with(label + " (")) return base::Ok();
  return base::PermissionDenied("the kernel took the label {} instead of '{}'",
                                base::QuoteIfNeeded(now.substr(0, 200)), label);
}

Status SetAppArmor(const os::RootedDir& proc, const std::string& profile) {
  Result<UniqueFd> file = OpenAttribute(proc, "apparmor/exec");
  // Kernels before 5.8 share one file among all modules.
  if (!file.ok() && file.error().os_errno() == ENOENT) file = OpenAttribute(proc, "exec");
  if (!file.ok()) return file.error();
  return WriteAndCompare(file->get(), "exec " + profile, profile);
}

}  // namespace

Status SetExecLabels(const spec::Process& process) {
  if (process.apparmor_profile.empty() && process.selinux_label.empty()) return base::Ok();
  Result<UniqueFd> fd = OpenProc();
  if (!fd.ok()) return fd.error().WithContext("procfs for security labels");
  const os::RootedDir proc(std::move(fd).value());
  if (!process.apparmor_profile.empty())
    RETURN_IF_ERROR(SetAppArmor(proc, process.apparmor_profile).WithContext("AppArmor"));
  if (!process.selinux_label.empty()) {
    Result<UniqueFd> file = OpenAttribute(proc, "exec");
    if (!file.ok()) return file.error().WithContext("SELinux");
    RETURN_IF_ERROR(WriteAndCompare(file->get(), process.selinux_label, process.selinux_label)
                        .WithContext("SELinux"));
  }
  return base::Ok();
}

}  // namespace keelson::launcher
