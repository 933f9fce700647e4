// SPDX-License-Identifier: Apache-2.0
// Names of chains, and which of those that are there are whose.
#include "lib/base/strings.h"
#include "lib/hash/sha256.h"
#include "proxy/apply/iptables/rules.h"

namespace keelson::proxy::iptables {
namespace {

// The first 16 letters of the base32 (RFC 4648) of a text's SHA-256.
std::string Hash(const std::string& text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const std::string digest = hash::Sha256Of(text);
  const auto byte = [&digest](size_t i) { return unsigned{static_cast<uint8_t>(digest[i])}; };
  std::string out;
  for (size_t bit = 0; out.size() < 16; bit += 5) {
    const unsigned two = byte(bit / 8) << 8 | byte(bit / 8 + 1);
    out += kAlphabet[two >> (11 - bit % 8) & 31];
  }
  return out;
}

constexpr std::string_view kPrefixes[] = {"KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-",
                                          "KUBE-FW-",  "KUBE-SEP-", "KUBE-XLB-"};

}  // namespace

std::string ServiceChain(std::string_view prefix, const PortPlan& plan) {
  return std::string(prefix) + Hash(plan.id + std::string(NameOf(plan.protocol)));
}

std::string EndpointChain(const PortPlan& plan, const Backend& backend) {
  return "KUBE-SEP-" + Hash(plan.id + std::string(NameOf(plan.protocol)) + backend.Text());
}

std::set<std::string> ServiceChains(std::string_view saved) {
  std::set<std::string> out;
  for (const std::string_view line : base::Split(saved, '\n')) {
    if (!line.starts_with(':')) continue;
    const std::string_view name = line.substr(1, line.find(' ') - 1);
    for (const std::string_view prefix : kPrefixes)
      if (name.starts_with(prefix)) out.emplace(name);
  }
  return out;
}

bool HasCanary(std::string_view saved_mangle) {
  return saved_mangle.find("\n:KUBE-PROXY-CANARY ") != std::string_view::npos;
}

std::vector<std::string> SharedChains(const std::string& table) {
  if (table == "nat")
    return {"KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"};
  if (table == "filter")
    return {"KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS",
            "KUBE-PROXY-FIREWALL"};
  return {"KUBE-PROXY-CANARY"};
}

std::vector<Jump> Jumps() {
  const auto rule = [](bool fresh, const char* comment, const char* target) {
    std::vector<std::string> out;
    if (fresh) out = {"-m", "conntrack", "--ctstate", "NEW"};
    out.insert(out.end(), {"-m", "comment", "--comment", comment, "-j", target});
    return out;
  };
  const char* firewall = "kubernetes load balancer firewall";
  const char* external = "kubernetes externally-visible service portals";
  const char* portals = "kubernetes service portals";
  return {
      {"filter", "INPUT", rule(true, external, "KUBE-EXTERNAL-SERVICES")},
      {"filter", "FORWARD", rule(true, external, "KUBE-EXTERNAL-SERVICES")},
      {"filter", "INPUT", rule(false, "kubernetes health check service ports", "KUBE-NODEPORTS")},
      {"filter", "FORWARD", rule(true, portals, "KUBE-SERVICES")},
      {"filter", "OUTPUT", rule(true, portals, "KUBE-SERVICES")},
      {"filter", "FORWARD", rule(false, "kubernetes forwarding rules", "KUBE-FORWARD")},
      {"filter", "INPUT", rule(true, firewall, "KUBE-PROXY-FIREWALL")},
      {"filter", "OUTPUT", rule(true, firewall, "KUBE-PROXY-FIREWALL")},
      {"filter", "FORWARD", rule(true, firewall, "KUBE-PROXY-FIREWALL")},
      {"nat", "OUTPUT", rule(false, portals, "KUBE-SERVICES")},
      {"nat", "PREROUTING", rule(false, portals, "KUBE-SERVICES")},
      {"nat", "POSTROUTING", rule(false, "kubernetes postrouting rules", "KUBE-POSTROUTING")},
  };
}

}  // namespace keelson::proxy::iptables
