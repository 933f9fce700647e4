// SPDX-License-Identifier: Apache-2.0
// Which machine this is, as nodeInfo shows it. Reads a few files; what cannot be read is empty.
#pragma once

#include <string>

namespace keelson::node {

struct Identity {
  std::string machine_id, system_uuid, boot_id, kernel, os_image;
  std::string architecture;  // as Go names it: amd64, arm64
};
// `root`: where the machine's files are.
Identity IdentityOf(const std::string& root = "");
std::string GoArchitecture(const std::string& machine);  // of uname(2)

}  // namespace keelson::node
