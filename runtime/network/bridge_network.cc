// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/bridge_network.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <future>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::network {

using base::Result;
using base::Status;

std::string HostInterfaceName(const std::string& sandbox_id) {
  return "kl" + sandbox_id.substr(0, 12);
}

Result<std::unique_ptr<BridgeNetwork>> BridgeNetwork::Create(const BridgeConfig& config) {
  ASSIGN_OR_RETURN(const Subnet subnet, ParseSubnet(config.subnet));
  if (config.bridge.empty() || config.bridge.size() > 15 ||
      config.bridge.find_first_of(" /:%") != std::string::npos) {
    return base::InvalidArgument("'{}' cannot be the name of a bridge: 1 to 15 characters",
                                 config.bridge);
  }
  RETURN_IF_ERROR(os::MakeDirs(config.state_dir, 0700));
  Allocations allocations;
  const Result<std::string> bytes = os::ReadFile(config.state_dir + "/addresses");
  if (bytes.ok()) {
    Result<Allocations> decoded = DecodeAllocations(*bytes);
    if (decoded.ok()) {
      allocations = std::move(decoded).value();
    } else {
      // The links that are there still carry their addresses; new pods take others, because `last`
      // starts from them below.
      base::LogError("the address record is unreadable, put aside",
                     {{"path", config.state_dir + "/addresses.bad"}, {"error", decoded.error()}});
      (void)rename((config.state_dir + "/addresses").c_str(),
                   (config.state_dir + "/addresses.bad").c_str());
    }
  } else if (bytes.error().os_errno() != ENOENT) {
    return bytes.error();
  }
  ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
  return std::unique_ptr<BridgeNetwork>(
      new BridgeNetwork(config, subnet, std::move(allocations), std::move(socket)));
}

BridgeNetwork::BridgeNetwork(BridgeConfig config, Subnet subnet, Allocations allocations,
                             netlink::RouteSocket socket)
    : config_(std::move(config)),
      subnet_(subnet),
      allocations_(std::move(allocations)),
      socket_(std::move(socket)) {}

Status BridgeNetwork::Save() {
  return os::WriteFileAtomic(config_.state_dir + "/addresses", EncodeAllocations(allocations_),
                             0600);
}

Status BridgeNetwork::EnsureBridge() {
  if (bridge_index_ != 0) return base::Ok();
  ASSIGN_OR_RETURN(std::optional<netlink::Link> link, socket_.FindLink(config_.bridge));
  if (!link) {
    RETURN_IF_ERROR(socket_.CreateBridge(config_.bridge));
    ASSIGN_OR_RETURN(link, socket_.FindLink(config_.bridge));
    if (!link) return base::Unavailable("bridge '{}' vanished", config_.bridge);
  }
  RETURN_IF_ERROR(socket_.AddAddress(link->index, subnet_.Gateway(), subnet_.prefix));
  RETURN_IF_ERROR(socket_.SetUp(link->index));
  RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1")
                      .WithContext("switch forwarding on"));
  FirewallConfig firewall{config_.bridge, config_.subnet, config_.pod_network};
  RETURN_IF_ERROR(ApplyFirewall(firewall).WithContext("set up masquerade and forwarding"));
  bridge_index_ = link->index;
  return base::Ok();
}

Status BridgeNetwork::Ready() {
  const std::lock_guard lock(mutex_);
  return EnsureBridge();
}

