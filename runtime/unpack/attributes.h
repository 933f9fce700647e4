// SPDX-License-Identifier: Apache-2.0
// Owner, mode, extended attributes and times of what an archive entry makes. Of the attributes only
// those that mean something inside a container are kept (capabilities of files, access lists,
// user.*); trusted.* and user.overlay.* would speak to overlayfs and are dropped, as are labels
// that are the host's to give.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/unpack/tar_reader.h"

namespace keelson::unpack {

bool KeepsXattr(std::string_view name);

base::Status SetAttributes(int fd,
                           const TarEntry& entry);  // of an open file or directory; not its times
base::Status SetTimes(int fd, const TarEntry& entry);
// Of a symlink, fifo or device in `parent`; times too. It is never opened.
base::Status SetAttributesAt(int parent, const std::string& name, const TarEntry& entry);

}  // namespace keelson::unpack
