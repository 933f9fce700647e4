// SPDX-License-Identifier: Apache-2.0
// Credentials for pulling an image out of a pod's imagePullSecrets: Secrets that hold a Docker
// configuration (.dockerconfigjson, or .dockercfg of old). Pure; nothing of a secret is ever part
// of an error. Which entry is for which image: rules of upstream's keyring.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cri-api/cri.h"
#include "cri-api/image.pb.h"
#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::image_gc {

// Whose a credential is.
struct Source {
  std::string namespace_name, name, uid;
  std::string hash;  // of the credential: of a secret's only
  friend auto operator<=>(const Source&, const Source&) = default;
  // Whatever it holds at the moment.
  bool IsSameObject(const Source& other) const {
    return namespace_name == other.namespace_name && name == other.name && uid == other.uid;
  }
};

struct Credential {
  cri::AuthConfig auth;
  enum class Of { kNode, kSecret, kServiceAccount } of = Of::kNode;
  Source source;  // but of the node's
};

// In the order in which they are to be tried: the entry that says most of the image's name first.
// Secrets of other kinds say nothing.
base::Result<std::vector<Credential>> CredentialsFor(
    const std::string& image, const std::vector<kube::ConfigObject>& secrets);
// Of entries by their places, as a Docker configuration has them.
std::vector<Credential> CredentialsFor(const std::string& image,
                                       const std::map<std::string, Credential>& entries);

// Whether "*.registry.example:5000/team" is a place of the repository: as many names, each star a
// part of one, the same port, and the path's beginning.
bool IsPlaceOf(std::string_view place, std::string_view repository);

// Upstream's, so that records of either kubelet are the other's.
std::string HashOf(const cri::AuthConfig& auth);

// "busybox:1" → "docker.io/library/busybox".
std::string RepositoryOf(const std::string& image);

}  // namespace keelson::image_gc
