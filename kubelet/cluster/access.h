// SPDX-License-Identifier: Apache-2.0
// As whom the node speaks to its cluster: a kubeconfig that is there, or one that is written once a
// bootstrap kubeconfig's token has got the node a certificate. It blocks. Source:
// kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping.
#pragma once

#include <functional>
#include <string>

#include "lib/base/clock.h"
#include "lib/kube/client/config.h"

namespace keelson::cluster {

struct AccessOptions {
  std::string kubeconfig;            // the node's own
  std::string bootstrap_kubeconfig;  // empty: the other must be there
  std::string certificates;          // the folder of what is signed for the node
  std::string node;
  // Asked while it waits: true ends it with an error.
  std::function<bool()> stopped;

  // Certificate and key in one file, by upstream's name.
  std::string Certificate() const { return certificates + "/kubelet-client-current.pem"; }
};

// `clock` tells what has ended. What is damaged is put aside when another is had; an error names
// the file and has changed nothing.
base::Result<kube::ClientConfig> OpenAccess(const AccessOptions& options, const base::Clock& clock);

}  // namespace keelson::cluster
