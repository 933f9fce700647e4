// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/rules.h"

#include <fmt/format.h>

namespace keelson::proxy::iptables {
namespace {

const char* Single(Family family) { return family == Family::kIpv4 ? "/32" : "/128"; }

std::string Match(const PortPlan& plan, uint16_t port) {
  const std::string_view protocol = NameOf(plan.protocol);
  return fmt::format("-m {} -p {} --dport {}", protocol, protocol, port);
}

std::string Comment(const PortPlan& plan, std::string_view what) {
  return fmt::format("-m comment --comment \"{} {}\"", plan.id, what);
}

// One port's rules as they are put together.
class Writer {
 public:
  Writer(const PortPlan& plan, const Options& options, Piece& piece)
      : plan_(plan), options_(options), piece_(piece) {}

  void Write() {
    internal_ = plan_.internal_local ? plan_.local : plan_.cluster;
    external_ = plan_.external_local ? plan_.local : plan_.cluster;
    const bool cluster_used =
        !plan_.cluster.empty() && (!plan_.internal_local || plan_.HasExternal());
    const bool local_used = !plan_.local.empty() &&
                            (plan_.internal_local || (plan_.external_local && plan_.HasExternal()));
    if (cluster_used) Balance(Svc(), plan_.cluster);
    if (local_used) Balance(Svl(), plan_.local);
    // Packets to a chain that leads nowhere on would go on as if there were no service.
    const bool external_served = !external_.empty() || (plan_.external_local && cluster_used);
    if (plan_.HasExternal() && external_served) External(cluster_used, local_used);
    ClusterIp();
    for (const std::string& ip : plan_.external_ips) Address(ip, "external IP", external_served);
    for (const std::string& ip : plan_.balancer_ips)
      Address(ip, "loadbalancer IP", external_served);
    if (!plan_.balancer_ips.empty() && !plan_.source_ranges.empty()) Firewall();
    if (plan_.node_port != 0) NodePort(external_served);
    for (const auto* set : {&plan_.cluster, &plan_.local})
      for (const Backend& one : *set)
        if ((set == &plan_.cluster && cluster_used) || (set == &plan_.local && local_used))
          EndpointRules(one);
  }

 private:
  std::string Svc() const { return ServiceChain("KUBE-SVC-", plan_); }
  std::string Svl() const { return ServiceChain("KUBE-SVL-", plan_); }
  std::string Ext() const { return ServiceChain("KUBE-EXT-", plan_); }
  std::string Fw() const { return ServiceChain("KUBE-FW-", plan_); }

  void Balance(const std::string& chain, const std::vector<Backend>& backends) {
    std::vector<std::string>& rules = piece_.nat_chains[chain];
    if (chain == (plan_.internal_local ? Svl() : Svc())) MasqueradeForeign(chain, rules);
    if (plan_.affinity_seconds > 0) {
      for (const Backend& one : backends) {
        const std::string endpoint = EndpointChain(plan_, one);
        rules.push_back(fmt::format(
            "-A {} {} -m recent --name {} --rcheck --seconds {} --reap -j {}", chain,
            Comment(plan_, "-> " + one.Text()), endpoint, plan_.affinity_seconds, endpoint));
      }
    }
    for (size_t i = 0; i < backends.size(); ++i) {
      const size_t left = backends.size() - i;
      rules.push_back(
          fmt::format("-A {} {} {}-j {}", chain, Comment(plan_, "-> " + backends[i].Text()),
                      left == 1 ? ""
                                : fmt::format("-m statistic --mode random --probability {:.10f} ",
                                              1.0 / static_cast<double>(left)),
                      EndpointChain(plan_, backends[i])));
    }
  }

  // Who is no pod comes from outside: the answer must come back through this node.
  void MasqueradeForeign(const std::string& chain, std::vector<std::string>& rules) {
    std::string who;
    if (!options_.masquerade_all) {
      if (options_.cluster_cidr.empty()) return;
      who = fmt::format("! -s {} ", options_.cluster_cidr);
    }
    rules.push_back(fmt::format("-A {} {} {} -d {}{} {}-j KUBE-MARK-MASQ", chain,
                                Comment(plan_, "cluster IP"), Match(plan_, plan_.port),
                                plan_.cluster_ip, Single(options_.family), who));
  }

  void EndpointRules(const Backend& one) {
    const std::string chain = EndpointChain(plan_, one);
    std::vector<std::string>& rules = piece_.nat_chains[chain];
    if (!rules.empty()) return;  // in both sets
    const std::string comment = fmt::format("-m comment --comment \"{}\"", plan_.id);
    rules.push_back(fmt::format("-A {} {} -s {}{} -j KUBE-MARK-MASQ", chain, comment, one.address,
                                Single(options_.family)));
    rules.push_back(fmt::format(
        "-A {} {} {}-m {} -p {} -j DNAT --to-destination {}", chain, comment,
        plan_.affinity_seconds > 0 ? fmt::format("-m recent --name {} --set ", chain) : "",
        NameOf(plan_.protocol), NameOf(plan_.protocol), one.Text()));
  }

