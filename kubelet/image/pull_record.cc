// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_record.h"

#include <algorithm>
#include <set>

#include "lib/base/rfc3339.h"
#include "lib/hash/sha256.h"
#include "lib/json/value.h"

namespace keelson::image_gc {
namespace {

using base::Result;
using json::Value;

constexpr std::string_view kGroup = "kubelet.config.k8s.io/";
// A pod whose secret changes all the time may not make a record grow without end.
constexpr size_t kMostSecrets = 100;

base::Error Bad(const std::string& what) { return base::DataLoss("{}", what); }

// Of that kind, in a version that is known, with these fields and no others.
base::Status Check(const Value& document, const char* kind, const std::set<std::string>& fields) {
  if (!document.IsObject()) return Bad("it is no JSON object");
  const std::string& version = document.At({"apiVersion"}).AsString();
  if (document.At({"kind"}).AsString() != kind) return Bad(std::string("it is no ") + kind);
  if (version != std::string(kGroup) + "v1beta1" && version != std::string(kGroup) + "v1alpha1")
    return Bad("its apiVersion '" + version + "' is not known");
  for (const auto& [name, value] : document.members()) {
    if (name != "kind" && name != "apiVersion" && !fields.contains(name))
      return Bad("its field '" + name + "' is not known");
  }
  return {};
}

Result<std::vector<Source>> DecodeSources(const Value& list, bool hashed) {
  std::vector<Source> out;
  if (!list.IsNull() && !list.IsArray()) return Bad("its credentials are no list");
  for (const Value& item : list.items()) {
    if (!item.IsObject()) return Bad("one of its credentials is no object");
    Source source;
    for (const auto& [name, value] : item.members()) {
      std::string* place = name == "namespace"                  ? &source.namespace_name
                           : name == "name"                     ? &source.name
                           : name == "uid"                      ? &source.uid
                           : hashed && name == "credentialHash" ? &source.hash
                                                                : nullptr;
      if (place == nullptr || !value.IsString())
        return Bad("one of its credentials has an unknown field '" + name + "'");
      *place = value.AsString();
    }
    out.push_back(std::move(source));
  }
  return out;
}

Value EncodeSources(const std::vector<Source>& sources, bool hashed) {
  Value list = Value::Array();
  for (const Source& source : sources) {
    Value item = Value::Object({{"uid", Value(source.uid)},
                                {"namespace", Value(source.namespace_name)},
                                {"name", Value(source.name)}});
    if (hashed) item.Set("credentialHash", Value(source.hash));
    list.Append(std::move(item));
  }
  return list;
}

// One of an object, the newest.
bool MergeSources(std::vector<Source>& known, const std::vector<Source>& more) {
  bool changed = false;
  for (const Source& source : more) {
    const auto same = std::find_if(known.begin(), known.end(),
                                   [&](const Source& one) { return one.IsSameObject(source); });
    if (same != known.end() && same->hash == source.hash) continue;
    changed = true;
    if (same != known.end()) {
      same->hash = source.hash;
    } else {
      known.push_back(source);
    }
  }
  std::sort(known.begin(), known.end());
  return changed;
}

// Patterns have neither tag nor digest.
bool IsAllowed(const std::vector<std::string>& allowlist, const std::string& with_tag) {
  std::string image = with_tag.substr(0, with_tag.find('@'));
  const size_t slash = image.rfind('/');
  if (const size_t tag = image.find(':', slash == std::string::npos ? 0 : slash);
      tag != std::string::npos)
    image.resize(tag);
  return std::any_of(allowlist.begin(), allowlist.end(), [&](const std::string& pattern) {
    return pattern.ends_with("/*")
               ? image.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))
               : image == pattern;
  });
}

}  // namespace

bool Merge(PulledRecord& record, const std::string& repository, const Access& access, int64_t now) {
  if (!access.everybody && access.secrets.empty() && access.accounts.empty()) return false;
  Access& known = record.by_repository[repository];
  if (known.everybody) return false;
  bool changed = access.everybody;
  if (access.everybody) {
    known = access;
  } else {
    changed = MergeSources(known.secrets, access.secrets) || changed;
    changed = MergeSources(known.accounts, access.accounts) || changed;
  }
  if (changed) record.updated = now;
  return changed;
}

bool MayUse(const Access& access, const std::vector<Credential>& own,
            std::optional<Source>* renewed) {
  if (access.everybody) return true;
  for (const Credential& credential : own) {
    const Source& source = credential.source;
    if (credential.of == Credential::Of::kServiceAccount &&
        std::find(access.accounts.begin(), access.accounts.end(), source) != access.accounts.end())
      return true;
    if (credential.of != Credential::Of::kSecret) continue;
    for (const Source& known : access.secrets) {
      const bool same_words = !known.hash.empty() && known.hash == source.hash;
      if (!same_words && !known.IsSameObject(source)) continue;
      const bool is_new = !same_words || !known.IsSameObject(source);
      if (is_new && access.secrets.size() < kMostSecrets) *renewed = source;
      return true;
    }
  }
  return false;
}

