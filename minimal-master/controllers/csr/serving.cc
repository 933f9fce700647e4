// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/csr/serving.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "lib/base/strings.h"
#include "minimal-master/controllers/csr/plan.h"

namespace keelson::controllers::csr {
namespace {

using json::Value;

// Sixteen bytes, of IPv4 as ::ffff:a.b.c.d.
std::optional<in6_addr> Parse(const std::string& text) {
  in6_addr address{};
  if (inet_pton(AF_INET6, text.c_str(), &address) == 1) return address;
  return inet_pton(AF_INET6, ("::ffff:" + text).c_str(), &address) == 1 ? std::optional(address)
                                                                        : std::nullopt;
}

bool Same(const std::string& a, const std::string& b) {
  const std::optional<in6_addr> one = Parse(a), other = Parse(b);
  return one && other && IN6_ARE_ADDR_EQUAL(&*one, &*other);
}

bool Lies(const in6_addr& address, const std::string& network) {
  const size_t slash = network.find('/');
  const std::optional<in6_addr> first = Parse(network.substr(0, slash));
  const auto length = slash == std::string::npos
                          ? std::nullopt
                          : base::ParseUint64(std::string_view(network).substr(slash + 1));
  if (!first || !length) return false;
  uint64_t bits = *length + (IN6_IS_ADDR_V4MAPPED(&*first) ? 96 : 0);
  for (size_t i = 0; i < 16 && bits > 0; ++i) {
    const uint64_t here = std::min<uint64_t>(bits, 8);
    const auto mask = static_cast<uint8_t>(0xff00u >> here);
    if (((address.s6_addr[i] ^ first->s6_addr[i]) & mask) != 0) return false;
    bits -= here;
  }
  return true;
}

bool IsOfOneMachine(const in6_addr& address) {
  if (!IN6_IS_ADDR_V4MAPPED(&address))
    return !IN6_IS_ADDR_LOOPBACK(&address) && !IN6_IS_ADDR_UNSPECIFIED(&address) &&
           !IN6_IS_ADDR_MULTICAST(&address) && !IN6_IS_ADDR_LINKLOCAL(&address);
  const uint8_t first = address.s6_addr[12];
  return first != 0 && first != 127 && first < 224 && !(first == 169 && address.s6_addr[13] == 254);
}

bool Has(const Value& node, const std::string& ip) {
  for (const Value& one : node.At({"status", "addresses"}).items())
    if (Same(one.At({"address"}).AsString(), ip)) return true;
  return false;
}

// Names by which clients find services, or themselves.
bool IsOfCluster(const std::string& name) {
  return name == "localhost" || name.ends_with(".svc") || name.find(".svc.") != std::string::npos ||
         name.starts_with("kubernetes.") || name == "kubernetes";
}

base::Status CheckName(const std::string& name, const Value& node, const Reserved& reserved) {
  if (name != node.At({"metadata", "name"}).AsString())
    return base::FailedPrecondition("the name {} is not the node's", name);
  if (IsOfCluster(name) ||
      std::find(reserved.dns.begin(), reserved.dns.end(), name) != reserved.dns.end())
    return base::FailedPrecondition("the name {} is the API server's or a service's", name);
  return base::Ok();
}

base::Status CheckAddress(const std::string& ip, const Value& node,
                          const std::vector<Value>& others, const Reserved& reserved) {
  const std::optional<in6_addr> address = Parse(ip);
  if (!address || !IsOfOneMachine(*address))
    return base::FailedPrecondition("the address {} is no machine's of its own", ip);
  if (!Has(node, ip)) return base::FailedPrecondition("the address {} is not the node's", ip);
  for (const std::string& one : reserved.ips)
    if (Same(one, ip)) return base::FailedPrecondition("the address {} is the API server's", ip);
  for (const std::string& network : reserved.networks)
    if (Lies(*address, network))
      return base::FailedPrecondition("the address {} is of services or pods", ip);
  for (const Value& other : others) {
    const std::string& name = other.At({"metadata", "name"}).AsString();
    if (name != node.At({"metadata", "name"}).AsString() && Has(other, ip))
      return base::FailedPrecondition("the address {} is the node {}'s too", ip, name);
  }
  return base::Ok();
}

}  // namespace

bool AwaitsServing(const Value& csr) {
  return csr.At({"spec", "signerName"}).AsString() == pki::kKubeletServingSigner &&
         !IsIssued(csr) && !HasCondition(csr, "Approved") && !HasCondition(csr, "Denied");
}

base::Status CheckServing(const Value& csr, const Value& node, const std::vector<Value>& others,
                          const Reserved& reserved) {
  const pki::SigningAsk ask = AskOf(csr);
  ASSIGN_OR_RETURN(const pki::SigningRequest request, pki::ParseRequest(ask.request));
  const pki::Names& names = request.names;
  RETURN_IF_ERROR(pki::CheckRequest(ask.signer, names, ask.usages));
  const auto& groups = csr.At({"spec", "groups"}).items();
  const bool of_nodes = std::any_of(groups.begin(), groups.end(), [](const Value& group) {
    return group.AsString() == "system:nodes";
  });
  if (!of_nodes || csr.At({"spec", "username"}).AsString() != names.common_name)
    return base::FailedPrecondition("who asks is not {}", names.common_name);
  if (names.common_name != "system:node:" + node.At({"metadata", "name"}).AsString())
    return base::FailedPrecondition("there is no such node");
  if (names.other_subject_parts)
    return base::FailedPrecondition("the subject says more than who it is");
  for (const std::string& name : names.dns) RETURN_IF_ERROR(CheckName(name, node, reserved));
  for (const std::string& ip : names.ips) RETURN_IF_ERROR(CheckAddress(ip, node, others, reserved));
  return base::Ok();
}

}  // namespace keelson::controllers::csr
