// SPDX-License-Identifier: Apache-2.0
// What the probes said of a pod's containers, as a small file in the pod's directory: a kubelet
// that returns does not call unready what was ready. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "kubelet/pod/facts.h"
#include "lib/base/result.h"

namespace keelson::lifecycle {

using HealthById = std::map<std::string, pod::HealthFact>;  // by container id

std::string WriteHealth(const HealthById& health);
// An empty text says nothing, of nobody. DataLoss: it cannot be read, or was changed since.
base::Result<HealthById> ReadHealth(std::string_view text);

}  // namespace keelson::lifecycle
