// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/csr/serving.h"

#include <algorithm>
#include <optional>

#include "lib/base/ip_address.h"
#include "minimal-master/controllers/csr/plan.h"

namespace keelson::controllers::csr {
namespace {

using base::IpAddress;
using json::Value;

// Of both spellings of an IPv4 address the same.
std::optional<IpAddress> Parse(const std::string& text) {
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  return address ? std::optional(address->Unmapped()) : std::nullopt;
}

bool Same(const std::string& a, const std::string& b) {
  const std::optional<IpAddress> one = Parse(a);
  return one && one == Parse(b);
}

bool Lies(const IpAddress& address, const std::string& network) {
  const std::optional<base::IpBlock> block = base::IpBlock::Parse(network);
  return block && block->Contains(address);
}

// Nor of "this network", nor reserved (RFC 1122, RFC 1112).
bool IsOfOneMachine(const IpAddress& address) {
  return address.IsGlobalUnicast() &&
         (address.v6 || (address.bytes[0] != 0 && address.bytes[0] < 224));
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
  const std::optional<IpAddress> address = Parse(ip);
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
