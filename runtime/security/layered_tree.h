// SPDX-License-Identifier: Apache-2.0
// One look into an image without mounting it: finds a path in a stack of unpacked layers as overlay
// would show it (whiteouts, opaque directories, symlinks that stay inside). Walks one component at
// a time through descriptors; no host path is ever made from what a layer says. Blocks on the disk,
// any thread; the descriptors close with the object. Source: overlayfs in the kernel's
// documentation.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/rooted_dir.h"

namespace keelson::security {

class LayeredTree {
 public:
  // Absolute host paths of our own, top layer first, as Image::layer_dirs has them.
  static base::Result<LayeredTree> Open(const std::vector<std::string>& layer_dirs);

  // An O_PATH descriptor of what is there, symlinks followed; NotFound when no layer shows
  // anything.
  base::Result<os::UniqueFd> Find(std::string_view path) const;

 private:
  // A merged directory: the descriptors of the layers that contribute to it, top first.
  using Merged = std::vector<std::shared_ptr<const os::RootedDir>>;
  explicit LayeredTree(Merged root) : root_(std::move(root)) {}
  struct Step;
  static base::Result<Step> Lookup(const Merged& directory, const std::string& name);
  Merged root_;
};

}  // namespace keelson::security
