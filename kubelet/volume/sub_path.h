// SPDX-License-Identifier: Apache-2.0
// A part of a volume (subPath) as a path that can be mounted without walking anything that a
// container may exchange meanwhile: the part is opened within the volume and bound to a place of
// the kubelet's own. Blocking, any thread; one caller per target.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace keelson::volume {

// `target` is a path below the pod's directory that no container sees. What is missing in the
// volume is made, as directories with the volume's own mode. A binding left there by an earlier run
// is replaced.
base::Status BindSubPath(const std::string& volume_path, const std::string& sub_path,
                         const std::string& target);

}  // namespace keelson::volume
