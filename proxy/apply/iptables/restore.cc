// SPDX-License-Identifier: Apache-2.0
// Pieces, or what of them is new, as one input for iptables-restore.
#include <fmt/format.h>

#include "proxy/apply/iptables/rules.h"

namespace keelson::proxy::iptables {
namespace {

using Chains = std::map<std::string, std::vector<std::string>>;
using Lines = std::vector<std::string> Piece::*;
using OwnChains = Chains Piece::*;

// One table's text: declarations first, then rules, then what goes.
class Table {
 public:
  explicit Table(const Pieces& wanted) : wanted_(wanted) {}

  void Fixed(const std::string& chain, std::vector<std::string> rules) {
    declared_ += ":" + chain + " - [0:0]\n";
    for (const std::string& one : rules) Rule(one);
  }
  // A shared chain with all services' lines.
  void Shared(const std::string& chain, Lines lines, const std::vector<std::string>& last = {}) {
    declared_ += ":" + chain + " - [0:0]\n";
    for (const auto& [name, piece] : wanted_)
      for (const std::string& one : piece.*lines) Rule(one);
    for (const std::string& one : last) Rule(one);
  }
  void Own(OwnChains chains, bool all, const std::set<std::string>& some) {
    if (!all && some.empty()) return;
    for (const auto& [name, piece] : wanted_) {
      for (const auto& [chain, rules] : piece.*chains) {
        if (!all && some.count(chain) == 0) continue;
        declared_ += ":" + chain + " - [0:0]\n";
        for (const std::string& one : rules) Rule(one);
      }
    }
  }
  // Emptied first, all together: they name one another.
  void Remove(const std::set<std::string>& chains) {
    for (const std::string& chain : chains) {
      declared_ += ":" + chain + " - [0:0]\n";
      gone_ += "-X " + chain + "\n";
    }
  }
  std::string Text(const char* name) const {
    if (declared_.empty()) return "";
    return fmt::format("*{}\n{}{}{}COMMIT\n", name, declared_, rules_, gone_);
  }

 private:
  void Rule(const std::string& rule) {
    rules_ += rule;
    rules_ += '\n';
  }
  const Pieces& wanted_;
  std::string declared_, rules_, gone_;
};

std::string Mark(const Options& options) {
  const std::string mark = fmt::format("{:#x}", 1u << options.masquerade_bit);
  return mark;
}

std::vector<std::string> ToNodePorts(const Options& options) {
  const std::string words =
      "-m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in "
      "this chain\"";
  const std::string end = "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS";
  if (options.node_port_addresses.empty())
    return {fmt::format("-A KUBE-SERVICES {} {}", words, end)};
  std::vector<std::string> rules;
  for (const std::string& range : options.node_port_addresses)
    rules.push_back(fmt::format("-A KUBE-SERVICES {} -d {} {}", words, range, end));
  return rules;
}

std::string Nat(const Pieces& wanted, const Delta& delta, const Options& options) {
  Table table(wanted);
  const std::string mark = Mark(options);
  if (delta.full) {
    table.Fixed("KUBE-POSTROUTING",
                {fmt::format("-A KUBE-POSTROUTING -m mark ! --mark {}/{} -j RETURN", mark, mark),
                 fmt::format("-A KUBE-POSTROUTING -j MARK --xor-mark {}", mark),
                 fmt::format("-A KUBE-POSTROUTING -m comment --comment \"kubernetes service "
                             "traffic requiring SNAT\" -j MASQUERADE{}",
                             options.random_fully ? " --random-fully" : "")});
    table.Fixed("KUBE-MARK-MASQ", {fmt::format("-A KUBE-MARK-MASQ -j MARK --or-mark {}", mark)});
  }
  table.Own(&Piece::nat_chains, delta.full, delta.nat_chains);
  if (delta.full || delta.nat_services)
    table.Shared("KUBE-SERVICES", &Piece::nat_services, ToNodePorts(options));
  if (delta.full || delta.nat_node_ports) table.Shared("KUBE-NODEPORTS", &Piece::nat_node_ports);
  table.Remove(delta.stale_nat);
  return table.Text("nat");
}

std::string Filter(const Pieces& wanted, const Delta& delta, const Options& options) {
  Table table(wanted);
  const std::string mark = Mark(options);
  if (delta.full) {
    std::vector<std::string> forward;
    if (options.drop_invalid)
      forward.emplace_back("-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP");
    forward.push_back(
        fmt::format("-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark "
                    "--mark {}/{} -j ACCEPT",
                    mark, mark));
    forward.emplace_back(
        "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding conntrack rule\" -m "
        "conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
    table.Fixed("KUBE-FORWARD", forward);
  }
  table.Own(&Piece::filter_chains, delta.full, delta.filter_chains);
  if (delta.full || delta.filter_services) table.Shared("KUBE-SERVICES", &Piece::filter_services);
  if (delta.full || delta.filter_external)
    table.Shared("KUBE-EXTERNAL-SERVICES", &Piece::filter_external);
  if (delta.full || delta.filter_node_ports)
    table.Shared("KUBE-NODEPORTS", &Piece::filter_node_ports);
  if (delta.full || delta.filter_firewall)
    table.Shared("KUBE-PROXY-FIREWALL", &Piece::filter_firewall);
  table.Remove(delta.stale_filter);
  return table.Text("filter");
}

void Compare(const Chains& old, const Chains& now, std::set<std::string>& write,
             std::set<std::string>& stale) {
  for (const auto& [chain, rules] : now) {
    const auto there = old.find(chain);
    if (there == old.end() || there->second != rules) write.insert(chain);
  }
  for (const auto& [chain, rules] : old)
    if (now.count(chain) == 0) stale.insert(chain);
}

}  // namespace

bool Delta::empty() const {
  return !full && nat_chains.empty() && filter_chains.empty() && !nat_services && !nat_node_ports &&
         !filter_services && !filter_external && !filter_node_ports && !filter_firewall &&
         stale_nat.empty() && stale_filter.empty();
}

Delta Difference(const Pieces& applied, const Pieces& wanted) {
  static const Piece kNone;
  Delta delta;
  for (const auto& [name, old] : applied) {
    const auto found = wanted.find(name);
    const Piece& now = found == wanted.end() ? kNone : found->second;
    Compare(old.nat_chains, now.nat_chains, delta.nat_chains, delta.stale_nat);
    Compare(old.filter_chains, now.filter_chains, delta.filter_chains, delta.stale_filter);
    delta.nat_services |= old.nat_services != now.nat_services;
    delta.nat_node_ports |= old.nat_node_ports != now.nat_node_ports;
    delta.filter_services |= old.filter_services != now.filter_services;
    delta.filter_external |= old.filter_external != now.filter_external;
    delta.filter_node_ports |= old.filter_node_ports != now.filter_node_ports;
    delta.filter_firewall |= old.filter_firewall != now.filter_firewall;
  }
  return delta;
}

std::string MakeRestore(const Pieces& wanted, const Delta& delta, const Options& options) {
  if (delta.empty()) return "";
  return Filter(wanted, delta, options) + Nat(wanted, delta, options);
}

}  // namespace keelson::proxy::iptables
