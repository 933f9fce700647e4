// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/told_network.h"

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::network {
namespace {

base::Error NotTold() {
  return base::Unavailable(
      "the pods' subnet of this node is not known yet: the kubelet tells it when the cluster has "
      "given it one (Node.spec.podCIDR)");
}

}  // namespace

base::Result<std::unique_ptr<ToldNetwork>> ToldNetwork::Create(BridgeConfig config) {
  const bool fixed = !config.subnet.empty();
  std::unique_ptr<ToldNetwork> network(new ToldNetwork(std::move(config), fixed));
  if (!fixed) {
    const auto told = os::ReadFile(network->File(), 4096);
    if (told.ok() && ParsePodSubnets(base::Trim(*told)).ok()) {
      network->config_.subnet = base::Trim(*told);
    } else if (told.ok()) {
      base::LogError("the record of the pods' subnet is unreadable, waiting to be told anew",
                     {{"path", network->File()}});
    }
  }
  if (!network->config_.subnet.empty()) {
    ASSIGN_OR_RETURN(network->bridge_, BridgeNetwork::Create(network->config_));
  }
  return network;
}

std::shared_ptr<BridgeNetwork> ToldNetwork::Now() {
  const std::lock_guard lock(mutex_);
  return bridge_;
}

base::Status ToldNetwork::Ready() {
  const auto bridge = Now();
  return bridge ? bridge->Ready() : NotTold();
}

base::Result<PodAddress> ToldNetwork::Setup(const PodRequest& request) {
  const auto bridge = Now();
  if (!bridge) return NotTold();
  return bridge->Setup(request);
}

base::Status ToldNetwork::Teardown(const std::string& sandbox_id) {
  const auto bridge = Now();
  return bridge ? bridge->Teardown(sandbox_id) : base::Ok();
}

base::Status ToldNetwork::CollectGarbage(const std::vector<std::string>& live) {
  const auto bridge = Now();
  return bridge ? bridge->CollectGarbage(live) : base::Ok();
}

base::Status ToldNetwork::TakeSubnet(const std::string& subnet) {
  if (fixed_ || subnet.empty()) return base::Ok();
  const std::lock_guard one_at_a_time(taking_);
  if (subnet == config_.subnet) return base::Ok();
  if (const auto old = Now()) {
    if (!old->Empty()) {
      return base::FailedPrecondition(
          "pods of this node have addresses of {}: {} is taken when they are gone", config_.subnet,
          subnet);
    }
    RETURN_IF_ERROR(old->RemoveAll());
  }
  BridgeConfig config = config_;
  config.subnet = subnet;
  ASSIGN_OR_RETURN(std::shared_ptr<BridgeNetwork> bridge, BridgeNetwork::Create(config));
  RETURN_IF_ERROR(os::WriteFileAtomic(File(), subnet + "\n", 0600));
  config_.subnet = subnet;
  base::LogInfo("pods get addresses", {{"subnet", subnet}});
  {
    const std::lock_guard lock(mutex_);
    bridge_ = bridge;
  }
  return bridge->Ready();
}

base::Status ToldNetwork::RemoveAll() {
  const std::lock_guard one_at_a_time(taking_);
  if (const auto bridge = Now()) RETURN_IF_ERROR(bridge->RemoveAll());
  return os::RemoveFile(File());
}

}  // namespace keelson::network
