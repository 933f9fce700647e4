// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/access/certificates.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "minimal-master/pki/signer.h"

namespace keelson::access {
namespace {

using json::Value;

constexpr char kGroup[] = "certificates.k8s.io";
constexpr char kResource[] = "certificatesigningrequests";

Value Conditions(const Value& csr, bool decisions) {
  Value out = Value::Array();
  for (const Value& one : csr.At({"status", "conditions"}).items()) {
    const std::string& type = one.At({"type"}).AsString();
    if ((type == "Approved" || type == "Denied") == decisions && (decisions || type == "Failed"))
      out.Append(one);
  }
  return out;
}

bool MayDo(Access& access, const auth::User& user, std::string_view verb,
           const std::string& signer) {
  auth::Attributes attributes;
  attributes.user = user;
  attributes.is_resource = true;
  attributes.verb = verb;
  attributes.group = kGroup;
  attributes.version = "*";
  attributes.resource = "signers";
  attributes.name = signer;
  if (access.Decide(attributes).allowed) return true;
  // Of all signers of a domain.
  attributes.name = signer.substr(0, signer.find('/')) + "/*";
  return access.Decide(attributes).allowed;
}

// A node asks for itself alone, as client and as server. Nothing: it does.
std::optional<std::string> AsksForAnother(const auth::User& user, const Value& csr) {
  const std::string node = auth::NodeNameOf(user);
  const std::string& signer = csr.At({"spec", "signerName"}).AsString();
  if (node.empty() || (signer != pki::kKubeletServingSigner && signer != pki::kKubeletClientSigner))
    return std::nullopt;
  const auto pem = base::Base64Decode(csr.At({"spec", "request"}).AsString());
  const auto request = pki::ParseRequest(pem.value_or(""));
  if (!request.ok()) return "unable to parse csr: " + request.error().message();
  if (request->names.common_name == "system:node:" + node) return std::nullopt;
  return "can only create a node CSR with CN=system:node:" + node;
}

bool AsksToBeMaster(const Value& csr) {
  if (csr.At({"spec", "signerName"}).AsString() != pki::kClientSigner) return false;
  const auto pem = base::Base64Decode(csr.At({"spec", "request"}).AsString());
  if (!pem) return false;
  const base::Result<pki::SigningRequest> request = pki::ParseRequest(*pem);
  if (!request.ok()) return false;
  const auto& groups = request->names.organizations;
  return std::find(groups.begin(), groups.end(), auth::kMasters) != groups.end();
}

}  // namespace

status::Or<bool> MayCertify(Access& access, const auth::User& user, const Value& object,
                            const Value* old) {
  if (object.At({"kind"}).AsString() != "CertificateSigningRequest" ||
      !object.At({"apiVersion"}).AsString().starts_with(kGroup))
    return true;
  const std::string& signer = object.At({"spec", "signerName"}).AsString();
  const auto forbidden = [&](std::string why) {
    return status::Forbidden({kGroup, kResource}, object.At({"metadata", "name"}).AsString(),
                             std::move(why));
  };
  if (old == nullptr) {
    if (auto why = AsksForAnother(user, object)) return forbidden(*std::move(why));
    if (!AsksToBeMaster(object)) return true;
    return forbidden(
        fmt::format("use of {} signer with {} group is not allowed", signer, auth::kMasters));
  }
  if (!(Conditions(object, true) == Conditions(*old, true)) &&
      !MayDo(access, user, "approve", signer)) {
    return forbidden(fmt::format("user not permitted to approve requests with signerName {}",
                                 json::Quote(signer)));
  }
  const bool signs =
      !(object.At({"status", "certificate"}) == old->At({"status", "certificate"})) ||
      !(Conditions(object, false) == Conditions(*old, false));
  if (signs && !MayDo(access, user, "sign", signer)) {
    return forbidden(
        fmt::format("user not permitted to sign requests with signerName {}", json::Quote(signer)));
  }
  return true;
}

}  // namespace keelson::access
