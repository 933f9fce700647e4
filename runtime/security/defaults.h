// SPDX-License-Identifier: Apache-2.0
// What a container may do unless its pod says otherwise: capabilities, masked and read-only paths,
// devices, and the checks of values that end up in files or kernel settings. The lists are those
// that users of today's runtimes rely on. Pure but for AvailableCapabilities(), any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "runtime/spec/container_spec.h"

namespace keelson::security {

struct CapabilityRequest {
  bool privileged = false;
  std::vector<std::string> add;  // "NET_ADMIN", "CAP_NET_ADMIN", any case; "ALL"
  std::vector<std::string> drop;
  std::vector<std::string> add_ambient;
};
uint64_t DefaultCapabilities();
// What this daemon could hand out at all: the bounding set of its own process.
base::Result<uint64_t> AvailableCapabilities();
// ALL is taken first, then what is added, then what is dropped. Inheritable stays empty unless
// ambient capabilities are asked for. An unknown name is InvalidArgument; one that `available`
// lacks and that was asked for by name is FailedPrecondition.
base::Result<spec::Capabilities> ResolveCapabilities(const CapabilityRequest& request,
                                                     uint64_t available);

// Unprivileged containers; a privileged one has neither.
std::vector<std::string> DefaultMaskedPaths();
std::vector<std::string> DefaultReadOnlyPaths();

// /dev/null, zero, full, random, urandom, tty. (ptmx, fd, stdin… are links that every root gets.)
std::vector<spec::Device> DefaultDevices();
// Everything denied but the default devices, ptmx, pts and console; `extra` are the container's own
// devices.
std::vector<cgroup::DeviceRule> DefaultDeviceRules(const std::vector<spec::Device>& extra = {});
std::vector<cgroup::DeviceRule> PrivilegedDeviceRules();

// InvalidArgument that names the field. Names and values must not smuggle a second line, entry or
// variable.
base::Status CheckEnvironment(std::string_view name, std::string_view value);
base::Status CheckHostname(std::string_view hostname);
base::Status CheckFileText(
    std::string_view what,
    std::string_view text);  // a value for hosts, resolv.conf, passwd: one line
// Only sysctls that belong to a namespace of the pod's own.
base::Status CheckSysctl(std::string_view name, std::string_view value, bool host_network,
                         bool host_ipc);

}  // namespace keelson::security
