// SPDX-License-Identifier: Apache-2.0
// As whom the node speaks to its cluster: a kubeconfig that is there, or one that is written once a
// bootstrap kubeconfig's token has got the node a certificate; and the certificate renewed before
// it ends. OpenAccess blocks; a Renewal is the loop's. Source: kubernetes.io/docs/reference/
// access-authn-authz/kubelet-tls-bootstrapping.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kubelet/cluster/enrolment.h"
#include "lib/base/clock.h"
#include "lib/kube/client/api.h"

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

// `clock` tells what has ended.
base::Result<kube::ClientConfig> OpenAccess(const AccessOptions& options, const base::Clock& clock);

// When, in the life of a certificate, another one is asked for: between 70 and 90 hundredths of
// it; `random` from 0 to 1. Seconds since the epoch. Pure.
int64_t RenewAt(int64_t begin, int64_t end, double random);

// How long to wait at least between two, and after one that was not had: of a certificate that
// `left` seconds are left of. Pure.
int64_t RenewalPause(int64_t left);
int64_t RetryPause(int64_t left);

// Only of a certificate that OpenAccess got; any other is its owner's to renew.
class Renewal {
 public:
  Renewal(kube::Api& api, const base::Clock& clock, AccessOptions options);
  ~Renewal();
  void Start();

 private:
  void Plan(bool first);  // the others wait a moment whatever the clocks say
  void Renew();
  void Have(base::Result<std::string> pem);

  kube::Api& api_;
  const base::Clock& clock_;
  const AccessOptions options_;
  std::optional<Enrolment> enrolment_;
  std::optional<os::EventLoop::TimerId> timer_;
};

}  // namespace keelson::cluster
