// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/serving.h"

#include "kubelet/identity/self_signed.h"

namespace keelson::cluster {

Serving::Serving(kube::Api& api, const base::Clock& clock, cri_client::RuntimeClient& runtime,
                 const std::string& node)
    : asked_(api), reviews_(asked_, clock), streams_(runtime), figures_(runtime, clock, node) {}

base::Result<std::unique_ptr<Serving>> Serving::Open(kube::Api& api, const base::Clock& clock,
                                                     cri_client::RuntimeClient& runtime,
                                                     const server::NodeView& view,
                                                     const Settings& settings) {
  ASSIGN_OR_RETURN(const identity::KeyPair own,
                   identity::OpenSelfSigned(settings.certificates, settings.names,
                                            clock.WallNanos() / 1'000'000'000));
  node_api::Server::Options options;
  options.node = settings.node;
  // The authority that vouches for the API server vouches for its clients too.
  options.tls = {own.certificate, own.key, api.config().target.authorities};
  std::unique_ptr<Serving> serving(new Serving(api, clock, runtime, settings.node));
  ASSIGN_OR_RETURN(serving->server_,
                   node_api::Server::Listen(settings.endpoint, std::move(options),
                                            {view, serving->streams_, serving->figures_, {}, {}},
                                            serving->reviews_, clock));
  return serving;
}

}  // namespace keelson::cluster
