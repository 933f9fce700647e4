// SPDX-License-Identifier: Apache-2.0
// The pod network as the sandbox code sees it. Setup and Teardown block (worker threads), are safe
// to repeat and are keyed by the sandbox id; addresses are persistent. Thread-safe. The built-in
// network is a bridge with veth pairs over rtnetlink.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::network {

struct PodAddress {
  std::vector<std::string> addresses;  // without prefix length, primary first
  std::string host_interface;
};

class PodNetwork {
 public:
  virtual ~PodNetwork() = default;
  // Ready to take pods (bridge there, forwarding on)? The error says what is missing.
  virtual base::Status Ready() = 0;
  // `netns`: the pod's network namespace. Loopback up, eth0 with an address, default route;
  // masquerade to outside.
  virtual base::Result<PodAddress> Setup(const std::string& sandbox_id, int netns) = 0;
  // Link and address gone when it returns. Unknown ids, vanished namespaces and half-made ones are
  // success.
  virtual base::Status Teardown(const std::string& sandbox_id) = 0;
  // After a restart: frees what no sandbox of `live` owns.
  virtual base::Status CollectGarbage(const std::vector<std::string>& live) = 0;
};

}  // namespace keelson::network
