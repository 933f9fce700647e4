// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/serving.h"

namespace keelson::cluster {

Serving::Serving(kube::Api& api, const base::Clock& clock) : asked_(api), reviews_(asked_, clock) {}

base::Result<std::unique_ptr<Serving>> Serving::Open(kube::Api& api, const base::Clock& clock,
                                                     node_api::Views views,
                                                     const Settings& settings) {
  ASSIGN_OR_RETURN(std::unique_ptr<ServingTls> tls, ServingTls::Open(api, clock, settings.tls));
  node_api::Server::Options options;
  options.node = settings.node;
  options.tls = tls->Material();
  options.offer = settings.offer;
  std::unique_ptr<Serving> serving(new Serving(api, clock));
  serving->tls_ = std::move(tls);
  ASSIGN_OR_RETURN(serving->server_,
                   node_api::Server::Listen(settings.endpoint, std::move(options), std::move(views),
                                            serving->reviews_, clock));
  return serving;
}

void Serving::Start() {
  tls_->Start([this](const service::TlsMaterial& material) { return server_->SetTls(material); });
}

}  // namespace keelson::cluster
