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
// CLONE_NEW* of a type as config.json names it.
uint64_t NamespaceFlag(std::string_view type);
// The file of /proc/PID/ns.
std::string NamespaceFile(std::string_view type);
// The line(s) of /proc/PID/uid_map.
std::string MapText(const std::vector<IdMapping>& mappings);

}  // namespace keelson::oci
