// SPDX-License-Identifier: Apache-2.0
// The node's servers for others, as its settings have them: its API (`port`) where it has joined a
// cluster, and the port for reading (`readOnlyPort`). Serve from Open to their end, which is waited
// for; what they are given outlives them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cri-api/client/runtime_client.h"
#include "kubelet/cluster/serving.h"
#include "kubelet/config/config.h"
#include "kubelet/node_api/container_metrics.h"
#include "kubelet/node_api/cri_figures.h"
#include "kubelet/node_api/cri_streams.h"
#include "kubelet/node_api/read_only.h"

namespace keelson::cluster {

node_api::Offer OfferOf(const config::KubeletConfig& config);

class Servers {
 public:
  struct Given {
    kube::Api* api;  // null: the node is alone
    const base::Clock& clock;
    cri_client::RuntimeClient& runtime;
    const server::NodeView& view;
    const config::KubeletConfig& config;
    std::string node;
    std::vector<std::string> addresses;  // of the node
    std::string root_dir;                // the kubelet's
    node_api::Program program;
    std::function<std::string()> metrics, probe_metrics;  // Prometheus' text
    node_api::MachineFacts machine;
  };
  static base::Result<std::unique_ptr<Servers>> Open(const Given& given);
  // On the loop: certificates are asked for and exchanged.
  void Start();

 private:
  explicit Servers(const Given& given)
      : streams_(given.runtime), figures_(given.runtime, given.clock, given.node) {}

  node_api::CriStreams streams_;
  node_api::CriFigures figures_;
  std::unique_ptr<node_api::ReadOnly> read_only_;  // use the rest, as below
  std::unique_ptr<Serving> serving_;
};

}  // namespace keelson::cluster
