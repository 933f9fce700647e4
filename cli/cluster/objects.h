// SPDX-License-Identifier: Apache-2.0
// What a cluster needs in its API so that nodes can join: who may ask for what, a token, and the
// authority for all to see. As kubeadm makes them, so that its own nodes join too. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/json/value.h"

namespace keelson::cluster {

struct ObjectToMake {
  std::string path;  // of its collection
  json::Value object;
};
std::vector<ObjectToMake> JoinObjects(const std::string& server, const std::string& authority);
// Good until `expires` (RFC 3339).
ObjectToMake TokenObject(const std::string& token, const std::string& expires);

}  // namespace keelson::cluster
