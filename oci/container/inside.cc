// SPDX-License-Identifier: Apache-2.0
#include "oci/container/inside.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/strings.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"
#include "runtime/security/identity.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using base::Status;

Status SetNames(const Config& config) {
  if (!config.hostname.empty() && sethostname(config.hostname.data(), config.hostname.size()) != 0)
    return Error::FromErrno(errno, "set the hostname '{}'", config.hostname);
  if (!config.domainname.empty() &&
      setdomainname(config.domainname.data(), config.domainname.size()) != 0)
    return Error::FromErrno(errno, "set the domainname '{}'", config.domainname);
  return base::Ok();
}

Status SetSysctls(const Config& config, int sys) {
  if (config.system.sysctl.empty()) return base::Ok();
  struct statfs kind{};
  if (fstatfs(sys, &kind) != 0 || kind.f_type != PROC_SUPER_MAGIC)
    return base::FailedPrecondition("/proc/sys is no procfs: no sysctl is written");
  ASSIGN_OR_RETURN(os::UniqueFd copy, os::Duplicate(sys));
  const os::RootedDir folder(std::move(copy));
  for (const auto& [name, value] : config.system.sysctl) {
    // Dots part, unless there is a slash: then dots are part of names (net.ipv4.conf.eth0/1.x).
    std::string path = name;
    if (path.find('/') == std::string::npos) {
      std::replace(path.begin(), path.end(), '.', '/');
    } else if (path.find('.') < path.find('/')) {
      for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
    }
    const auto write = [&]() -> Status {
      ASSIGN_OR_RETURN(const os::UniqueFd file,
                       folder.OpenAt(path, O_WRONLY, 0, {.no_xdev = true, .no_symlinks = true}));
      return os::WriteAll(file.get(), value);
    };
    RETURN_IF_ERROR(write().WithContext(fmt::format("linux.sysctl {}={}", name, value)));
  }
  return base::Ok();
}

void UseAllProcessors() {
  // The kernel takes away those that are not to be had.
  const std::vector<unsigned long> all(CPU_SETSIZE / sizeof(unsigned long), ~0ul);
  (void)syscall(SYS_sched_setaffinity, 0, all.size() * sizeof(unsigned long), all.data());
}

Result<uint64_t> CapabilitiesInside(bool user_namespace) {
  if (user_namespace) return capabilities::AllOfThisKernel();
  return capabilities::OwnPermitted();
}

// Of two values of a variable the last one, where the first stood.
static void KeepLast(std::vector<std::string>& env) {
  std::vector<std::string> kept;
  for (std::string& variable : env) {
    const std::string_view name = std::string_view(variable).substr(0, variable.find('=') + 1);
    const auto same = std::find_if(kept.begin(), kept.end(),
                                   [&](const std::string& v) { return v.starts_with(name); });
    if (same == kept.end())
      kept.push_back(std::move(variable));
    else
      *same = std::move(variable);
  }
  env = std::move(kept);
}

void AddHome(spec::Process& process) {
  KeepLast(process.env);
  // One that is empty is none.
  std::erase(process.env, "HOME=");
  const bool has = std::any_of(process.env.begin(), process.env.end(),
                               [](const std::string& v) { return v.starts_with("HOME="); });
  if (has) return;
  std::string home = process.identity.uid == 0 ? "/root" : "/";
  if (const Result<os::RootedDir> root = os::RootedDir::Open("/"); root.ok()) {
    if (const auto files = security::IdentityFiles::ReadFrom(*root); files.ok())
      home = security::HomeOf(process.identity, *files);
  }
  process.env.push_back("HOME=" + home);
}

}  // namespace keelson::oci
