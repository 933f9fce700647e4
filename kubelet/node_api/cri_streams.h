// SPDX-License-Identifier: Apache-2.0
// Sessions by a CRI runtime: finds what the names mean among its pods and containers, and has it
// give a URL. Blocks for the calls; thread-safe. The runtime outlives this.
#pragma once

#include "cri-api/client/runtime_client.h"
#include "kubelet/node_api/streams.h"

namespace keelson::node_api {

class CriStreams final : public Streams {
 public:
  explicit CriStreams(cri_client::RuntimeClient& runtime) : runtime_(runtime) {}
  base::Result<std::string> Exec(const PodRef& pod, const std::string& container,
                                 const std::vector<std::string>& command,
                                 const Wanted& wanted) override;
  base::Result<std::string> Attach(const PodRef& pod, const std::string& container,
                                   const Wanted& wanted) override;
  base::Result<std::string> PortForward(const PodRef& pod,
                                        const std::vector<int32_t>& ports) override;
  base::Result<std::string> Run(const PodRef& pod, const std::string& container,
                                const std::vector<std::string>& command) override;
  base::Result<std::string> Checkpoint(const PodRef& pod, const std::string& container,
                                       const std::string& folder,
                                       std::chrono::seconds timeout) override;

 private:
  base::Result<std::string> Sandbox(const PodRef& pod);  // the one that is ready
  base::Result<std::string> Container(const PodRef& pod, const std::string& name);

  cri_client::RuntimeClient& runtime_;
};

}  // namespace keelson::node_api
