// SPDX-License-Identifier: Apache-2.0
// The Service by which the cluster's names are asked, and the slice that leads to the nodes whose
// keelson-dns answers on their own address. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minimal-master/controllers/apply.h"

namespace keelson::controllers::clusterdns {

inline constexpr char kNamespace[] = "kube-system";
inline constexpr char kName[] = "kube-dns";
inline constexpr char kSlice[] = "kube-dns-nodes";
// On a node: "true", its InternalIP answers on port 53.
inline constexpr char kLabel[] = "keelson.io/dns";

struct Server {
  std::string node;
  std::string zone;
  std::string address;
  bool ready = false;
  friend bool operator==(const Server&, const Server&) = default;
};
// Nothing: no server, or none of the family.
std::optional<Server> ReadServer(const json::Value& node, bool v6);

struct Facts {
  std::string address;  // of the Service
  std::vector<Server> servers;
  // As they are.
  std::optional<json::Value> service;
  std::optional<json::Value> slice;
};
// Makes nothing while there is no server.
Planned Plan(Facts facts);

}  // namespace keelson::controllers::clusterdns
