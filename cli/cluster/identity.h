// SPDX-License-Identifier: Apache-2.0
// Who a node is to its cluster: a key made here, a certificate that the cluster signs for it, and
// the kubeconfig of both; and by what a cluster is known before it is trusted. The key never
// leaves. Source: kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping.
#pragma once

#include <string>

#include "cli/cluster/api.h"

namespace keelson::cluster {

// "sha256:…" of the public key of the first certificate in `pem`, as kubeadm has it.
base::Result<std::string> HashOfAuthority(const std::string& pem);

// "abcdef.0123456789abcdef" of random letters and digits.
base::Result<std::string> MakeToken();
bool IsToken(const std::string& text);

// `certificate`: the file of certificate and key, which may be exchanged later; empty: as nobody.
std::string FormatKubeconfig(const std::string& server, const std::string& authority,
                             const std::string& user, const std::string& certificate);

// With `api` as somebody who may ask for a node's certificate: asks, and waits until it is signed.
struct Identity {
  std::string key, certificate;
};
base::Result<Identity> AskForIdentity(Api& api, const std::string& name);

}  // namespace keelson::cluster
