// SPDX-License-Identifier: Apache-2.0
// Has the cluster's authority sign a certificate for the node, as a client or as a server: a
// request of a key that was made for it, then waiting until it is signed or refused. A server that
// does not answer is asked again. On the loop's thread; `api` outlives it. Source:
// certificates.k8s.io/v1, signers kubernetes.io/kube-apiserver-client-kubelet and kubelet-serving.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/kube/client/api.h"

namespace keelson::cluster {

class Enrolment {
 public:
  // Certificates and key as one PEM text; an error: it was refused.
  using Done = std::function<void(base::Result<std::string>)>;
  struct Ask {
    std::string node;
    std::vector<std::string> names;  // what it is to serve for; empty: it is a client's
  };
  struct Options {
    // Of one that people have to approve it grows.
    std::chrono::milliseconds look_period{1000}, max_look_period{1000};
    std::chrono::milliseconds min_backoff{200}, max_backoff{10'000};
  };
  Enrolment(kube::Api& api, Ask ask, Options options);
  Enrolment(kube::Api& api, Ask ask) : Enrolment(api, std::move(ask), Options()) {}
  ~Enrolment();
  Enrolment(const Enrolment&) = delete;
  Enrolment& operator=(const Enrolment&) = delete;

  void Start(Done done);  // once; done is called at most once, and may destroy this

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::cluster
