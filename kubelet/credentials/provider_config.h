// SPDX-License-Identifier: Apache-2.0
// CredentialProviderConfig (kubelet.config.k8s.io/v1, v1beta1, v1alpha1): which programs know
// credentials for which images. A file, or the *.json, *.yaml and *.yml of a folder in the order of
// their names. What is not understood is refused with file and line. Source: upstream's
// pkg/credentialprovider/plugin.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace keelson::credentials {

struct Provider {
  std::string name;         // of the program in --image-credential-provider-bin-dir
  std::string api_version;  // that it speaks: credentialprovider.kubelet.k8s.io/v1 and before
  std::vector<std::string> match_images;  // image_gc::IsPlaceOf
  std::chrono::nanoseconds default_cache_duration{0};
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
};

base::Result<std::vector<Provider>> ReadProviders(const std::string& path);
base::Result<std::vector<Provider>> ParseProviders(const std::string& text);

}  // namespace keelson::credentials
