// SPDX-License-Identifier: Apache-2.0
// The cluster's own names: from services and endpoints to answers. A Zone is made whole, then only
// read, by any thread. Pure. Source: Kubernetes DNS-Based Service Discovery 1.1.0
// (github.com/kubernetes/dns).
#pragma once

#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/dns/message.h"

namespace keelson::dns {

struct Port {
  std::string name;
  std::string protocol;  // "tcp"
  uint16_t port = 0;
  friend bool operator==(const Port&, const Port&) = default;
};

struct Service {
  std::string ns, name;
  std::vector<std::string> addresses;  // of the cluster; none: headless
  std::string external_name;           // then nothing else counts
  std::vector<Port> ports;
  friend bool operator==(const Service&, const Service&) = default;
};

// Ready endpoints of a headless service with the ports of their slice.
struct Endpoints {
  std::string ns, service;
  struct One {
    std::string address;
    std::string hostname;  // may be empty
    friend bool operator==(const One&, const One&) = default;
  };
  std::vector<One> ready;
  std::vector<Port> ports;
  friend bool operator==(const Endpoints&, const Endpoints&) = default;
};

class Zone {
 public:
  struct Options {
    std::string domain = "cluster.local";
    uint32_t ttl = 5;
    // a-b-c-d.namespace.pod.domain is answered with the address that it spells.
    bool pod_names = true;
  };
  Zone(const std::vector<Service>& services, const std::vector<Endpoints>& endpoints,
       Options options, uint32_t serial);

  // False: it is no name of ours, somebody else is to be asked.
  bool Find(const Question& question, Answer& answer) const;
  size_t names() const { return names_.size(); }

 private:
  void Add(Record record);
  void AddAddress(const std::string& name, const std::string& address);
  void AddReverse(const std::string& address, const std::string& name);
  void AddParents(std::string_view name);
  void AddService(const Service& service);
  void AddEndpoints(const Service& service, const Endpoints& endpoints);
  bool SpelledPod(const Question& question, Answer& answer) const;
  void Negative(Answer& answer) const;

  const Options options_;
  const uint32_t serial_;
  std::unordered_map<std::string, std::vector<Record>> names_;  // empty: only names below it
  mutable std::atomic<uint32_t> turn_{0};  // several addresses are told beginning with another
};

// "10.43.0.9" as 4 bytes, an IPv6 address as 16; "" when it is none.
std::string AddressBytes(const std::string& address);
// "9.0.43.10.in-addr.arpa"
std::string ReverseName(const std::string& address);

}  // namespace keelson::dns
