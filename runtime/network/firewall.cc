// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/firewall.h"

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::network {

using base::Result;
using base::Status;

namespace {

constexpr std::chrono::seconds kPatience{20};

std::string NatChain(const FirewallConfig& config) { return "KEELSON-NAT-" + config.bridge; }
std::string ForwardChain(const FirewallConfig& config) { return "KEELSON-FWD-" + config.bridge; }

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
std::vector<std::string> FlavoursInUse() {
  std::vector<std::string> flavours;
  if (Installed("iptables-nft")) flavours.push_back("iptables-nft");
  const bool legacy_loaded =
      !base::Trim(os::ReadFile("/proc/thread-self/net/ip_tables_names", 65536).ValueOr("")).empty();
  if (Installed("iptables-legacy") && (legacy_loaded || flavours.empty()))
    flavours.push_back("iptables-legacy");
  return flavours;
}

}  // namespace

std::string PlanChains(const FirewallConfig& config) {
  const std::string nat = NatChain(config);
  const std::string forward = ForwardChain(config);
  return "*nat\n:" + nat + " - [0:0]\n" + "-A " + nat + " -s " + config.subnet +
         " -d 224.0.0.0/4 -j RETURN\n" + "-A " + nat + " -s " + config.subnet + " ! -d " +
         config.pod_network + " -j MASQUERADE\n" + "COMMIT\n*filter\n:" + forward + " - [0:0]\n" +
         "-A " + forward + " -i " + config.bridge + " -j ACCEPT\n" + "-A " + forward + " -o " +
         config.bridge + " -j ACCEPT\n" + "COMMIT\n";
}

std::vector<Jump> PlanJumps(const FirewallConfig& config) {
  return {{"nat", "POSTROUTING", NatChain(config), false},
          {"filter", "FORWARD", ForwardChain(config), true}};
}

Status ApplyFirewall(const FirewallConfig& config) {
  const std::vector<std::string> flavours = FlavoursInUse();
  if (flavours.empty())
    return base::FailedPrecondition("no iptables on this machine: install the package iptables");
  for (const std::string& flavour : flavours) {
    RETURN_IF_ERROR(Must({flavour + "-restore", "--noflush", "-w", "10"}, PlanChains(config)));
    for (const Jump& jump : PlanJumps(config)) {
      const std::vector<std::string> rule = {"-m",           "comment", "--comment",
                                             "keelson pods", "-j",      jump.target};
      std::vector<std::string> check = {flavour, "-w", "10", "-t", jump.table, "-C", jump.chain};
      check.insert(check.end(), rule.begin(), rule.end());
      ASSIGN_OR_RETURN(const os::CommandResult there, Run(check));
      if (there.status.code() == 0) continue;
      std::vector<std::string> add = {
          flavour, "-w", "10", "-t", jump.table, jump.first ? "-I" : "-A", jump.chain};
      add.insert(add.end(), rule.begin(), rule.end());
      RETURN_IF_ERROR(Must(add));
    }
  }
  return base::Ok();
}

Status RemoveFirewall(const FirewallConfig& config) {
  for (const std::string& flavour : FlavoursInUse()) {
    for (const Jump& jump : PlanJumps(config)) {
      ASSIGN_OR_RETURN(const os::CommandResult chain,
                       Run({flavour, "-w", "10", "-t", jump.table, "-S", jump.target}));
      if (chain.status.code() != 0) continue;  // not there
      // Each copy of the jump, should there be more than one.
      for (int i = 0; i < 10; ++i) {
        ASSIGN_OR_RETURN(const os::CommandResult gone,
                         Run({flavour, "-w", "10", "-t", jump.table, "-D", jump.chain, "-m",
                              "comment", "--comment", "keelson pods", "-j", jump.target}));
        if (gone.status.code() != 0) break;
      }
      RETURN_IF_ERROR(Must({flavour, "-w", "10", "-t", jump.table, "-F", jump.target}));
      RETURN_IF_ERROR(Must({flavour, "-w", "10", "-t", jump.table, "-X", jump.target}));
    }
  }
  return base::Ok();
}

}  // namespace keelson::network
