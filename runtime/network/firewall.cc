// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/firewall.h"

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "runtime/network/host_ports.h"

namespace keelson::network {

using base::Result;
using base::Status;

namespace {

constexpr std::chrono::seconds kPatience{20};

std::string NatChain(const FirewallConfig& config) { return "KEELSON-NAT-" + config.bridge; }
std::string ForwardChain(const FirewallConfig& config) { return "KEELSON-FWD-" + config.bridge; }
std::string InputChain(const FirewallConfig& config) { return "KEELSON-IN-" + config.bridge; }

Result<os::CommandResult> Run(std::vector<std::string> argv, const std::string& input = "") {
  os::SpawnOptions options;
  options.argv = std::move(argv);
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  return os::RunCommand(options, input, kPatience);
}

Status Must(std::vector<std::string> argv, const std::string& input = "") {
  const std::string name = base::Join(argv, " ");
  ASSIGN_OR_RETURN(const os::CommandResult result, Run(std::move(argv), input));
  if (result.status.code() == 0) return base::Ok();
  return base::Internal("'{}' ended with {}: {}", name, result.status.code(),
                        base::Trim(result.err));
}

bool Installed(const std::string& program) {
  for (const char* folder : {"/usr/sbin/", "/sbin/"}) {
    if (os::Exists(folder + program)) return true;
  }
  return false;
}

// The nft flavour is everybody's default. Legacy tables that are loaded belong to somebody (an old
// Docker, say) whose drop policy counts as well: packets pass both.
std::vector<std::string> FlavoursInUse(bool v6) {
  const std::string program = v6 ? "ip6tables" : "iptables";
  std::vector<std::string> flavours;
  if (Installed(program + "-nft")) flavours.push_back(program + "-nft");
  const std::string names =
      v6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names";
  const bool legacy_loaded = !base::Trim(os::ReadFile(names, 65536).ValueOr("")).empty();
  if (Installed(program + "-legacy") && (legacy_loaded || flavours.empty()))
    flavours.push_back(program + "-legacy");
  return flavours;
}

std::vector<std::string> RuleOf(const Jump& jump) {
  std::vector<std::string> rule = jump.match;
  for (const char* word : {"-m", "comment", "--comment", "keelson pods", "-j"})
    rule.emplace_back(word);
  rule.push_back(jump.target);
  return rule;
}

std::vector<std::string> Command(const std::string& flavour, const Jump& jump,
                                 const std::string& verb) {
  std::vector<std::string> argv = {flavour, "-w", "10", "-t", jump.table, verb, jump.chain};
  for (std::string& word : RuleOf(jump)) argv.push_back(std::move(word));
  return argv;
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

Status ApplyHostPorts(const FirewallConfig& config, const std::string& host_ports) {
  const std::vector<std::string> flavours = FlavoursInUse(config.v6);
  if (flavours.empty()) {
    return base::FailedPrecondition("no {} on this machine: install the package iptables",
                                    config.v6 ? "ip6tables" : "iptables");
  }
  for (const std::string& flavour : flavours)
    RETURN_IF_ERROR(Must({flavour + "-restore", "--noflush", "-w", "10"}, host_ports));
  return base::Ok();
}

Status ApplyFirewall(const FirewallConfig& config, const std::string& host_ports) {
  RETURN_IF_ERROR(ApplyHostPorts(config, PlanChains(config) + host_ports));
  for (const std::string& flavour : FlavoursInUse(config.v6)) {
    for (const Jump& jump : PlanJumps(config)) {
      ASSIGN_OR_RETURN(const os::CommandResult there, Run(Command(flavour, jump, "-C")));
      if (there.status.code() == 0) continue;
      RETURN_IF_ERROR(Must(Command(flavour, jump, jump.first ? "-I" : "-A")));
    }
  }
  return base::Ok();
}

Status RemoveFirewall(const FirewallConfig& config) {
  for (const std::string& flavour : FlavoursInUse(config.v6)) {
    for (const Jump& jump : PlanJumps(config)) {
      const std::vector<std::string> table = {flavour, "-w", "10", "-t", jump.table};
      const auto with = [&](const char* verb, const std::string& chain) {
        std::vector<std::string> argv = table;
        argv.emplace_back(verb);
        argv.push_back(chain);
        return argv;
      };
      ASSIGN_OR_RETURN(const os::CommandResult chain, Run(with("-S", jump.target)));
      if (chain.status.code() != 0) continue;  // not there
      // Each copy of the jump, should there be more than one.
      for (int i = 0; i < 10; ++i) {
        ASSIGN_OR_RETURN(const os::CommandResult gone, Run(Command(flavour, jump, "-D")));
        if (gone.status.code() != 0) break;
      }
      RETURN_IF_ERROR(Must(with("-F", jump.target)));
      // The chain of host ports has two jumps: it goes with the second.
      ASSIGN_OR_RETURN(const os::CommandResult removed, Run(with("-X", jump.target)));
      if (removed.status.code() != 0 && jump.chain != "PREROUTING") {
        return base::Internal("{} cannot remove chain {}: {}", flavour, jump.target,
                              base::Trim(removed.err));
      }
    }
  }
  return base::Ok();
}

}  // namespace keelson::network
