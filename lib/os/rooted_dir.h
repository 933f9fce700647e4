// SPDX-License-Identifier: Apache-2.0
// RootedDir: the only door to anything below a directory that a container controls. Every lookup is
// openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: absolute symlinks and ".." stay inside.
// Nothing here takes an absolute host path but Open(). Any thread. Source: openat2(2).
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::os {

class RootedDir {
 public:
  static base::Result<RootedDir> Open(const std::string& host_path);
  explicit RootedDir(UniqueFd root)
      : root_(std::move(root)) {}  // an O_PATH or O_DIRECTORY descriptor, or a detached mount

  int fd() const { return root_.get(); }

  // `path` is read relative to the root whether or not it starts with '/'. O_CLOEXEC is added. With
  // `no_xdev` a lookup that crosses a mount fails (EXDEV), with `no_symlinks` one that meets any
  // symlink (ELOOP).
  struct Limits {
    bool no_xdev = false;
    bool no_symlinks = false;
  };
  base::Result<UniqueFd> OpenAt(std::string_view path, int flags, unsigned mode = 0) const;
  base::Result<UniqueFd> OpenAt(std::string_view path, int flags, unsigned mode,
                                Limits limits) const;

  // Directories made one component at a time through descriptors; returns an O_PATH descriptor of
  // the last. Existing directories, and symlinks to directories inside the root, are walked
  // through.
  base::Result<UniqueFd> MakeDirs(std::string_view path, unsigned mode) const;
  // A regular file there (made empty, with parents) or whatever is there already; an O_PATH
  // descriptor. For bind targets.
  base::Result<UniqueFd> MakeFile(std::string_view path, unsigned mode) const;

 private:
  UniqueFd root_;
};

}  // namespace keelson::os