Result<PodAddress> BridgeNetwork::Setup(const PodRequest& request) {
  const std::string& sandbox_id = request.sandbox_id;
  const int netns = request.netns;
  // The pod's side has a socket of its own, opened before the lock is taken.
  ASSIGN_OR_RETURN(netlink::RouteSocket inside, netlink::RouteSocket::OpenIn(netns));
  uint32_t address = 0;
  const std::string host_name = HostInterfaceName(sandbox_id);
  {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(EnsureBridge());
    ASSIGN_OR_RETURN(address, Allocate(subnet_, allocations_, sandbox_id));
    RETURN_IF_ERROR(Save());
    // The address makes the link's: neighbours never hold a stale entry for a new pod at an old
    // address.
    const std::string mac = {0x0a,
                             0x58,
                             static_cast<char>(address >> 24),
                             static_cast<char>(address >> 16),
                             static_cast<char>(address >> 8),
                             static_cast<char>(address)};
    netlink::RouteSocket::Veth veth{host_name, bridge_index_, "eth0", netns, mac};
    Status made = socket_.CreateVeth(veth);
    if (!made.ok() && made.error().os_errno() == EEXIST) {  // half-made by an earlier try
      RETURN_IF_ERROR(socket_.DeleteLink(host_name));
      made = socket_.CreateVeth(veth);
    }
    if (!made.ok() && made.error().os_errno() == ENODEV) {  // somebody removed the bridge
      bridge_index_ = 0;
      RETURN_IF_ERROR(EnsureBridge());
      veth.bridge = bridge_index_;
      made = socket_.CreateVeth(veth);
    }
    RETURN_IF_ERROR(made);
  }
  ASSIGN_OR_RETURN(const int loopback, inside.IndexOf("lo"));
  ASSIGN_OR_RETURN(const int eth0, inside.IndexOf("eth0"));
  if (loopback == 0 || eth0 == 0) return base::Internal("the pod's namespace has lost its links");
  RETURN_IF_ERROR(inside.SetUp(loopback));
  RETURN_IF_ERROR(inside.SetUp(eth0));
  RETURN_IF_ERROR(inside.AddAddress(eth0, address, subnet_.prefix));
  RETURN_IF_ERROR(inside.AddDefaultRoute(eth0, subnet_.Gateway()));
  return PodAddress{{FormatAddress(address)}, host_name};
}

// The kernel takes a link out of its tables within a millisecond, but the request returns only
// after an RCU barrier of 15 to 60 ms. A helper thread waits for that, the caller for the tables
// alone. By index: a late deletion never meets a younger link of the same name.
Status BridgeNetwork::DeleteLink(const std::string& name) {
  ASSIGN_OR_RETURN(netlink::RouteSocket asking, netlink::RouteSocket::Open());
  ASSIGN_OR_RETURN(const int old, asking.IndexOf(name));
  if (old == 0) return base::Ok();
  ASSIGN_OR_RETURN(netlink::RouteSocket deleting, netlink::RouteSocket::Open());
  const auto socket = std::make_shared<netlink::RouteSocket>(std::move(deleting));
  const auto promise = std::make_shared<std::promise<Status>>();
  std::future<Status> deleted = promise->get_future();
  barriers_.Post([socket, promise, old] { promise->set_value(socket->DeleteLink(old)); });
  while (deleted.wait_for(std::chrono::microseconds(100)) != std::future_status::ready) {
    ASSIGN_OR_RETURN(const int now, asking.IndexOf(name));
    if (now != old) return base::Ok();
  }
  return deleted.get();
}

Status BridgeNetwork::Teardown(const std::string& sandbox_id) {
  RETURN_IF_ERROR(DeleteLink(HostInterfaceName(sandbox_id)));
  const std::lock_guard lock(mutex_);
  if (allocations_.owners.erase(sandbox_id) == 0) return base::Ok();
  return Save();
}

Status BridgeNetwork::CollectGarbage(const std::vector<std::string>& live) {
  std::vector<std::string> dead;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [owner, address] : allocations_.owners) {
      if (std::find(live.begin(), live.end(), owner) == live.end()) dead.push_back(owner);
    }
  }
  for (const std::string& owner : dead) RETURN_IF_ERROR(Teardown(owner));
  return base::Ok();
}

Status BridgeNetwork::RemoveAll() {
  RETURN_IF_ERROR(CollectGarbage({}));
  const std::lock_guard lock(mutex_);
  bridge_index_ = 0;
  RETURN_IF_ERROR(socket_.DeleteLink(config_.bridge));
  RETURN_IF_ERROR(RemoveFirewall({config_.bridge, config_.subnet, config_.pod_network}));
  return os::RemoveFile(config_.state_dir + "/addresses");
}

}  // namespace keelson::network
