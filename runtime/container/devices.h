// SPDX-License-Identifier: Apache-2.0
// From the devices that a container asks for, or all when it is privileged, to nodes and rules.
// Looks at the host's /dev by fstatat(2) and opens no device. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "runtime/spec/container_spec.h"

namespace keelson::container {

struct DeviceRequest {
  std::string host_path;  // a device, or a directory: every device below it
  std::string container_path;
  std::string permissions;  // of "rwm"
  std::string field;        // for messages: "devices[1]"
  // Instead of what the host's device has.
  std::optional<uint32_t> file_mode = {};
  std::optional<uint32_t> uid = {};
  std::optional<uint32_t> gid = {};
};

struct FoundDevice {
  spec::Device node;
  cgroup::DeviceRule rule;
};

// A host path that is not there, or is neither a device nor a directory that holds one, is an error
// that names it.
base::Result<std::vector<FoundDevice>> FindDevices(const DeviceRequest& request);
// What a privileged container sees: every device below `root` but what each container has of its
// own (pts, shm, mqueue, console).
base::Result<std::vector<spec::Device>> AllDevices(const std::string& root = "/dev");

}  // namespace keelson::container
