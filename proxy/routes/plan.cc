// SPDX-License-Identifier: Apache-2.0
#include "proxy/routes/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/hash/sha256.h"

namespace keelson::proxy::routes {

using base::IpAddress;
using base::IpBlock;
using netlink::LinkAddress;

namespace {

const IpBlock* PodsOf(const ClusterNode& node, bool v6) {
  for (const IpBlock& block : node.pods)
    if (block.address.v6 == v6) return &block;
  return nullptr;
}

const IpAddress* AddressOf(const ClusterNode& node, bool v6) {
  for (const IpAddress& address : node.addresses)
    if (address.v6 == v6) return &address;
  return nullptr;
}

// The address that a machine with this MAC has on every link (RFC 4291, appendix A). As a gateway
// it needs no route of its own and is in nobody else's way.
IpAddress LinkLocal(const netlink::Mac& mac) {
  IpAddress address{true, {0xfe, 0x80}};
  auto& b = address.bytes;
  std::copy_n(mac.begin(), 3, b.begin() + 8);
  std::copy_n(mac.begin() + 3, 3, b.begin() + 13);
  b[8] ^= 0x02;
  b[11] = 0xff;
  b[12] = 0xfe;
  return address;
}

// The link whose network the address is in, by the longest prefix; 0: none.
int LinkTo(const Facts& facts, const IpAddress& address, const IpBlock* own_pods) {
  int link = 0, bits = -1;
  for (const LinkAddress& own : facts.addresses) {
    if (facts.links.count(own.link) == 0 || own.address.IsLinkLocal()) continue;
    if (own_pods != nullptr && own_pods->Contains(own.address)) continue;  // the pods' bridge
    if (own.address == address || !IpBlock::Around(own.address, own.bits).Contains(address))
      continue;
    if (own.bits > bits) {
      link = own.link;
      bits = own.bits;
    }
  }
  return link;
}

// Why the block must not become a route, "" when it may: it would take packets away from nodes or
// from other pods.
std::string Harm(const Facts& facts, const IpBlock& block,
                 const std::vector<std::pair<std::string, IpBlock>>& taken) {
  for (const auto& [name, other] : taken)
    if (block.Overlaps(other)) return fmt::format("overlaps {} of node '{}'", other.Text(), name);
  for (const auto& [name, other] : facts.nodes)
    for (const IpAddress& address : other.addresses)
      if (block.Contains(address))
        return fmt::format("holds the address {} of node '{}'", address.Text(), name);
  for (const LinkAddress& own : facts.addresses)
    if (facts.links.count(own.link) != 0 && block.Contains(own.address))
      return fmt::format("holds this node's own address {}", own.address.Text());
  return "";
}

class Planner {
 public:
  Planner(const Facts& facts, Mode mode, bool v6) : facts_(facts), mode_(mode), v6_(v6) {
    const auto self = facts.nodes.find(facts.self);
    if (self == facts.nodes.end()) return;
    self_ = &self->second;
    pods_ = PodsOf(*self_, v6);
    address_ = AddressOf(*self_, v6);
    if (pods_ != nullptr) taken_.emplace_back(self_->name, *pods_);
  }

  Plan Run() {
    if (mode_ == Mode::kNone) return {};
    for (const auto& [name, node] : facts_.nodes)
      if (name != facts_.self) Add(node);
    std::sort(plan_.paths.begin(), plan_.paths.end());
    return std::move(plan_);
  }

 private:
  void LeaveOut(const ClusterNode& node, const std::string& why) {
    plan_.left_out.push_back(fmt::format("pods of node '{}': {}", node.name, why));
  }

