// SPDX-License-Identifier: Apache-2.0
// The pod network as the sandbox code sees it. Setup and Teardown block (worker threads), are safe
// to repeat and are keyed by the sandbox id; addresses are persistent. Thread-safe. The built-in
// network is a bridge with veth pairs over rtnetlink (bridge_network.h), plugins are runtime/cni;
// the network that made a pod knows it by its own records and takes it down.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::network {

enum class Protocol : uint8_t { kTcp, kUdp, kSctp };
const char* ProtocolName(Protocol protocol);  // "tcp"

struct PortMapping {
  Protocol protocol = Protocol::kTcp;
  std::string host_ip;  // empty: every address of the machine
  uint16_t host_port = 0;
  uint16_t container_port = 0;
};

// Bits a second as the pod sees it: in is what it receives. Zero: no limit.
struct Bandwidth {
  uint64_t in = 0;
  uint64_t out = 0;
};
// From the pod's annotations kubernetes.io/ingress-bandwidth and egress-bandwidth: quantities
// between 1k and 1P.
base::Result<Bandwidth> BandwidthOf(const std::map<std::string, std::string>& annotations);
// The token bucket for that many bits a second: bursts of 50 ms, and never less than the largest
// packet that the kernel hands on in one piece; 100 ms more may wait.
struct TokenBucket {
  uint64_t bytes_per_second = 0;
  uint32_t burst = 0;
  uint32_t limit = 0;
};
TokenBucket BucketOf(uint64_t bits_per_second);

struct PodRequest {
  std::string sandbox_id;
  int netns = -1;  // the pod's network namespace
  std::string name;
  std::string name_space;
  std::string uid;
  std::vector<PortMapping> ports;  // those with a host port
  Bandwidth bandwidth;
  std::vector<std::string> dns_servers, dns_searches, dns_options;
  std::map<std::string, std::string> annotations;
  std::string cgroup;  // the pod's cgroup path
};

struct PodAddress {
  std::vector<std::string> addresses;  // without prefix length, primary first
  std::string host_interface;
};

class PodNetwork {
 public:
  virtual ~PodNetwork() = default;
  // Ready to take pods (bridge there, forwarding on)? The error says what is missing.
  virtual base::Status Ready() = 0;
  // Loopback up, eth0 with its addresses, default routes; masquerade to outside, host ports open,
  // limits in force.
  virtual base::Result<PodAddress> Setup(const PodRequest& request) = 0;
  // Link, rules and address gone when it returns, or owed and worked on. Unknown ids, vanished
  // namespaces and half-made ones are success.
  virtual base::Status Teardown(const std::string& sandbox_id) = 0;
  // After a restart: frees what no sandbox of `live` owns.
  virtual base::Status CollectGarbage(const std::vector<std::string>& live) = 0;
  // The node's pods get their addresses from it from now on. Networks with settings of their own do
  // not listen.
  virtual base::Status TakeSubnet(const std::string&) { return {}; }
  // What goes on at the moment and since when, for people; empty: nothing unusual.
  virtual std::vector<std::string> Notes() { return {}; }
};

}  // namespace keelson::network
