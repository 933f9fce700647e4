// SPDX-License-Identifier: Apache-2.0
// A container's environment and command line: envFrom, then env, with $(VAR) from what came before;
// $$(VAR) stays as $(VAR). Pure but for looking up config maps and secrets.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kubelet/volume/volumes.h"
#include "lib/kube/pod.h"

namespace keelson::pod {

using Environment = std::vector<std::pair<std::string, std::string>>;

// The error is what CreateContainerConfigError shows: `configmap "settings" not found`.
base::Result<Environment> ContainerEnvironment(const kube::Pod& pod,
                                               const kube::Container& container,
                                               const volume::DownwardValues& values,
                                               const volume::Objects& objects);
std::string Expand(const std::string& text, const Environment& environment);

}  // namespace keelson::pod