  void Add(const ClusterNode& node) {
    const IpBlock* block = PodsOf(node, v6_);
    if (block == nullptr) return;  // not given yet, or not of the family
    const IpAddress* via = AddressOf(node, v6_);
    if (via == nullptr)
      return LeaveOut(node, fmt::format("the node has no InternalIP for {}", block->Text()));
    if (const std::string harm = Harm(facts_, *block, taken_); !harm.empty())
      return LeaveOut(node, block->Text() + " " + harm);
    if (mode_ != Mode::kVxlan) {
      if (const int link = LinkTo(facts_, *via, pods_); link != 0) {
        taken_.emplace_back(node.name, *block);
        plan_.paths.push_back({*block, *via, link});
        return;
      }
    }
    if (mode_ == Mode::kHostGateway)
      return LeaveOut(node, fmt::format("{} is on no network of this node, and host-gw needs that",
                                        via->Text()));
    AddToTunnel(node, *block, *via);
  }

  netlink::Mac MacOf(const ClusterNode& node) const {
    return (v6_ ? node.mac6 : node.mac).value_or(DerivedMac(node.name, v6_));
  }

  void AddToTunnel(const ClusterNode& node, const IpBlock& block, const IpAddress& via) {
    if (!plan_.tunnel && !Begin()) return LeaveOut(node, without_tunnel_);
    const netlink::Mac mac = MacOf(node);
    if (!macs_.insert(mac).second)
      return LeaveOut(node, "another node has its MAC address " + netlink::MacText(mac));
    taken_.emplace_back(node.name, block);
    const IpAddress inside = v6_ ? LinkLocal(mac) : block.address;
    plan_.tunnel->peers.push_back({inside, mac, via});
    plan_.paths.push_back({block, inside, 0});
  }

  // This node's own end.
  bool Begin() {
    if (pods_ == nullptr || address_ == nullptr) {
      without_tunnel_ = "this node has no podCIDR and InternalIP of the family yet";
      return false;
    }
    for (const LinkAddress& own : facts_.addresses) {
      const auto link = facts_.links.find(own.link);
      if (own.address != *address_ || link == facts_.links.end()) continue;
      const uint32_t around = v6_ ? 70 : 50;
      if (link->second.mtu < (v6_ ? 1280 : 576) + around) {
        without_tunnel_ =
            fmt::format("link {}'s MTU {} leaves no room for VXLAN", own.link, link->second.mtu);
        return false;
      }
      Tunnel& tunnel = plan_.tunnel.emplace();
      tunnel.device = {.name = TunnelName(v6_),
                       .vni = kVni,
                       .port = kPort,
                       .local = *address_,
                       .below = own.link,
                       .learning = false,
                       .mac = MacOf(*self_),
                       .mtu = link->second.mtu - around};
      tunnel.inside = pods_->address;
      macs_.insert(tunnel.device.mac);
      return true;
    }
    without_tunnel_ = fmt::format("no link of this node has its InternalIP {}", address_->Text());
    return false;
  }

  const Facts& facts_;
  const Mode mode_;
  const bool v6_;
  const ClusterNode* self_ = nullptr;
  const IpBlock* pods_ = nullptr;
  const IpAddress* address_ = nullptr;
  std::vector<std::pair<std::string, IpBlock>> taken_;
  std::set<netlink::Mac> macs_;
  std::string without_tunnel_;
  Plan plan_;
};

}  // namespace

std::optional<Mode> ModeOf(std::string_view name) {
  if (name == "none") return Mode::kNone;
  if (name == "host-gw") return Mode::kHostGateway;
  if (name == "vxlan") return Mode::kVxlan;
  if (name == "auto") return Mode::kAuto;
  return std::nullopt;
}

netlink::Mac DerivedMac(const std::string& node, bool v6) {
  const std::string text = (v6 ? "vtep6/" : "vtep/") + node;
  const std::string sum = hash::Sha256Of(text);
  netlink::Mac mac;
  std::copy_n(sum.begin(), mac.size(), mac.begin());
  mac[0] = static_cast<uint8_t>((mac[0] & 0xfc) | 0x02);  // one machine's, of local meaning
  return mac;
}

Plan PlanRoutes(const Facts& facts, Mode mode, bool v6) { return Planner(facts, mode, v6).Run(); }

}  // namespace keelson::proxy::routes
