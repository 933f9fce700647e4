// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/apparmor.h"

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::security {

using base::Result;
using base::Status;

namespace {

constexpr std::string_view kName = "keelson-default";
constexpr const char* kProfiles = "/sys/kernel/security/apparmor/profiles";
constexpr const char* kParsers[] = {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"};

Status Load(const std::string& parser, const std::string& text) {
  os::SpawnOptions options;
  options.argv = {parser, "--replace", "--skip-cache", "--quiet"};
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  ASSIGN_OR_RETURN(const os::CommandResult result,
                   os::RunCommand(options, text, std::chrono::seconds(60), 65536));
  if (result.status.code() == 0) return base::Ok();
  return base::FailedPrecondition("{} ended with {}: {}", parser, result.status.code(),
                                  base::Trim(result.err));
}

}  // namespace

std::string DefaultAppArmorProfile(std::string_view name) {
  // Everything but what reaches the kernel or the machine; what a container may do otherwise is for
  // capabilities, seccomp and mounts to say. Paths are the container's own.
  std::string text = fmt::format(
      "profile {0} flags=(attach_disconnected,mediate_deleted) {{\n"
      "  file,\n"
      "  network,\n"
      "  capability,\n"
      "  umount,\n"
      "  signal (receive) peer=unconfined,\n"
      "  signal (send, receive) peer={0},\n"
      "  ptrace (trace, read, tracedby, readby) peer={0},\n"
      "  deny mount,\n",
      name);
  for (const std::string_view path :
       {"/proc/sysrq-trigger", "/proc/kcore", "/proc/kmem", "/proc/mem", "/proc/kallsyms",
        "/sys/firmware/**", "/sys/kernel/security/**", "/sys/devices/virtual/powercap/**"}) {
    text += fmt::format("  deny {} rwklx,\n", path);
  }
  // Of procfs what is no process's and no setting's is the machine's, also who may open it: a
  // changed mode there is everybody's.
  for (const std::string_view path : {"/proc/*",
                                      "/proc/[^1-9s]*/**",
                                      "/proc/s[^y]*/**",
                                      "/proc/sys[^/]*/**",
                                      "/proc/sys/abi/**",
                                      "/proc/sys/debug/**",
                                      "/proc/sys/dev/**",
                                      "/proc/sys/fs/[^m]*/**",
                                      "/proc/sys/fs/*",
                                      "/proc/sys/user/**",
                                      "/proc/sys/vm/**",
                                      "/proc/sys/kernel/*/**",
                                      "/proc/sys/kernel/[^msa]*",
                                      "/proc/sys/kernel/s[^he]*",
                                      "/proc/sys/kernel/modprobe",
                                      "/proc/sys/kernel/modules_disabled",
                                      "/proc/sys/kernel/max_*",
                                      "/proc/sys/kernel/a[^u]*",
                                      "/sys/[^f]*/**",
                                      "/sys/f[^s]*/**",
                                      "/sys/fs/[^c]*/**",
                                      "/sys/fs/c[^g]*/**"}) {
    text += fmt::format("  deny {} wklx,\n", path);
  }
  return text + "}\n";
}

AppArmor PrepareAppArmor(const std::string& run_dir) {
  AppArmor machine;
  const std::string enabled =
      os::ReadFile("/sys/module/apparmor/parameters/enabled", 16).ValueOr("");
  machine.enabled = base::Trim(enabled) == "Y";
  if (!machine.enabled) return machine;
  const std::string text = DefaultAppArmorProfile(kName);
  const std::string stamp = run_dir + "/apparmor-default";
  const Result<bool> there = IsProfileLoaded(std::string(kName));
  if (there.ok() && *there && os::ReadFile(stamp).ValueOr("") == text) {
    machine.default_profile = kName;
    return machine;
  }
  Status loaded = base::NotFound("there is no apparmor_parser");
  for (const char* parser : kParsers) {
    if (!os::Exists(parser)) continue;
    loaded = Load(parser, text);
    break;
  }
  if (!loaded.ok()) {
    base::LogWarn("AppArmor is on, but the default profile cannot be loaded: containers have none",
                  {{"error", loaded.error()}});
    return machine;
  }
  machine.default_profile = kName;
  (void)os::WriteFileAtomic(stamp, text, 0600);  // else it is loaded once more the next time
  return machine;
}

bool ListsProfile(std::string_view profiles, std::string_view name) {
  for (const std::string_view line : base::Split(profiles, '\n')) {
    const size_t mode = line.rfind(" (");
    if (!line.empty() && line.substr(0, mode) == name) return true;
  }
  return false;
}

Result<bool> IsProfileLoaded(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string profiles,
                   os::ReadFile(kProfiles).WithContext("which AppArmor profiles are loaded"));
  return ListsProfile(profiles, name);
}

Result<ProfileRequest> ParseProfileString(std::string_view text) {
  using Kind = ProfileRequest::Kind;
  constexpr std::string_view kLocal = "localhost/";
  if (text.empty()) return ProfileRequest{};
  if (text == "runtime/default") return ProfileRequest{Kind::kRuntimeDefault, ""};
  if (text == "unconfined") return ProfileRequest{Kind::kUnconfined, ""};
  if (text.starts_with(kLocal))
    return ProfileRequest{Kind::kLocalhost, std::string(text.substr(kLocal.size()))};
  return base::InvalidArgument("apparmor_profile: {} is no profile",
                               base::QuoteIfNeeded(text.substr(0, 200)));
}

Result<std::string> ResolveAppArmor(const ProfileRequest& request, bool privileged,
                                    const AppArmor& machine) {
  using Kind = ProfileRequest::Kind;
  if (request.kind == Kind::kUnconfined) return std::string();
  if (request.kind != Kind::kLocalhost) return privileged ? "" : machine.default_profile;
  std::string_view name = request.name;
  // Some clients keep the older field's prefix.
  if (name.starts_with("localhost/")) name.remove_prefix(std::string_view("localhost/").size());
  if (name.empty() || name.size() > 1024 || base::ContainsControlCharacter(name)) {
    return base::InvalidArgument("apparmor: {} is no profile's name",
                                 base::QuoteIfNeeded(name.substr(0, 200)));
  }
  if (!machine.enabled) {
    return base::FailedPrecondition(
        "apparmor: the profile '{}' cannot be applied: this kernel has no AppArmor", name);
  }
  return std::string(name);
}

}  // namespace keelson::security
