// SPDX-License-Identifier: Apache-2.0
// What is said with a credential provider plugin: CredentialProviderRequest on its standard input,
// CredentialProviderResponse on its standard output (credentialprovider.kubelet.k8s.io). Pure;
// nothing of an answer is ever part of an error.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kubelet/image/pull_secrets.h"
#include "lib/base/result.h"

namespace keelson::credentials {

std::string EncodeRequest(const std::string& api_version, const std::string& image);

struct Response {
  enum class For { kImage, kRegistry, kGlobal } good_for = For::kImage;
  std::optional<std::chrono::nanoseconds>
      good_for_long;                                    // from now; nothing: the provider's default
  std::map<std::string, image_gc::Credential> entries;  // by place
};
base::Result<Response> DecodeResponse(std::string_view text, const std::string& api_version);

}  // namespace keelson::credentials