Result<Verification> ParseVerification(const std::string& policy,
                                       const std::vector<std::string>& allowlist) {
  using Policy = Verification::Policy;
  static const std::map<std::string, Policy> kPolicies = {
      {"NeverVerify", Policy::kNeverVerify},
      {"NeverVerifyPreloadedImages", Policy::kNeverVerifyPreloaded},
      {"NeverVerifyAllowlistedImages", Policy::kNeverVerifyAllowlisted},
      {"AlwaysVerify", Policy::kAlwaysVerify}};
  const auto found = kPolicies.find(policy);
  if (found == kPolicies.end())
    return base::InvalidArgument("unknown image pull credential verification policy: {}", policy);
  if (!allowlist.empty() && found->second != Policy::kNeverVerifyAllowlisted) {
    return base::InvalidArgument(
        "can't set `preloadedImagesVerificationAllowlist` if "
        "`imagePullCredentialsVerificationPolicy`"
        " is not \"NeverVerifyAllowlistedImages\"");
  }
  for (const std::string& pattern : allowlist) {
    const bool prefix = pattern.ends_with("/*");
    const std::string name = prefix ? pattern.substr(0, pattern.size() - 1) : pattern;
    const size_t last = name.rfind('/');
    const bool tagged = !prefix && name.find_first_of("@:", last == std::string::npos ? 0 : last) !=
                                       std::string::npos;
    if (name.empty() || name == "/" || name.find_first_of("* \t\n") != std::string::npos ||
        tagged) {
      return base::InvalidArgument(
          "'{}' is no pattern of images: a name without tag and digest, or one that ends with '/*'",
          pattern);
    }
  }
  return Verification{found->second, allowlist};
}

bool MustVerify(const Verification& how, const std::string& image, bool pulled_by_kubelet) {
  switch (how.policy) {
    case Verification::Policy::kNeverVerify:
      return false;
    case Verification::Policy::kNeverVerifyPreloaded:
      return pulled_by_kubelet;
    case Verification::Policy::kNeverVerifyAllowlisted:
      return !IsAllowed(how.allowlist, image);
    case Verification::Policy::kAlwaysVerify:
      return true;
  }
  return true;
}

std::string EncodeRecord(const PulledRecord& record) {
  Value mapping = Value::Object();
  for (const auto& [repository, access] : record.by_repository) {
    Value one = Value::Object();
    if (!access.secrets.empty()) one.Set("kubernetesSecrets", EncodeSources(access.secrets, true));
    if (!access.accounts.empty())
      one.Set("kubernetesServiceAccounts", EncodeSources(access.accounts, false));
    if (access.everybody) one.Set("nodePodsAccessible", Value(true));
    mapping.Set(repository, std::move(one));
  }
  Value document = Value::Object({{"kind", Value("ImagePulledRecord")},
                                  {"apiVersion", Value(std::string(kGroup) + "v1beta1")},
                                  {"lastUpdatedTime", Value(base::FormatRfc3339(record.updated))},
                                  {"imageRef", Value(record.image_ref)}});
  if (!record.by_repository.empty()) document.Set("credentialMapping", std::move(mapping));
  return json::WriteJson(document) + "\n";
}

Result<PulledRecord> DecodeRecord(std::string_view text) {
  ASSIGN_OR_RETURN(const Value document, json::ParseJson(text));
  RETURN_IF_ERROR(
      Check(document, "ImagePulledRecord", {"lastUpdatedTime", "imageRef", "credentialMapping"}));
  PulledRecord record;
  record.image_ref = document.At({"imageRef"}).AsString();
  if (record.image_ref.empty()) return Bad("it names no image");
  const Value& updated = document.At({"lastUpdatedTime"});
  const std::optional<int64_t> time = base::ParseRfc3339(updated.AsString());
  if (!time && !updated.IsNull()) return Bad("its lastUpdatedTime is no time");
  record.updated = time.value_or(0);
  const Value& mapping = document.At({"credentialMapping"});
  if (!mapping.IsNull() && !mapping.IsObject()) return Bad("its credentialMapping is no object");
  for (const auto& [repository, one] : mapping.members()) {
    if (!one.IsObject()) return Bad("its access of '" + repository + "' is no object");
    Access& access = record.by_repository[repository];
    for (const auto& [name, value] : one.members()) {
      if (name == "nodePodsAccessible" && value.IsBool()) {
        access.everybody = value.AsBool();
      } else if (name == "kubernetesSecrets") {
        ASSIGN_OR_RETURN(access.secrets, DecodeSources(value, true));
      } else if (name == "kubernetesServiceAccounts") {
        ASSIGN_OR_RETURN(access.accounts, DecodeSources(value, false));
      } else {
        return Bad("its access of '" + repository + "' has an unknown field '" + name + "'");
      }
    }
  }
  return record;
}

std::string EncodeIntent(const std::string& image) {
  return json::WriteJson(Value::Object({{"kind", Value("ImagePullIntent")},
                                        {"apiVersion", Value(std::string(kGroup) + "v1beta1")},
                                        {"image", Value(image)}})) +
         "\n";
}

Result<std::string> DecodeIntent(std::string_view text) {
  ASSIGN_OR_RETURN(const Value document, json::ParseJson(text));
  RETURN_IF_ERROR(Check(document, "ImagePullIntent", {"image"}));
  const std::string& image = document.At({"image"}).AsString();
  if (image.empty()) return Bad("it names no image");
  return image;
}

std::string RecordName(const std::string& of) { return "sha256-" + hash::Sha256HexOf(of); }

Access AccessOf(const Credential& credential) {
  Access access;
  access.everybody = credential.of == Credential::Of::kNode;
  if (credential.of == Credential::Of::kSecret) access.secrets = {credential.source};
  if (credential.of == Credential::Of::kServiceAccount) access.accounts = {credential.source};
  return access;
}

}  // namespace keelson::image_gc
