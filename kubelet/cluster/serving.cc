// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/serving.h"

namespace keelson::cluster {

Serving::Serving(kube::Api& api, const base::Clock& clock, cri_client::RuntimeClient& runtime,
                 const std::string& node)
    : asked_(api), reviews_(asked_, clock), streams_(runtime), figures_(runtime, clock, node) {}

base::Result<std::unique_ptr<Serving>> Serving::Open(kube::Api& api, const base::Clock& clock,
                                                     cri_client::RuntimeClient& runtime,
                                                     const server::NodeView& view,
                                                     const Settings& settings) {
  ASSIGN_OR_RETURN(std::unique_ptr<ServingTls> tls, ServingTls::Open(api, clock, settings.tls));
  node_api::Server::Options options;
  options.node = settings.node;
  options.tls = tls->Material();
  std::unique_ptr<Serving> serving(new Serving(api, clock, runtime, settings.node));
  serving->tls_ = std::move(tls);
  ASSIGN_OR_RETURN(serving->server_,
                   node_api::Server::Listen(settings.endpoint, std::move(options),
                                            {view, serving->streams_, serving->figures_, {}, {}},
                                            serving->reviews_, clock));
  return serving;
}

void Serving::Start() {
  tls_->Start([this](const service::TlsMaterial& material) { return server_->SetTls(material); });
}

}  // namespace keelson::cluster
