// SPDX-License-Identifier: Apache-2.0
// `keelson explain`: what the kubelet last planned for a pod, and what it waits for.
#pragma once

#include <string>

#include "cli/console.h"
#include "cli/node.h"

namespace keelson::cli {

base::Status Explain(const std::string& pod, const std::string& name_space, Kubelet& kubelet,
                     const Console& console);

}  // namespace keelson::cli
