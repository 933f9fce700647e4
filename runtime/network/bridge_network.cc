// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/bridge_network.h"

#include <cerrno>
#include <chrono>
#include <future>
#include <set>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"
#include "lib/os/unfinished.h"

namespace keelson::network {

using base::Result;
using base::Status;

std::string HostInterfaceName(const std::string& sandbox_id) {
  return "kl" + sandbox_id.substr(0, 12);
}

std::string LimitInterfaceName(const std::string& sandbox_id) {
  return "ki" + sandbox_id.substr(0, 12);
}

std::string SandboxOfInterface(const std::string& name) {
  if (name.size() != 14 || (!name.starts_with("kl") && !name.starts_with("ki"))) return "";
  const std::string id = name.substr(2);
  return id.find_first_not_of("0123456789abcdef") == std::string::npos ? id : "";
}

namespace {

Result<std::vector<FirewallConfig>> Families(const BridgeConfig& config,
                                             const PodSubnets& subnets) {
  ASSIGN_OR_RETURN(const Networks all, ParseNetworks(config.pod_network));
  std::vector<FirewallConfig> families;
  if (subnets.v4) {
    const std::string own = FormatSubnet(*subnets.v4);
    families.push_back({config.bridge, own, all.v4.empty() ? own : all.v4, false});
  }
  if (subnets.v6) {
    const std::string own = FormatSubnet(*subnets.v6);
    families.push_back({config.bridge, own, all.v6.empty() ? own : all.v6, true});
  }
  return families;
}

}  // namespace

Result<std::unique_ptr<BridgeNetwork>> BridgeNetwork::Create(const BridgeConfig& config) {
  ASSIGN_OR_RETURN(PodSubnets subnets, ParsePodSubnets(config.subnet));
  ASSIGN_OR_RETURN(std::vector<FirewallConfig> families, Families(config, subnets));
  if (config.bridge.empty() || config.bridge.size() > 15 ||
      config.bridge.find_first_of(" /:%") != std::string::npos) {
    return base::InvalidArgument("'{}' cannot be the name of a bridge: 1 to 15 characters",
                                 config.bridge);
  }
  RETURN_IF_ERROR(os::MakeDirs(config.state_dir, 0700));
  os::RemoveUnfinished(config.state_dir);
  Allocations allocations;
  const std::string path = config.state_dir + "/addresses";
  const Result<std::string> bytes = os::ReadFile(path);
  if (bytes.ok() || bytes.error().os_errno() != ENOENT) {
    Result<Allocations> decoded =
        bytes.ok() ? DecodeAllocations(*bytes) : Result<Allocations>(bytes.error());
    if (decoded.ok()) {
      allocations = std::move(decoded).value();
    } else {
      // The links that are there still carry their addresses; new pods take others, because `last`
      // starts from them below.
      base::LogError("the address record is unreadable, put aside",
                     {{"path", os::AsidePath(path)}, {"error", decoded.error()}});
      RETURN_IF_ERROR(os::SetAside(path));
    }
  }
  ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
  std::unique_ptr<BridgeNetwork> network(new BridgeNetwork(
      config, subnets, std::move(families), std::move(allocations), std::move(socket)));
  network->ports_.Load();
  return network;
}

BridgeNetwork::BridgeNetwork(BridgeConfig config, PodSubnets subnets,
                             std::vector<FirewallConfig> families, Allocations allocations,
                             netlink::RouteSocket socket)
    : config_(std::move(config)),
      subnets_(subnets),
      families_(std::move(families)),
      ports_(config_.state_dir + "/hostports", families_),
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
  FAIL_POINT("runtime.network.bridge");
  RETURN_IF_ERROR(socket_.KeepMacAddress(config_.bridge));
  if (os::Exists("/proc/sys/net/ipv6")) {
    // A pod's router advertisement must not change the machine's routes.
    RETURN_IF_ERROR(
        os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv6/conf/" + config_.bridge + "/accept_ra", "0")
            .WithContext("let the bridge ignore router advertisements"));
  }
  if (subnets_.v6) RETURN_IF_ERROR(PrepareIpv6());
  RETURN_IF_ERROR(socket_.SetUp(link->index));
  if (subnets_.v4) {
    RETURN_IF_ERROR(socket_.AddAddress(link->index, subnets_.v4->Gateway(), subnets_.v4->prefix));
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1")
                        .WithContext("switch forwarding on"));
  }
  if (subnets_.v6)
    RETURN_IF_ERROR(socket_.AddAddress(link->index, subnets_.v6->At(1), subnets_.v6->prefix));
  for (const FirewallConfig& family : families_) {
    RETURN_IF_ERROR(ApplyFirewall(family, ports_.Rules(family))
                        .WithContext("set up masquerade and forwarding"));
    if (!family.v6 && !ports_.Empty()) {  // the bridge is new, its pods are not
      RETURN_IF_ERROR(os::WriteControl(
          AT_FDCWD, "/proc/sys/net/ipv4/conf/" + config_.bridge + "/route_localnet", "1"));
    }
  }
  FAIL_POINT("runtime.network.rules");
  bridge_index_ = link->index;
  return base::Ok();
}

