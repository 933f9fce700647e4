// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/firewall.h"

#include <fmt/format.h>

#include "lib/base/strings.h"
#include "lib/kernel/xtables/xtables.h"
#include "runtime/network/host_ports.h"

namespace keelson::network {

using base::Status;

namespace {

std::string NatChain(const FirewallConfig& config) { return "KEELSON-NAT-" + config.bridge; }
std::string ForwardChain(const FirewallConfig& config) { return "KEELSON-FWD-" + config.bridge; }
std::string InputChain(const FirewallConfig& config) { return "KEELSON-IN-" + config.bridge; }

xtables::Rule RuleOf(const Jump& jump) {
  xtables::Rule rule{jump.table, jump.chain, jump.match};
  for (const char* word : {"-m", "comment", "--comment", "keelson pods", "-j"})
    rule.words.emplace_back(word);
  rule.words.push_back(jump.target);
  return rule;
}

}  // namespace

std::string PlanChains(const FirewallConfig& config) {
  const std::string nat = NatChain(config);
  const std::string forward = ForwardChain(config);
  const std::string input = InputChain(config);
  std::string text = "*nat\n:" + nat + " - [0:0]\n" + "-A " + nat + " -m mark --mark " +
                     kHairpinMark + " -j MASQUERADE\n" + "-A " + nat + " -s " + config.subnet +
                     " -d " + (config.v6 ? "ff00::/8" : "224.0.0.0/4") + " -j RETURN\n" + "-A " +
                     nat + " -s " + config.subnet + " ! -d " + config.pod_network +
                     " -j MASQUERADE\n" + "COMMIT\n*filter\n:" + forward + " - [0:0]\n" + "-A " +
                     forward + " -i " + config.bridge + " -j ACCEPT\n" + "-A " + forward + " -o " +
                     config.bridge + " -j ACCEPT\n";
  if (!config.v6) {
    // Host ports on 127.0.0.1 need route_localnet on the bridge, which must not let pods reach
    // what listens on the machine's loopback.
    text += ":" + input + " - [0:0]\n-A " + input + " -i " + config.bridge +
            " -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP\n";
  }
  return text + "COMMIT\n";
}

std::vector<Jump> PlanJumps(const FirewallConfig& config) {
  const std::vector<std::string> local = {"-m", "addrtype", "--dst-type", "LOCAL"};
  std::vector<Jump> jumps = {
      {"nat", "POSTROUTING", NatChain(config), false},
      {"nat", "PREROUTING", HostPortChain(config.bridge), false, local},
      {"nat", "OUTPUT", HostPortChain(config.bridge), false, local},
      {"filter", "FORWARD", ForwardChain(config), true},
  };
  if (!config.v6) jumps.push_back({"filter", "INPUT", InputChain(config), true});
  return jumps;
}

std::string BridgeOfChain(std::string_view chain) {
  for (const std::string& prefix :
       {NatChain({}), ForwardChain({}), InputChain({}), HostPortChain("")}) {
    if (chain.size() > prefix.size() && chain.starts_with(prefix))
      return std::string(chain.substr(prefix.size()));
  }
  return "";
}

Status ApplyHostPorts(const FirewallConfig& config, const std::string& host_ports) {
  const std::vector<xtables::Flavour> flavours = xtables::FlavoursInUse(config.v6);
  if (flavours.empty()) return xtables::NoneInstalled(config.v6);
  for (const xtables::Flavour& flavour : flavours)
    RETURN_IF_ERROR(xtables::Restore(flavour, host_ports));
  return base::Ok();
}

namespace {

// Behind a service proxy's jumps, wherever it put them meanwhile: our chain accepts what pods send,
// and what a Service without endpoints is to refuse would never be seen.
Status PlaceForward(const xtables::Flavour& flavour, const Jump& jump) {
  constexpr int kTries = 5;  // a proxy that begins now puts its own in front
  for (int i = 0; i < kTries; ++i) {
    ASSIGN_OR_RETURN(const std::string saved, xtables::Save(flavour, jump.table));
    const ForwardOrder order = OrderOf(saved, jump.target);
    if (order.own > order.services) return base::Ok();
    if (order.own != 0) RETURN_IF_ERROR(xtables::RemoveAll(flavour, RuleOf(jump)));
    RETURN_IF_ERROR(
        xtables::Insert(flavour, RuleOf(jump), order.services + (order.own == 0 ? 1 : 0)));
  }
  return base::Ok();
}

}  // namespace

ForwardOrder OrderOf(std::string_view saved, std::string_view target) {
  ForwardOrder order;
  size_t number = 0;
  for (const std::string_view line : base::Split(saved, '\n')) {
    if (!line.starts_with("-A FORWARD ")) continue;
    ++number;
    if (line.find(" -j KUBE-") != std::string_view::npos) order.services = number;
    if (line.ends_with(fmt::format(" -j {}", target)) && order.own == 0) order.own = number;
  }
  return order;
}

Status ApplyFirewall(const FirewallConfig& config, const std::string& host_ports) {
  RETURN_IF_ERROR(ApplyHostPorts(config, PlanChains(config) + host_ports));
  for (const xtables::Flavour& flavour : xtables::FlavoursInUse(config.v6)) {
    for (const Jump& jump : PlanJumps(config)) {
      if (jump.chain == "FORWARD") {
        RETURN_IF_ERROR(PlaceForward(flavour, jump));
        continue;
      }
      ASSIGN_OR_RETURN(const bool there, xtables::Has(flavour, RuleOf(jump)));
      if (!there) RETURN_IF_ERROR(xtables::Add(flavour, RuleOf(jump), jump.first));
    }
  }
  return base::Ok();
}

Status RemoveFirewall(const FirewallConfig& config) {
  for (const xtables::Flavour& flavour : xtables::FlavoursInUse(config.v6)) {
    for (const Jump& jump : PlanJumps(config)) {
      ASSIGN_OR_RETURN(const bool there, xtables::HasChain(flavour, jump.table, jump.target));
      if (!there) continue;
      RETURN_IF_ERROR(xtables::RemoveAll(flavour, RuleOf(jump)));
      ASSIGN_OR_RETURN(const bool gone, xtables::RemoveChain(flavour, jump.table, jump.target));
      // The chain of host ports has two jumps: it goes with the second.
      if (!gone && jump.chain != "PREROUTING")
        return base::Internal("{} cannot remove chain {}", flavour, jump.target);
    }
  }
  return base::Ok();
}

}  // namespace keelson::network
