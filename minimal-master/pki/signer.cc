// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/signer.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::pki {
namespace {

constexpr int64_t kBackdate = 300;
constexpr std::string_view kNodes = "system:nodes";
constexpr std::string_view kNodePrefix = "system:node:";

bool Has(const std::vector<std::string>& usages, std::string_view usage) {
  return std::find(usages.begin(), usages.end(), usage) != usages.end();
}

// The usage asked for is there, and nothing but what goes with it.
bool UsagesAre(const std::vector<std::string>& usages, std::string_view wanted,
               bool signature_needed) {
  for (const std::string& usage : usages)
    if (usage != wanted && usage != "digital signature" && usage != "key encipherment")
      return false;
  return Has(usages, wanted) && (!signature_needed || Has(usages, "digital signature"));
}

base::Status Refused(std::string_view why) { return base::FailedPrecondition("{}", why); }

base::Status CheckNode(const Names& names) {
  if (names.organizations.size() != 1 || names.organizations[0] != kNodes)
    return Refused("subject organization is not system:nodes");
  if (!names.common_name.starts_with(kNodePrefix) || names.common_name.size() == kNodePrefix.size())
    return Refused("subject common name does not begin with system:node:");
  if (!names.emails.empty()) return Refused("email subjectAltNames are not allowed");
  if (!names.uris.empty()) return Refused("URI subjectAltNames are not allowed");
  return base::Ok();
}

}  // namespace

bool IsOurSigner(std::string_view signer) {
  return signer == kClientSigner || signer == kKubeletClientSigner ||
         signer == kKubeletServingSigner || signer == kLegacySigner;
}

base::Status CheckRequest(std::string_view signer, const Names& names,
                          const std::vector<std::string>& usages) {
  const auto invalid = [&usages] {
    return Refused("invalid usages: [" + base::Join(usages, " ") + "]");
  };
  if (signer == kLegacySigner) return base::Ok();
  if (signer == kClientSigner)
    return UsagesAre(usages, "client auth", false) ? base::Ok() : invalid();
  if (signer == kKubeletClientSigner) {
    RETURN_IF_ERROR(CheckNode(names));
    if (!names.dns.empty()) return Refused("DNS subjectAltNames are not allowed");
    if (!names.ips.empty()) return Refused("IP subjectAltNames are not allowed");
    return UsagesAre(usages, "client auth", true) ? base::Ok() : invalid();
  }
  if (signer == kKubeletServingSigner) {
    RETURN_IF_ERROR(CheckNode(names));
    if (names.dns.empty() && names.ips.empty())
      return Refused("DNS or IP subjectAltName is required");
    return UsagesAre(usages, "server auth", true) ? base::Ok() : invalid();
  }
  return base::NotFound("'{}' is not a signer of ours", signer);
}

base::Result<std::string> Sign(const Authority& authority, const SigningAsk& ask, int64_t now,
                               int64_t longest) {
  ASSIGN_OR_RETURN(const SigningRequest request, ParseRequest(ask.request));
  RETURN_IF_ERROR(CheckRequest(ask.signer, request.names, ask.usages));
  const int64_t seconds =
      std::min(std::max(ask.expiration_seconds.value_or(longest), kShortestSigned), longest);
  return authority.Issue(request.key, {.names = request.names,
                                       .not_before = now - kBackdate,
                                       .not_after = now + seconds,
                                       .client = Has(ask.usages, "client auth"),
                                       .server = Has(ask.usages, "server auth"),
                                       .digital_signature = Has(ask.usages, "digital signature"),
                                       .key_encipherment = Has(ask.usages, "key encipherment")});
}

}  // namespace keelson::pki
