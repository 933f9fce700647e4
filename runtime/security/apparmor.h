// SPDX-License-Identifier: Apache-2.0
// AppArmor: whether this machine has it, the default profile, and which profile a container gets.
// The daemon loads the default one at its start where apparmor_parser is there; a profile of the
// user's own must be loaded already. Applying it is the launcher's (runtime/launcher/labels.h).
// Resolving is pure; the others block. Source: apparmor.d(5), securityfs.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::security {

struct AppArmor {
  bool enabled = false;         // by the kernel
  std::string default_profile;  // its name once it is loaded; empty: there is none
};

// What "RuntimeDefault" means, as text for apparmor_parser.
std::string DefaultAppArmorProfile(std::string_view name);

// Never fails: without a parser, or when it refuses, containers run without a default profile and
// the log says so. `run_dir` remembers which text is loaded.
AppArmor PrepareAppArmor(const std::string& run_dir);

// "name (mode)" lines of securityfs. An error when nobody can tell.
base::Result<bool> IsProfileLoaded(const std::string& name);
bool ListsProfile(std::string_view profiles, std::string_view name);

struct ProfileRequest {
  enum class Kind { kUnset, kRuntimeDefault, kLocalhost, kUnconfined };
  Kind kind = Kind::kUnset;
  std::string name;  // kLocalhost
};
// The older field: "", "runtime/default", "unconfined", "localhost/NAME".
base::Result<ProfileRequest> ParseProfileString(std::string_view text);

// The profile to be entered, empty for none. Nothing asked is the default, unless privileged; a
// profile by name that cannot be had is an error.
base::Result<std::string> ResolveAppArmor(const ProfileRequest& request, bool privileged,
                                          const AppArmor& machine);

}  // namespace keelson::security
