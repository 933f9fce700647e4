// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/capabilities/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>

#include "lib/base/strings.h"

namespace keelson::capabilities {

using base::Error;

namespace {
// A table of our own: libcap's is not to be had in the static programs.
constexpr std::string_view kNames[] = {"CHOWN",
                                       "DAC_OVERRIDE",
                                       "DAC_READ_SEARCH",
                                       "FOWNER",
                                       "FSETID",
                                       "KILL",
                                       "SETGID",
                                       "SETUID",
                                       "SETPCAP",
                                       "LINUX_IMMUTABLE",
                                       "NET_BIND_SERVICE",
                                       "NET_BROADCAST",
                                       "NET_ADMIN",
                                       "NET_RAW",
                                       "IPC_LOCK",
                                       "IPC_OWNER",
                                       "SYS_MODULE",
                                       "SYS_RAWIO",
                                       "SYS_CHROOT",
                                       "SYS_PTRACE",
                                       "SYS_PACCT",
                                       "SYS_ADMIN",
                                       "SYS_BOOT",
                                       "SYS_NICE",
                                       "SYS_RESOURCE",
                                       "SYS_TIME",
                                       "SYS_TTY_CONFIG",
                                       "MKNOD",
                                       "LEASE",
                                       "AUDIT_WRITE",
                                       "AUDIT_CONTROL",
                                       "SETFCAP",
                                       "MAC_OVERRIDE",
                                       "MAC_ADMIN",
                                       "SYSLOG",
                                       "WAKE_ALARM",
                                       "BLOCK_SUSPEND",
                                       "AUDIT_READ",
                                       "PERFMON",
                                       "BPF",
                                       "CHECKPOINT_RESTORE"};
}  // namespace

std::optional<int> Find(std::string_view name) {
  const std::string lower = base::ToLower(name);
  std::string_view wanted = lower;
  if (wanted.starts_with("cap_")) wanted.remove_prefix(4);
  for (size_t bit = 0; bit < std::size(kNames); ++bit) {
    if (base::ToLower(kNames[bit]) == wanted) return static_cast<int>(bit);
  }
  return std::nullopt;
}

std::string NameOf(int bit) {
  if (bit < 0 || static_cast<size_t>(bit) >= std::size(kNames)) return "CAP_" + std::to_string(bit);
  return "CAP_" + std::string(kNames[bit]);
}

namespace {
int CountOfThisKernel() {
  static const int count = [] {
    int known = 0;
    while (known < 64 && prctl(PR_CAPBSET_READ, known, 0, 0, 0) >= 0) ++known;
    return known;
  }();
  return count;
}
}  // namespace

uint64_t AllOfThisKernel() {
  const int count = CountOfThisKernel();
  return count >= 64 ? ~0ull : (1ull << count) - 1;
}

base::Status DropBounding(uint64_t keep) {
  const int count = CountOfThisKernel();
  for (int bit = 0; bit < count; ++bit) {
    if ((keep >> bit & 1) != 0 || prctl(PR_CAPBSET_READ, bit, 0, 0, 0) == 0) continue;
    if (prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) != 0)
      return Error::FromErrno(errno, "drop {} from the bounding set", NameOf(bit));
  }
  return base::Ok();
}

base::Result<uint64_t> OwnPermitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return Error::FromErrno(errno, "capget");
  return uint64_t{data[1].permitted} << 32 | data[0].permitted;
}

base::Status RaiseAllPermitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return Error::FromErrno(errno, "capget");
  for (__user_cap_data_struct& half : data) half.effective = half.permitted;
  if (syscall(SYS_capset, &header, data) != 0) return Error::FromErrno(errno, "capset");
  return base::Ok();
}

base::Status Apply(const Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<uint32_t>(sets.effective >> (32 * half));
    data[half].permitted = static_cast<uint32_t>(sets.permitted >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * half));
  }
  if (syscall(SYS_capset, &header, data) != 0) return Error::FromErrno(errno, "capset");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
    return Error::FromErrno(errno, "clear the ambient capabilities");
  }
  for (int bit = 0; bit < 64; ++bit) {
    if ((sets.ambient >> bit & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) != 0) {
      return Error::FromErrno(errno, "raise {} in the ambient set", NameOf(bit));
    }
  }
  return base::Ok();
}

base::Status KeepOnly(uint64_t keep) {
  if (geteuid() != 0) return base::Ok();
  ASSIGN_OR_RETURN(const uint64_t permitted, OwnPermitted());
  keep &= permitted;
  // Without CAP_SETPCAP the bounding set stays what a supervisor made of it.
  if ((permitted >> CAP_SETPCAP & 1) != 0) RETURN_IF_ERROR(DropBounding(keep));
  RETURN_IF_ERROR(Apply({.effective = keep, .permitted = keep}));
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::FromErrno(errno, "no_new_privs");
  return base::Ok();
}

}  // namespace keelson::capabilities
