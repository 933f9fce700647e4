// SPDX-License-Identifier: Apache-2.0
// The node's API (:10250) put together: its certificate, whom the cluster's API server knows and
// what they may. Serves from Open to its end, which is waited
// for; what it is given outlives it. The loop runs on another thread than those that open or end
// it, or not at all.
#pragma once

#include <memory>
#include <string>

#include "kubelet/cluster/serving_tls.h"
#include "kubelet/node_api/api_reviews.h"
#include "kubelet/node_api/server.h"
#include "lib/base/clock.h"
#include "lib/kube/client/api.h"

namespace keelson::cluster {

class Serving {
 public:
  struct Settings {
    std::string node;
    std::string endpoint;  // "0.0.0.0:10250"
    ServingTls::Settings tls;
    node_api::Offer offer;
  };
  static base::Result<std::unique_ptr<Serving>> Open(kube::Api& api, const base::Clock& clock,
                                                     node_api::Views views,
                                                     const Settings& settings);
  int port() const { return server_->port(); }
  // On the loop: certificates are asked for and exchanged.
  void Start();

 private:
  Serving(kube::Api& api, const base::Clock& clock);

  node_api::ApiReviews asked_;
  node_api::CachedReviews reviews_;
  std::unique_ptr<ServingTls> tls_;
  std::unique_ptr<node_api::Server> server_;  // its threads use the rest
};

}  // namespace keelson::cluster
