// SPDX-License-Identifier: Apache-2.0
// What is written down of an image that this node's kubelets pulled: by which credentials, so that
// a pod that has none cannot use what another one's secret fetched. Upstream's documents
// (ImagePullIntent, ImagePulledRecord of kubelet.config.k8s.io/v1beta1) and rules, so that a node
// can switch kubelets. Pure; nothing of a credential but its hash is ever part of a record.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/image/pull_secrets.h"
#include "lib/base/result.h"

namespace keelson::image_gc {

// Who may use an image without asking its registry again.
struct Access {
  bool everybody = false;        // it needed no credentials of a pod's
  std::vector<Source> secrets;   // sorted, one of a secret
  std::vector<Source> accounts;  // the same, of service accounts; without a hash
  friend bool operator==(const Access&, const Access&) = default;
};

struct PulledRecord {
  std::string image_ref;                        // the runtime's id of the image
  int64_t updated = 0;                          // wall clock, whole seconds in nanoseconds
  std::map<std::string, Access> by_repository;  // as RepositoryOf says it
  friend bool operator==(const PulledRecord&, const PulledRecord&) = default;
};

// What is known once the credential has fetched the image. The node's is for all its pods, as is
// none.
Access AccessOf(const Credential& credential);

// True: the record is another now.
bool Merge(PulledRecord& record, const std::string& repository, const Access& access, int64_t now);

// Whether one of the pod's credentials is known to fetch it. `renewed`: the pod's credential that
// is to be remembered too (the same secret with another password, or another with the same).
bool MayUse(const Access& access, const std::vector<Credential>& own,
            std::optional<Source>* renewed);

// imagePullCredentialsVerificationPolicy.
struct Verification {
  enum class Policy { kNeverVerify, kNeverVerifyPreloaded, kNeverVerifyAllowlisted, kAlwaysVerify };
  Policy policy = Policy::kNeverVerifyPreloaded;
  std::vector<std::string> allowlist;  // "registry.example/team/*", or names without tag or digest
};
base::Result<Verification> ParseVerification(const std::string& policy,
                                             const std::vector<std::string>& allowlist);
bool MustVerify(const Verification& how, const std::string& image, bool pulled_by_kubelet);

std::string EncodeRecord(const PulledRecord& record);
base::Result<PulledRecord> DecodeRecord(std::string_view text);
std::string EncodeIntent(const std::string& image);
base::Result<std::string> DecodeIntent(std::string_view text);  // the image

// "sha256-<hex>" of an image or a reference: the name of its file.
std::string RecordName(const std::string& of);

}  // namespace keelson::image_gc
