// SPDX-License-Identifier: Apache-2.0
// Which pod answers which port of the machine: clashes, rule text for iptables-restore, the record.
// The whole chain is rendered from the record and replaced in one transaction, so that a rule is
// there exactly as long as its pod, whatever was cut off in between. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "runtime/network/network.h"

namespace keelson::network {

struct HostPorts {
  std::string pod;  // "namespace/name", for people
  std::vector<PortMapping> ports;
  std::string address4, address6;  // the pod's; empty: has none
};
using HostPortTable = std::map<std::string, HostPorts>;  // by sandbox id

// AlreadyExists names port and pod when `wanted` asks for what another pod of `table` (or itself,
// twice) holds.
base::Status CheckHostPorts(const HostPortTable& table, const std::string& sandbox_id,
                            const std::vector<PortMapping>& wanted);

// Marks packets that must come back through the machine: bit and meaning are those of the CNI
// plugin portmap, whose rules do the same with it.
constexpr char kHairpinMark[] = "0x2000/0x2000";
std::string HostPortChain(const std::string& bridge);
// The rules of one family inside `*nat … COMMIT`, the chain flushed first. `subnet`: the node's
// pods.
std::string PlanHostPorts(const HostPortTable& table, const std::string& bridge,
                          const std::string& subnet, bool v6);

std::string EncodeHostPorts(const HostPortTable& table);
base::Result<HostPortTable> DecodeHostPorts(std::string_view bytes);

}  // namespace keelson::network