Status BridgeNetwork::PrepareIpv6() {
  const std::string all = "/proc/sys/net/ipv6/conf";
  const Result<std::string> forwarding = os::ReadFile(all + "/all/forwarding", 64);
  if (!forwarding.ok())
    return forwarding.error().WithContext("the pods' subnet is IPv6 and this kernel has none");
  RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, all + "/" + config_.bridge + "/disable_ipv6", "0"));
  if (base::Trim(*forwarding) != "0") return base::Ok();
  // A machine that forwards ignores router advertisements unless told otherwise (2): those links
  // that heard them until now go on.
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> links, os::ListDir(all));
  for (const os::DirEntry& link : links) {
    const std::string path = all + "/" + link.name + "/accept_ra";
    if (link.name == "all" || base::Trim(os::ReadFile(path, 64).ValueOr("")) != "1") continue;
    (void)os::WriteControl(AT_FDCWD, path, "2");  // it may have gone
  }
  return os::WriteControl(AT_FDCWD, all + "/all/forwarding", "1")
      .WithContext("switch IPv6 forwarding on");
}

Status BridgeNetwork::Ready() {
  const std::lock_guard lock(mutex_);
  return EnsureBridge();
}

Result<uint32_t> BridgeNetwork::Connect(const PodRequest& request) {
  const std::string host_name = HostInterfaceName(request.sandbox_id);
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(EnsureBridge());
  ASSIGN_OR_RETURN(const uint32_t address,
                   Allocate(subnets_.Numbers(), allocations_, request.sandbox_id));
  RETURN_IF_ERROR(Save());
  FAIL_POINT("runtime.network.address");
  // The address makes the link's: neighbours never hold a stale entry for a new pod at an old
  // address.
  const std::string mac = {0x0a,
                           0x58,
                           static_cast<char>(address >> 24),
                           static_cast<char>(address >> 16),
                           static_cast<char>(address >> 8),
                           static_cast<char>(address)};
  netlink::RouteSocket::Veth veth{host_name, bridge_index_, "eth0", request.netns, mac};
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
  if (!made.ok()) return made.error();
  FAIL_POINT("runtime.network.link");
  // A Service may lead a pod to itself, and where bridges ask iptables that packet is not routed.
  ASSIGN_OR_RETURN(const int link, socket_.IndexOf(host_name));
  RETURN_IF_ERROR(socket_.SetHairpin(link));
  return address;
}

// What the pod receives waits on the machine's side of its link, what it sends on a device of its
// own through which that is led.
Status BridgeNetwork::Shape(const PodRequest& request) {
  const Bandwidth& asked = request.bandwidth;
  if (asked.in == 0 && asked.out == 0) return base::Ok();
  ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
  ASSIGN_OR_RETURN(const int link, socket.IndexOf(HostInterfaceName(request.sandbox_id)));
  if (asked.in != 0) {
    const TokenBucket bucket = BucketOf(asked.in);
    RETURN_IF_ERROR(socket.LimitRate(link, bucket.bytes_per_second, bucket.burst, bucket.limit)
                        .WithContext("limit what the pod receives"));
  }
  if (asked.out == 0) return base::Ok();
  const std::string name = LimitInterfaceName(request.sandbox_id);
  Status made = socket.CreateLink(name, "ifb");
  if (!made.ok() && made.error().os_errno() == EEXIST) {
    RETURN_IF_ERROR(socket.DeleteLink(name));
    made = socket.CreateLink(name, "ifb");
  }
  RETURN_IF_ERROR(std::move(made).WithContext("limit what the pod sends"));
  FAIL_POINT("runtime.network.limit_link");
  ASSIGN_OR_RETURN(const int device, socket.IndexOf(name));
  const TokenBucket bucket = BucketOf(asked.out);
  RETURN_IF_ERROR(socket.LimitRate(device, bucket.bytes_per_second, bucket.burst, bucket.limit)
                      .WithContext("limit what the pod sends"));
  return socket.RedirectIngress(link, device).WithContext("limit what the pod sends");
}

