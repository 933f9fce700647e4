// SPDX-License-Identifier: Apache-2.0
// The built-in network of a node whose pod subnet may be unknown at first: a cluster gives it to
// the node, and the kubelet tells it. Until then nothing is ready. What was told is kept in
// <state_dir>/subnet; another one is taken once no pod has an address of the former. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "runtime/network/bridge_network.h"

namespace keelson::network {

class ToldNetwork final : public PodNetwork {
 public:
  // A config with a subnet stays with it, whatever is told.
  static base::Result<std::unique_ptr<ToldNetwork>> Create(BridgeConfig config);

  base::Status Ready() override;
  base::Result<PodAddress> Setup(const PodRequest& request) override;
  base::Status Teardown(const std::string& sandbox_id) override;
  base::Status CollectGarbage(const std::vector<std::string>& live) override;
  base::Status TakeSubnet(const std::string& subnet) override;
  base::Status RemoveAll();

 private:
  explicit ToldNetwork(BridgeConfig config, bool fixed)
      : config_(std::move(config)), fixed_(fixed) {}
  std::shared_ptr<BridgeNetwork> Now();
  std::string File() const { return config_.state_dir + "/subnet"; }

  std::mutex taking_;  // one at a time
  std::mutex mutex_;
  BridgeConfig config_;  // its subnet: guarded by taking_
  const bool fixed_;
  std::shared_ptr<BridgeNetwork> bridge_;  // guarded by mutex_; null: nothing was told yet
};

}  // namespace keelson::network
