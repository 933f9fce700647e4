// SPDX-License-Identifier: Apache-2.0
// The objects that say where the API server is, made and kept as upstream's. Pure. Source:
// k8s.io/kubernetes, pkg/controlplane/controller/kubernetesservice and defaultservicecidr (1.35).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "minimal-master/controllers/apply.h"
#include "minimal-master/controllers/ownservice/facts.h"

namespace keelson::controllers::ownservice {

inline constexpr char kName[] = "kubernetes";
inline constexpr char kNamespace[] = "default";
inline constexpr char kAuthentication[] = "extension-apiserver-authentication";

struct Facts {
  OwnAddress own;
  std::vector<std::string> cidrs;  // of services
  std::string authority;           // PEM; empty: it is not told
  int64_t now = 0;                 // nanoseconds
  // As they are.
  std::optional<json::Value> service;
  std::optional<json::Value> endpoints;
  std::optional<json::Value> slice;
  std::optional<json::Value> cidr;
  std::optional<json::Value> authentication;
};
Planned Plan(const Facts& facts);

}  // namespace keelson::controllers::ownservice