Result<PodAddress> BridgeNetwork::Setup(const PodRequest& request) {
  RETURN_IF_ERROR(ports_.Reserve(request));
  // The pod's side has a socket of its own, opened before the lock is taken. Links made in there
  // ignore router advertisements: the pod's neighbours are no routers.
  ASSIGN_OR_RETURN(netlink::RouteSocket inside, netlink::RouteSocket::OpenIn(request.netns, [] {
                     (void)os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/accept_ra",
                                            "0");
                   }));
  ASSIGN_OR_RETURN(const uint32_t given, Connect(request));
  RETURN_IF_ERROR(Shape(request));
  FAIL_POINT("runtime.network.shaped");
  ASSIGN_OR_RETURN(const int loopback, inside.IndexOf("lo"));
  ASSIGN_OR_RETURN(const int eth0, inside.IndexOf("eth0"));
  if (loopback == 0 || eth0 == 0) return base::Internal("the pod's namespace has lost its links");
  RETURN_IF_ERROR(inside.SetUp(loopback));
  RETURN_IF_ERROR(inside.SetUp(eth0));
  std::string address4, address6;
  if (subnets_.v4) {
    address4 = FormatAddress(given);
    RETURN_IF_ERROR(inside.AddAddress(eth0, given, subnets_.v4->prefix));
    RETURN_IF_ERROR(inside.AddDefaultRoute(eth0, subnets_.v4->Gateway()));
  }
  if (subnets_.v6) {
    const Address6 address = subnets_.v6->At(subnets_.NumberOf(given));
    address6 = FormatAddress(address);
    RETURN_IF_ERROR(inside.AddAddress(eth0, address, subnets_.v6->prefix));
    RETURN_IF_ERROR(inside.AddDefaultRoute(eth0, subnets_.v6->At(1)));
  }
  FAIL_POINT("runtime.network.addressed");
  RETURN_IF_ERROR(ports_.Open(request.sandbox_id, address4, address6));
  FAIL_POINT("runtime.network.ports");
  PodAddress answer;
  answer.host_interface = HostInterfaceName(request.sandbox_id);
  for (const std::string& address :
       {subnets_.v6_first ? address6 : address4, subnets_.v6_first ? address4 : address6}) {
    if (!address.empty()) answer.addresses.push_back(address);
  }
  return answer;
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
  FAIL_POINT("runtime.network.link_gone");
  RETURN_IF_ERROR(DeleteLink(LimitInterfaceName(sandbox_id)));
  FAIL_POINT("runtime.network.limit_link_gone");
  RETURN_IF_ERROR(ports_.Close(sandbox_id));
  FAIL_POINT("runtime.network.ports_closed");
  const std::lock_guard lock(mutex_);
  if (allocations_.owners.erase(sandbox_id) == 0) return base::Ok();
  // A full disk must not keep a pod from ending: the next start gives back what the record still
  // has.
  if (const Status saved = Save(); !saved.ok())
    base::LogError("cannot write that an address is free again",
                   {{"pod", sandbox_id}, {"error", saved.error()}});
  return base::Ok();
}

Status BridgeNetwork::CollectGarbage(const std::vector<std::string>& live) {
  std::set<std::string> dead;
  for (std::string& owner : ports_.Owners()) dead.insert(std::move(owner));
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [owner, address] : allocations_.owners) dead.insert(owner);
  }
  for (const std::string& owner : live) dead.erase(owner);
  for (const std::string& owner : dead) RETURN_IF_ERROR(Teardown(owner));
  return base::Ok();
}

bool BridgeNetwork::Empty() {
  const std::lock_guard lock(mutex_);
  return allocations_.owners.empty();
}

Status BridgeNetwork::RemoveAll() {
  RETURN_IF_ERROR(CollectGarbage({}));
  const std::lock_guard lock(mutex_);
  bridge_index_ = 0;
  RETURN_IF_ERROR(socket_.DeleteLink(config_.bridge));
  for (const FirewallConfig& family : families_) RETURN_IF_ERROR(RemoveFirewall(family));
  RETURN_IF_ERROR(os::RemoveFile(config_.state_dir + "/hostports"));
  return os::RemoveFile(config_.state_dir + "/addresses");
}

}  // namespace keelson::network
