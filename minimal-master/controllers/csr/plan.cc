// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/csr/plan.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "minimal-master/control/times.h"

namespace keelson::controllers::csr {
namespace {

using json::Value;

constexpr int64_t kHour = int64_t{3600} * 1'000'000'000;
constexpr int64_t kSettledFor = kHour;      // issued, denied, failed
constexpr int64_t kWaitedFor = 24 * kHour;  // pending, approved but not issued
constexpr char kGroup[] = "certificates.k8s.io";
constexpr char kResource[] = "certificatesigningrequests";

const schema::Resource& Requests() { return control::ResourceNamed(kGroup, kResource); }

Value WithCondition(const Value& csr, Value condition) {
  Value changed = csr;
  Value status = changed.At({"status"}).IsObject() ? changed.At({"status"}) : Value::Object();
  Value conditions = status.At({"conditions"});
  conditions.Append(std::move(condition));
  status.Set("conditions", std::move(conditions));
  changed.Set("status", std::move(status));
  return changed;
}

// When the certificate that was issued ends.
std::optional<int64_t> CertificateEnd(const Value& csr) {
  const auto pem = base::Base64Decode(csr.At({"status", "certificate"}).AsString());
  if (!pem) return std::nullopt;
  const base::Result<pki::Certificate> certificate = pki::ParseCertificate(*pem);
  if (!certificate.ok()) return std::nullopt;
  return certificate->not_after * 1'000'000'000;
}

}  // namespace

bool HasCondition(const Value& csr, std::string_view type) {
  const auto& conditions = csr.At({"status", "conditions"}).items();
  return std::any_of(conditions.begin(), conditions.end(),
                     [&](const Value& one) { return one.At({"type"}).AsString() == type; });
}

bool IsIssued(const Value& csr) { return !csr.At({"status", "certificate"}).AsString().empty(); }

pki::SigningAsk AskOf(const Value& csr) {
  pki::SigningAsk ask;
  ask.signer = csr.At({"spec", "signerName"}).AsString();
  ask.request = base::Base64Decode(csr.At({"spec", "request"}).AsString()).value_or("");
  for (const Value& usage : csr.At({"spec", "usages"}).items())
    ask.usages.push_back(usage.AsString());
  if (const Value& seconds = csr.At({"spec", "expirationSeconds"}); seconds.IsNumber())
    ask.expiration_seconds = seconds.AsInt();
  return ask;
}

std::optional<Recognized> Recognize(const Value& csr) {
  if (IsIssued(csr) || HasCondition(csr, "Approved") || HasCondition(csr, "Denied"))
    return std::nullopt;
  const pki::SigningAsk ask = AskOf(csr);
  if (ask.signer != pki::kKubeletClientSigner) return std::nullopt;
  const base::Result<pki::SigningRequest> request = pki::ParseRequest(ask.request);
  if (!request.ok() || !pki::CheckRequest(ask.signer, request->names, ask.usages).ok())
    return std::nullopt;
  if (csr.At({"spec", "username"}).AsString() == request->names.common_name) {
    return Recognized{"selfnodeclient",
                      "Auto approving self kubelet client certificate after SubjectAccessReview."};
  }
  return Recognized{"nodeclient",
                    "Auto approving kubelet client certificate after SubjectAccessReview."};
}

control::Write PlanReview(const Value& csr, const Recognized& recognized) {
  Value attributes;
  attributes.Set("group", Value(kGroup));
  attributes.Set("resource", Value(kResource));
  attributes.Set("verb", Value("create"));
  attributes.Set("subresource", Value(recognized.subresource));
  attributes.Set("version", Value("*"));
  Value spec;
  spec.Set("resourceAttributes", std::move(attributes));
  spec.Set("user", csr.At({"spec", "username"}));
  for (const char* key : {"groups", "uid", "extra"}) {
    if (const Value& value = csr.At({"spec", key}); !value.IsNull()) spec.Set(key, value);
  }
  Value review;
  review.Set("apiVersion", Value("authorization.k8s.io/v1"));
  review.Set("kind", Value("SubjectAccessReview"));
  review.Set("spec", std::move(spec));
  return control::Create(control::ResourceNamed("authorization.k8s.io", "subjectaccessreviews"), "",
                         std::move(review));
}

control::Write PlanApproval(const Value& csr, const Recognized& recognized) {
  Value condition;
  condition.Set("type", Value("Approved"));
  condition.Set("status", Value("True"));
  condition.Set("reason", Value("AutoApproved"));
  condition.Set("message", Value(recognized.message));
  return control::Update(Requests(), WithCondition(csr, std::move(condition)), "approval");
}

bool IsToBeSigned(const Value& csr) {
  return HasCondition(csr, "Approved") && !HasCondition(csr, "Denied") &&
         !HasCondition(csr, "Failed") && !IsIssued(csr) &&
         pki::IsOurSigner(csr.At({"spec", "signerName"}).AsString());
}

control::Write PlanSigned(const Value& csr, const base::Result<std::string>& certificate,
                          int64_t now) {
  if (!certificate.ok()) {
    Value condition;
    condition.Set("type", Value("Failed"));
    condition.Set("status", Value("True"));
    condition.Set("reason", Value("SignerValidationFailure"));
    condition.Set("message", Value(certificate.error().message()));
    condition.Set("lastUpdateTime", Value(control::TimeText(now)));
    condition.Set("lastTransitionTime", Value(control::TimeText(now)));
    return control::Update(Requests(), WithCondition(csr, std::move(condition)), "status");
  }
  Value changed = csr;
  Value status = changed.At({"status"}).IsObject() ? changed.At({"status"}) : Value::Object();
  status.Set("certificate", Value(base::Base64Encode(*certificate)));
  changed.Set("status", std::move(status));
  return control::Update(Requests(), std::move(changed), "status");
}

std::optional<int64_t> EndOf(const Value& csr) {
  std::optional<int64_t> end;
  const auto ends = [&](std::optional<int64_t> time) {
    if (time) end = end ? std::min(*end, *time) : *time;
  };
  const bool issued = IsIssued(csr);
  const auto& conditions = csr.At({"status", "conditions"}).items();
  if (!issued && conditions.empty()) {
    if (const auto made = control::ReadTime(csr.At({"metadata", "creationTimestamp"}).AsString()))
      ends(*made + kWaitedFor);
  }
  for (const Value& condition : conditions) {
    const std::string& type = condition.At({"type"}).AsString();
    const auto time = control::ReadTime(condition.At({"lastUpdateTime"}).AsString());
    if (!time) continue;
    if (type == "Denied" || type == "Failed") ends(*time + kSettledFor);
    if (type == "Approved") ends(*time + (issued ? kSettledFor : kWaitedFor));
  }
  if (issued) ends(CertificateEnd(csr));
  return end;
}

}  // namespace keelson::controllers::csr
