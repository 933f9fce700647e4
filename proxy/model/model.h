// SPDX-License-Identifier: Apache-2.0
// What a proxy needs of Services, EndpointSlices and Nodes: read once from the API's JSON, the rest
// is dropped. Plain data, pure functions. Objects of a server are trusted to be validated; what
// could harm a rule (an address, a port or a name that is none) is left out all the same. Source:
// core/v1 Service, discovery.k8s.io/v1 EndpointSlice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/json/value.h"
#include "lib/kube/client/reflector.h"

namespace keelson::proxy {

enum class Protocol : uint8_t { kTcp, kUdp, kSctp };
std::string_view NameOf(Protocol protocol);  // "tcp", "udp", "sctp"

struct ServicePort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  uint16_t node_port = 0;  // 0: none
  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

struct Service {
  kube::ObjectName name;
  std::vector<std::string> cluster_ips;  // both families
  std::vector<std::string> external_ips;
  std::vector<std::string> balancer_ips;   // of ingresses that are to be short-circuited
  std::vector<std::string> source_ranges;  // who may come to balancer_ips; empty: everybody
  std::vector<ServicePort> ports;
  uint32_t affinity_seconds = 0;  // 0: none
  uint16_t health_port = 0;       // healthCheckNodePort
  bool internal_local = false;    // internalTrafficPolicy: Local
  bool external_local = false;    // externalTrafficPolicy: Local
  friend bool operator==(const Service&, const Service&) = default;
};
// Nothing: not for a proxy (headless, ExternalName, somebody else's).
std::optional<Service> ReadService(const json::Value& object);

struct Endpoint {
  std::string address;
  std::string node;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::vector<std::string> zones;  // hints
  std::vector<std::string> nodes;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct SlicePort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  friend bool operator==(const SlicePort&, const SlicePort&) = default;
};

struct Slice {
  kube::ObjectName name;
  std::string service;  // in the same namespace
  bool ipv6 = false;
  std::vector<SlicePort> ports;
  std::vector<Endpoint> endpoints;
  friend bool operator==(const Slice&, const Slice&) = default;
};
// Nothing: of no service, or not of addresses.
std::optional<Slice> ReadSlice(const json::Value& object);

}  // namespace keelson::proxy
