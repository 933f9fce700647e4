// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/identity.h"

#include <sys/utsname.h>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::node {
namespace {

std::string Line(const std::string& path) {
  return std::string(base::Trim(os::ReadFile(path).ValueOr("")));
}

std::string OsImage(const std::string& root) {
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    const std::string text = os::ReadFile(root + path).ValueOr("");
    for (std::string_view line : base::Split(text, '\n')) {
      constexpr std::string_view kKey = "PRETTY_NAME=";
      if (!line.starts_with(kKey)) continue;
      line.remove_prefix(kKey.size());
      if (line.size() >= 2 && (line.front() == '"' || line.front() == '\''))
        line = line.substr(1, line.size() - 2);
      return std::string(line);
    }
  }
  return "Linux";
}

}  // namespace

std::string GoArchitecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

Identity IdentityOf(const std::string& root) {
  Identity identity;
  utsname names{};
  (void)uname(&names);
  identity.kernel = names.release;
  identity.architecture = GoArchitecture(names.machine);
  identity.os_image = OsImage(root);
  identity.machine_id = Line(root + "/etc/machine-id");
  identity.boot_id = Line(root + "/proc/sys/kernel/random/boot_id");
  identity.system_uuid = Line(root + "/sys/class/dmi/id/product_uuid");
  if (identity.system_uuid.empty()) identity.system_uuid = identity.machine_id;
  return identity;
}

}  // namespace keelson::node
