// SPDX-License-Identifier: Apache-2.0
// Names by content: what a container is restarted for when it changes, and the identity of a static
// pod. Pure.
#pragma once

#include <string>

#include "lib/kube/pod.h"

namespace keelson::pod {

// Of name and image only: another change of a running container's text does not restart it.
std::string ContainerHash(const kube::Container& container);

// 32 hexadecimal digits over the manifest's content, node name and path: another text is another
// pod.
std::string StaticPodUid(const json::Value& manifest, const std::string& node_name,
                         const std::string& source);

}  // namespace keelson::pod
