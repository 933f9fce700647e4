// SPDX-License-Identifier: Apache-2.0
// What is left on the machine of what pods need. Reads the kernel; blocks shortly.
#pragma once

#include <string>

#include "kubelet/eviction/watch.h"

namespace keelson::node {

struct Supply {
  eviction::Observations left;
  bool images_apart = false;  // images have a file system of their own
};
// `root_dir`: where volumes are; `images`: where the runtime has its images, empty: not known.
// Memory is MemAvailable, which counts cached files that the kernel can drop at once.
Supply LookAtSupply(const std::string& root_dir, const std::string& images);

}  // namespace keelson::node
