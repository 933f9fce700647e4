// SPDX-License-Identifier: Apache-2.0
// Credentials for pulling an image out of a pod's imagePullSecrets: Secrets that hold a Docker
// configuration (.dockerconfigjson, or .dockercfg of old). Pure; nothing of a secret is ever part
// of an error. Which entry is for which image: rules of upstream's keyring.
#pragma once

#include <string>
#include <vector>

#include "cri-api/cri.h"
#include "cri-api/image.pb.h"
#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::image_gc {

// In the order in which they are to be tried: the entry that says most of the image's name first.
// Secrets of other kinds say nothing.
base::Result<std::vector<cri::AuthConfig>> CredentialsFor(
    const std::string& image, const std::vector<kube::ConfigObject>& secrets);

// "busybox:1" → "docker.io/library/busybox".
std::string RepositoryOf(const std::string& image);

}  // namespace keelson::image_gc
