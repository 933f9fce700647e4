// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "runtime/security/defaults.h"

namespace keelson::security {

using base::InvalidArgument;
using base::Status;

namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr std::string_view kIpcSysctls[] = {
    "kernel.msgmax", "kernel.msgmnb",          "kernel.msgmni",
    "kernel.sem",    "kernel.shmall",          "kernel.shmmax",
    "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.auto_msgmni"};

}  // namespace

Status CheckEnvironment(std::string_view name, std::string_view value) {
  if (name.empty()) return InvalidArgument("environment: a variable has no name");
  if (name.find('=') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return InvalidArgument("environment: the name {} holds '=' or a zero byte",
                           base::QuoteIfNeeded(name));
  }
  if (value.find('\0') != std::string_view::npos)
    return InvalidArgument("environment: the value of '{}' holds a zero byte", name);
  return base::Ok();
}

Status CheckHostname(std::string_view hostname) {
  if (hostname.size() > 64)
    return InvalidArgument("hostname {} is longer than 64 bytes",
                           base::QuoteIfNeeded(hostname.substr(0, 80)));
  const bool plain = std::all_of(hostname.begin(), hostname.end(),
                                 [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.'; });
  if (!plain)
    return InvalidArgument("hostname {} may hold letters, digits, '-' and '.' only",
                           base::QuoteIfNeeded(hostname));
  if (!hostname.empty() && !IsAlphanumeric(hostname.front())) {
    return InvalidArgument("hostname '{}' must begin with a letter or a digit", hostname);
  }
  return base::Ok();
}

Status CheckFileText(std::string_view what, std::string_view text) {
  if (!base::ContainsControlCharacter(text) || KEELSON_WEAKENED_AT("one-line")) return base::Ok();
  return InvalidArgument("{} {} holds a control character", what,
                         base::QuoteIfNeeded(text.substr(0, 200)));
}

Status CheckSysctl(std::string_view name, std::string_view value, bool host_network,
                   bool host_ipc) {
  if (KEELSON_WEAKENED_AT("sysctl")) return base::Ok();
  // Both separators are in use; '.' and '/' are one here, and a path step upwards has no name.
  std::string key(name);
  if (key.find('.') == std::string::npos || key.find('/') < key.find('.')) {
    for (char& c : key) c = c == '/' ? '.' : c == '.' ? '/' : c;
  }
  const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return IsAlphanumeric(c) || c == '.' || c == '/' || c == '_' || c == '-';
  });
  if (!plain || key.front() == '.' || key.back() == '.' || key.find("..") != std::string::npos ||
      key.find("//") != std::string::npos) {
    return InvalidArgument("sysctl {} is not a valid name", base::QuoteIfNeeded(name));
  }
  const bool one_line = std::none_of(value.begin(), value.end(), [](unsigned char c) {
    return (c < ' ' && c != '\t') || c == 0x7f;
  });
  if (!one_line)
    return InvalidArgument("sysctl '{}': the value {} holds a control character", name,
                           base::QuoteIfNeeded(value.substr(0, 200)));
  const bool ipc =
      std::find(std::begin(kIpcSysctls), std::end(kIpcSysctls), key) != std::end(kIpcSysctls) ||
      key.starts_with("fs.mqueue.");
  if (ipc) {
    if (host_ipc)
      return InvalidArgument("sysctl '{}' is refused: the pod uses the host's IPC namespace", name);
    return base::Ok();
  }
  if (key.starts_with("net.")) {
    if (host_network)
      return InvalidArgument("sysctl '{}' is refused: the pod uses the host's network", name);
    return base::Ok();
  }
  return InvalidArgument("sysctl '{}' is refused: it does not belong to a namespace of the pod",
                         name);
}

}  // namespace keelson::security
