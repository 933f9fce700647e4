// SPDX-License-Identifier: Apache-2.0
// The built-in network: one bridge, a veth pair a pod, addresses that survive restarts, host
// ports, limits of bandwidth. Thread-safe. State: <state_dir>/addresses (addresses.h), written
// before an address is used, and <state_dir>/hostports (host_port_keeper.h).
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "lib/async/executor.h"
#include "lib/kernel/netlink/route_socket.h"
#include "runtime/network/addresses.h"
#include "runtime/network/firewall.h"
#include "runtime/network/host_port_keeper.h"
#include "runtime/network/network.h"
#include "runtime/network/subnets.h"

namespace keelson::network {

struct BridgeConfig {
  std::string bridge = "keelson0";
  std::string subnet = "10.42.0.0/24";       // and an IPv6 one after a comma
  std::string pod_network = "10.42.0.0/16";  // of both families; without: the subnet itself
  std::string state_dir;
};

class BridgeNetwork final : public PodNetwork {
 public:
  static base::Result<std::unique_ptr<BridgeNetwork>> Create(const BridgeConfig& config);

  base::Status Ready() override;
  base::Result<PodAddress> Setup(const PodRequest& request) override;
  base::Status Teardown(const std::string& sandbox_id) override;
  base::Status CollectGarbage(const std::vector<std::string>& live) override;
  bool Empty();              // no pod has an address
  base::Status RemoveAll();  // bridge, rules and addresses; for a node that is taken down

 private:
  BridgeNetwork(BridgeConfig config, PodSubnets subnets, std::vector<FirewallConfig> families,
                Allocations allocations, netlink::RouteSocket socket);
  base::Status EnsureBridge();                                // mutex_ held
  base::Status PrepareIpv6();                                 // mutex_ held
  base::Status Save();                                        // mutex_ held
  base::Result<uint32_t> Connect(const PodRequest& request);  // the veth pair; what it was given
  base::Status Shape(const PodRequest& request);
  base::Status DeleteLink(const std::string& name);  // gone from the tables when it returns

  const BridgeConfig config_;
  const PodSubnets subnets_;
  const std::vector<FirewallConfig> families_;
  HostPortKeeper ports_;
  std::mutex mutex_;
  Allocations allocations_;      // guarded by mutex_
  netlink::RouteSocket socket_;  // guarded by mutex_
  int bridge_index_ = 0;         // guarded by mutex_; 0: not known to be there
  async::Executor barriers_{
      16};  // deletions that the kernel still works on; last, so that it ends first
};

// The host's end of a pod's link: fits IFNAMSIZ and follows from the sandbox id alone.
std::string HostInterfaceName(const std::string& sandbox_id);
// The device through which a pod with a limit sends.
std::string LimitInterfaceName(const std::string& sandbox_id);
// Of either name: what the sandbox's id begins with; empty: no pod's.
std::string SandboxOfInterface(const std::string& name);

}  // namespace keelson::network