  void External(bool cluster_used, bool local_used) {
    std::vector<std::string>& rules = piece_.nat_chains[Ext()];
    if (!plan_.external_local) {
      rules.push_back(fmt::format(
          "-A {} -m comment --comment \"masquerade traffic for {} external destinations\" -j "
          "KUBE-MARK-MASQ",
          Ext(), plan_.id));
      rules.push_back(fmt::format("-A {} -j {}", Ext(), Svc()));
      return;
    }
    // K9: from within, the address leads to any endpoint, as the cluster IP does.
    if (cluster_used) {
      if (!options_.cluster_cidr.empty())
        rules.push_back(fmt::format(
            "-A {} -m comment --comment \"pod traffic for {} external destinations\" -s {} -j {}",
            Ext(), plan_.id, options_.cluster_cidr, Svc()));
      rules.push_back(fmt::format(
          "-A {} -m comment --comment \"masquerade LOCAL traffic for {} external destinations\" -m "
          "addrtype --src-type LOCAL -j KUBE-MARK-MASQ",
          Ext(), plan_.id));
      rules.push_back(fmt::format(
          "-A {} -m comment --comment \"route LOCAL traffic for {} external destinations\" -m "
          "addrtype --src-type LOCAL -j {}",
          Ext(), plan_.id, Svc()));
    }
    if (local_used) rules.push_back(fmt::format("-A {} -j {}", Ext(), Svl()));
  }

  void ClusterIp() {
    const std::string to =
        fmt::format("{} {} -d {}{}", Comment(plan_, "cluster IP"), Match(plan_, plan_.port),
                    plan_.cluster_ip, Single(options_.family));
    if (!internal_.empty()) {
      piece_.nat_services.push_back(
          fmt::format("-A KUBE-SERVICES {} -j {}", to, plan_.internal_local ? Svl() : Svc()));
      return;
    }
    piece_.filter_services.push_back(Refused("KUBE-SERVICES", plan_.cluster_ip, plan_.port, true));
  }

  void Address(const std::string& ip, std::string_view what, bool served) {
    if (served)
      piece_.nat_services.push_back(fmt::format("-A KUBE-SERVICES {} {} -d {}{} -j {}",
                                                Comment(plan_, what), Match(plan_, plan_.port), ip,
                                                Single(options_.family), Ext()));
    if (external_.empty())
      piece_.filter_external.push_back(Refused("KUBE-EXTERNAL-SERVICES", ip, plan_.port, false));
  }

  void NodePort(bool served) {
    if (served)
      piece_.nat_node_ports.push_back(
          fmt::format("-A KUBE-NODEPORTS -m comment --comment \"{}\" {} -j {}", plan_.id,
                      Match(plan_, plan_.node_port), Ext()));
    if (external_.empty())
      piece_.filter_external.push_back(
          Refused("KUBE-EXTERNAL-SERVICES", "", plan_.node_port, false));
  }

  // Nobody anywhere: said at once. Somebody, but not here: silence, so that a balancer or a client
  // finds another node.
  std::string Refused(std::string_view chain, const std::string& ip, uint16_t port, bool internal) {
    const bool local_only = internal ? plan_.internal_local : plan_.external_local;
    const bool elsewhere = !plan_.nobody && local_only;
    return fmt::format("-A {} {} {} {} -j {}", chain,
                       Comment(plan_, elsewhere ? "has no local endpoints" : "has no endpoints"),
                       Match(plan_, port),
                       ip.empty() ? "-m addrtype --dst-type LOCAL"
                                  : fmt::format("-d {}{}", ip, Single(options_.family)),
                       elsewhere ? "DROP" : "REJECT");
  }

  void Firewall() {
    std::vector<std::string>& rules = piece_.filter_chains[Fw()];
    for (const std::string& range : plan_.source_ranges)
      rules.push_back(
          fmt::format("-A {} {} -s {} -j RETURN", Fw(), Comment(plan_, "loadbalancer IP"), range));
    rules.push_back(
        fmt::format("-A {} -m comment --comment \"other traffic to {} will be dropped\" "
                    "-j DROP",
                    Fw(), plan_.id));
    for (const std::string& ip : plan_.balancer_ips)
      piece_.filter_firewall.push_back(
          fmt::format("-A KUBE-PROXY-FIREWALL {} {} -d {}{} -j {}",
                      Comment(plan_, "traffic not accepted by " + Fw()), Match(plan_, plan_.port),
                      ip, Single(options_.family), Fw()));
  }

  const PortPlan& plan_;
  const Options& options_;
  Piece& piece_;
  std::vector<Backend> internal_;
  std::vector<Backend> external_;
};

}  // namespace

Piece MakePiece(const std::vector<PortPlan>& ports, uint16_t health_port, const Options& options) {
  Piece piece;
  for (const PortPlan& plan : ports) Writer(plan, options, piece).Write();
  if (health_port != 0 && !ports.empty())
    piece.filter_node_ports.push_back(fmt::format(
        "-A KUBE-NODEPORTS -m comment --comment \"{} health check node port\" -m tcp -p tcp "
        "--dport {} -j ACCEPT",
        ports.front().id, health_port));
  return piece;
}

}  // namespace keelson::proxy::iptables
