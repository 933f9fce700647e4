// SPDX-License-Identifier: Apache-2.0
// What becomes of a CertificateSigningRequest: approved, signed, or cleaned away. Pure. Source:
// k8s.io/kubernetes, pkg/controller/certificates (1.35). Times are nanoseconds since the epoch.
#pragma once

#include <optional>
#include <string>

#include "minimal-master/control/write.h"
#include "minimal-master/pki/signer.h"

namespace keelson::controllers::csr {

bool HasCondition(const json::Value& csr, std::string_view type);
bool IsIssued(const json::Value& csr);
pki::SigningAsk AskOf(const json::Value& csr);

// A request that may be approved without anybody, if its sender may create this subresource.
struct Recognized {
  const char* subresource;
  const char* message;
};
std::optional<Recognized> Recognize(const json::Value& csr);
// The question whether its sender may.
control::Write PlanReview(const json::Value& csr, const Recognized& recognized);
control::Write PlanApproval(const json::Value& csr, const Recognized& recognized);

// Approved, ours, and neither signed nor given up yet.
bool IsToBeSigned(const json::Value& csr);
// The certificate, or why it cannot be signed.
control::Write PlanSigned(const json::Value& csr, const base::Result<std::string>& certificate,
                          int64_t now);

// When it goes; nothing: it stays.
std::optional<int64_t> EndOf(const json::Value& csr);

}  // namespace keelson::controllers::csr
