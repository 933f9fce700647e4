// SPDX-License-Identifier: Apache-2.0
// The cluster's own signers of CertificateSigningRequests: what each accepts, and for how long it
// signs. Pure but for the key. Source: k8s.io/kubernetes, pkg/apis/certificates and
// pkg/controller/certificates (1.35).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minimal-master/pki/certificate.h"

namespace keelson::pki {

inline constexpr std::string_view kClientSigner = "kubernetes.io/kube-apiserver-client";
inline constexpr std::string_view kKubeletClientSigner =
    "kubernetes.io/kube-apiserver-client-kubelet";
inline constexpr std::string_view kKubeletServingSigner = "kubernetes.io/kubelet-serving";
inline constexpr std::string_view kLegacySigner = "kubernetes.io/legacy-unknown";
inline constexpr int64_t kLongestSigned = int64_t{365} * 86400;
inline constexpr int64_t kShortestSigned = 600;

// What a CertificateSigningRequest holds.
struct SigningAsk {
  std::string signer;
  std::string request;              // PEM
  std::vector<std::string> usages;  // "client auth", "digital signature", …
  std::optional<int64_t> expiration_seconds;
};

bool IsOurSigner(std::string_view signer);
// Whether the signer takes such a request; FailedPrecondition says what it does not like.
base::Status CheckRequest(std::string_view signer, const Names& names,
                          const std::vector<std::string>& usages);
// The certificate, for `longest` seconds at most; shorter than kShortestSigned only where that is.
// `now` in seconds since the epoch.
base::Result<std::string> Sign(const Authority& authority, const SigningAsk& ask, int64_t now,
                               int64_t longest = kLongestSigned);

}  // namespace keelson::pki
