// SPDX-License-Identifier: Apache-2.0
#include "proxy/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/ip_address.h"

namespace keelson::proxy {
namespace {

using Candidate = std::pair<const Endpoint*, uint16_t>;  // with its port

bool IsOf(Family family, const std::string& address) {
  return base::IsV6(address) == (family == Family::kIpv6);
}

std::vector<std::string> OfFamily(const std::vector<std::string>& all, Family family) {
  std::vector<std::string> out;
  for (const std::string& one : all)
    if (IsOf(family, one)) out.push_back(one);
  return out;
}

bool Names(const std::vector<std::string>& hints, const std::string& name) {
  return std::find(hints.begin(), hints.end(), name) != hints.end();
}

// K10: hints count only where every ready endpoint has them and one of them is meant for us; those
// of nodes come before those of zones.
std::vector<Candidate> ByHints(const std::vector<Candidate>& ready, const NodeFacts& node) {
  const auto chosen = [&](std::vector<std::string> Endpoint::* hints, const std::string& name) {
    std::vector<Candidate> out;
    if (name.empty()) return out;
    for (const Candidate& one : ready) {
      if ((one.first->*hints).empty()) return std::vector<Candidate>();
      if (Names(one.first->*hints, name)) out.push_back(one);
    }
    return out;
  };
  if (auto nodes = chosen(&Endpoint::nodes, node.name); !nodes.empty()) return nodes;
  if (auto zones = chosen(&Endpoint::zones, node.zone); !zones.empty()) return zones;
  return ready;
}

// K7: the ready ones; where there is none, those that end but still serve.
std::vector<Candidate> Usable(const std::vector<Candidate>& all) {
  std::vector<Candidate> ready;
  std::vector<Candidate> ending;
  for (const Candidate& one : all) {
    if (one.first->ready)
      ready.push_back(one);
    else if (one.first->serving && one.first->terminating)
      ending.push_back(one);
  }
  return ready.empty() ? ending : ready;
}

std::vector<Backend> Sorted(const std::vector<Candidate>& chosen, const NodeFacts& node) {
  std::vector<Backend> out;
  for (const auto& [endpoint, port] : chosen)
    out.push_back({endpoint->address, port, endpoint->node == node.name});
  const auto key = [](const Backend& one) { return std::tie(one.address, one.port); };
  std::sort(out.begin(), out.end(),
            [&](const Backend& a, const Backend& b) { return key(a) < key(b); });
  out.erase(std::unique(out.begin(), out.end(),
                        [&](const Backend& a, const Backend& b) { return key(a) == key(b); }),
            out.end());
  return out;
}

std::vector<Candidate> Candidates(const ServicePort& port, const std::vector<const Slice*>& slices,
                                  Family family) {
  std::vector<Candidate> out;
  for (const Slice* slice : slices) {
    if (slice->ipv6 != (family == Family::kIpv6)) continue;
    for (const SlicePort& one : slice->ports) {
      if (one.name != port.name || one.protocol != port.protocol) continue;
      for (const Endpoint& endpoint : slice->endpoints) out.emplace_back(&endpoint, one.port);
    }
  }
  return out;
}

}  // namespace

std::string Backend::Text() const { return base::Endpoint(address, port); }

std::vector<PortPlan> PlanService(const Service& service, const std::vector<const Slice*>& slices,
                                  const NodeFacts& node, Family family) {
  const std::vector<std::string> own = OfFamily(service.cluster_ips, family);
  if (own.empty() || Names(node.held, own.front())) return {};
  std::vector<PortPlan> out;
  for (const ServicePort& port : service.ports) {
    PortPlan plan;
    plan.id = service.name.ns + "/" + service.name.name;
    if (!port.name.empty()) plan.id += ":" + port.name;
    plan.protocol = port.protocol;
    plan.port = port.port;
    plan.node_port = port.node_port;
    plan.cluster_ip = own.front();
    plan.external_ips = OfFamily(service.external_ips, family);
    plan.balancer_ips = OfFamily(service.balancer_ips, family);
    plan.source_ranges = OfFamily(service.source_ranges, family);
    plan.affinity_seconds = service.affinity_seconds;
    plan.internal_local = service.internal_local;
    plan.external_local = service.external_local;

    const std::vector<Candidate> all = Candidates(port, slices, family);
    std::vector<Candidate> here;
    for (const Candidate& one : all)
      if (one.first->node == node.name) here.push_back(one);
    plan.cluster = Sorted(ByHints(Usable(all), node), node);
    if (service.internal_local || service.external_local) plan.local = Sorted(Usable(here), node);
    plan.nobody = plan.cluster.empty() && plan.local.empty();
    out.push_back(std::move(plan));
  }
  return out;
}

}  // namespace keelson::proxy
