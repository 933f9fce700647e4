// SPDX-License-Identifier: Apache-2.0
// One of the node's certificates kept: asked for where there is none, and again before it ends, and
// whole on the disk, where it is looked at every ten seconds. On
// the loop's thread; `api` and `clock` outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kubelet/cluster/enrolment.h"
#include "lib/base/clock.h"
#include "lib/kube/client/api.h"

namespace keelson::cluster {

// When, in the life of a certificate, another one is asked for: between 70 and 90 hundredths of
// it; `random` from 0 to 1. Seconds since the epoch. Pure.
int64_t RenewAt(int64_t begin, int64_t end, double random);

// How long to wait at least between two, and after one that was not had the `failures`th time in a
// row: of a certificate that `left` seconds are left of. Pure.
int64_t RenewalPause(int64_t left);
int64_t RetryPause(int64_t left, int failures);

class Renewal {
 public:
  struct What {
    std::string called;  // "the node's certificate"
    std::string file;    // where certificate and key are kept, in one
    Enrolment::Ask ask;
    Enrolment::Options pace;
    // A kubeconfig by whose token it is asked for once it has ended; empty: there is none.
    std::string bootstrap_kubeconfig;
    // What is used now, PEM; empty: there is none yet, and one is asked for at once.
    std::function<std::string()> current;
    std::function<void(const std::string& pem)> use;
  };
  Renewal(kube::Api& api, const base::Clock& clock, What what);
  ~Renewal();
  Renewal(const Renewal&) = delete;
  Renewal& operator=(const Renewal&) = delete;
  void Start();

 private:
  void Plan(bool first);  // the others wait a moment whatever the clocks say
  void Renew();
  void Mend();
  void Have(base::Result<std::string> pem);
  kube::Api& Through();
  int64_t Left() const;  // of the current one, seconds

  kube::Api& api_;
  const base::Clock& clock_;
  const What what_;
  std::optional<kube::Api> by_token_;
  std::optional<Enrolment> enrolment_;
  std::optional<os::EventLoop::TimerId> timer_;
  int failures_ = 0;
};

// The client certificate by which the node speaks to its cluster, where `file` has it; any other is
// its owner's to renew, and then this is null.
std::unique_ptr<Renewal> RenewalOfAccess(kube::Api& api, const base::Clock& clock,
                                         const std::string& node, const std::string& file,
                                         const std::string& bootstrap_kubeconfig);

}  // namespace keelson::cluster
