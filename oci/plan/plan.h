// SPDX-License-Identifier: Apache-2.0
// A checked config.json as the ContainerSpec that the runtime's own start takes. Pure, any thread.
// Source: runtime-spec config.md, config-linux.md.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "oci/config/config.h"
#include "runtime/spec/container_spec.h"

namespace keelson::oci {

struct Place {
  std::string id;
  std::string bundle;  // absolute
  std::string root;    // of the container, absolute, without links
};
base::Result<spec::ContainerSpec> ToSpec(const Config& config, const Place& place);
// Takes away what cannot be granted: what is not `available`, effective ones that are not
// permitted, ambient ones that are not inheritable too. It is told, and no error (runtime-spec):
// one line for each set.
std::vector<std::string> LimitCapabilities(spec::Capabilities& sets, uint64_t available);
// CLONE_NEW* of a type as config.json names it.
uint64_t NamespaceFlag(std::string_view type);
// The file of /proc/PID/ns.
std::string NamespaceFile(std::string_view type);
// The line(s) of /proc/PID/uid_map.
std::string MapText(const std::vector<IdMapping>& mappings);

}  // namespace keelson::oci
