// SPDX-License-Identifier: Apache-2.0
// What a plugin is given: environment and standard input. Pure. Source: CNI specification 1.1,
// sections 2 and 3, and CONVENTIONS.md for capabilities.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/cni/config.h"
#include "runtime/network/network.h"

namespace keelson::cni {

// One attachment of a pod: all that DEL needs, long after the pod is gone.
struct Attachment {
  std::string sandbox_id;
  std::string pod;    // "namespace/name", for people
  std::string netns;  // path; empty: gone
  std::string interface = "eth0";
  std::string args;          // CNI_ARGS
  std::string capabilities;  // JSON object: what each capability would be given
};

// The names and wishes of a pod. Refuses names that would smuggle a second argument.
base::Result<Attachment> AttachmentOf(const network::PodRequest& request,
                                      const std::string& pod_subnets);

std::vector<std::string> Environment(const std::string& command, const Attachment& attachment,
                                     const std::vector<std::string>& bin_dirs);

// The plugin's own configuration with name, version, the capabilities that it declared and the
// result before it (a JSON text; empty: none).
base::Result<std::string> Input(const NetworkConfig& network, const PluginConfig& plugin,
                                const std::string& version, const Attachment& attachment,
                                const std::string& previous);
// For GC: who is still there, as {container id, interface}.
base::Result<std::string> GarbageInput(
    const NetworkConfig& network, const PluginConfig& plugin, const std::string& version,
    const std::vector<std::pair<std::string, std::string>>& valid);

}  // namespace keelson::cni
