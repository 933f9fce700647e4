// SPDX-License-Identifier: Apache-2.0
// A container's volumes, planned from the request (pure); those that are images are opened here at
// the start: an overlay of their layers without an upper side, so that nobody can write. What lies
// below an image's root is found with os::RootedDir only. Planning on any thread; opening blocks.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/container/plan.h"
#include "runtime/image/image_service.h"

namespace runtime::v1 {
class Mount;
}  // namespace runtime::v1

namespace keelson::container {

base::Status CheckContainerPath(const std::string& path, const std::string& field);
// Normalised the way it will be looked up: no empty, "." or trailing parts. ".." stays for the
// kernel, inside the root.
std::string CleanPath(const std::string& path);

bool IsImageVolume(const ::runtime::v1::Mount& mount);
// `images`: those of mounts that name one, by the mount's number; `users`: of the pod.
base::Status AddVolume(const ::runtime::v1::Mount& wanted, size_t index,
                       const std::map<size_t, image::Image>& images, const spec::UserMapping& users,
                       Plan& plan);

// The options are those that the reader of CDI files lets through.
base::Status AddCdiMount(const CdiMount& wanted, Plan& plan);

// Whether images have the paths that are asked for, looked up in their layers without a mount.
base::Status CheckImageVolumes(const std::vector<HostSource>& sources);

struct ImageMountPlaces {
  std::string empty;    // a directory of ours that is and stays empty; made when absent
  std::string staging;  // any directory; covered in a mount namespace of the call's own only
};
// A detached mount of what an image has there.
base::Result<os::UniqueFd> OpenImageVolume(const HostSource& source,
                                           const ImageMountPlaces& places);

}  // namespace keelson::container
