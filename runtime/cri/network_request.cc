// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/network_request.h"

#include "cri-api/cri.h"
#include "lib/base/ip_address.h"

namespace keelson::cri_server {

using base::Result;

namespace {

// One spelling of an address; empty: it is none.
std::string Canonical(const std::string& text) {
  const std::optional<base::IpAddress> read = base::IpAddress::Parse(text);
  return read ? read->Text() : "";
}

Result<network::PortMapping> Mapping(const cri::PortMapping& asked, int at) {
  network::PortMapping mapping;
  switch (asked.protocol()) {
    case cri::TCP:
      mapping.protocol = network::Protocol::kTcp;
      break;
    case cri::UDP:
      mapping.protocol = network::Protocol::kUdp;
      break;
    case cri::SCTP:
      mapping.protocol = network::Protocol::kSctp;
      break;
    default:
      return base::InvalidArgument("port_mappings[{}].protocol: {} is not known", at,
                                   static_cast<int>(asked.protocol()));
  }
  if (asked.host_port() < 1 || asked.host_port() > 65535) {
    return base::InvalidArgument("port_mappings[{}].host_port: {} is not a port", at,
                                 asked.host_port());
  }
  if (asked.container_port() < 1 || asked.container_port() > 65535) {
    return base::InvalidArgument("port_mappings[{}].container_port: {} is not a port", at,
                                 asked.container_port());
  }
  if (!asked.host_ip().empty() && Canonical(asked.host_ip()).empty()) {
    return base::InvalidArgument("port_mappings[{}].host_ip: '{}' is not an address", at,
                                 asked.host_ip());
  }
  mapping.host_ip = Canonical(asked.host_ip());
  mapping.host_port = static_cast<uint16_t>(asked.host_port());
  mapping.container_port = static_cast<uint16_t>(asked.container_port());
  return mapping;
}

}  // namespace

Result<network::PodRequest> NetworkRequest(const cri::PodSandboxConfig& config) {
  network::PodRequest request;
  request.name = config.metadata().name();
  request.name_space = config.metadata().namespace_();
  request.uid = config.metadata().uid();
  for (int i = 0; i < config.port_mappings_size(); ++i) {
    if (config.port_mappings(i).host_port() == 0) continue;  // only said, not to be opened
    ASSIGN_OR_RETURN(network::PortMapping mapping, Mapping(config.port_mappings(i), i));
    request.ports.push_back(std::move(mapping));
  }
  request.annotations = {config.annotations().begin(), config.annotations().end()};
  ASSIGN_OR_RETURN(request.bandwidth, network::BandwidthOf(request.annotations));
  const cri::DNSConfig& dns = config.dns_config();
  request.dns_servers = {dns.servers().begin(), dns.servers().end()};
  request.dns_searches = {dns.searches().begin(), dns.searches().end()};
  request.dns_options = {dns.options().begin(), dns.options().end()};
  return request;
}

}  // namespace keelson::cri_server
