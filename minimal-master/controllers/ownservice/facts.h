// SPDX-License-Identifier: Apache-2.0
// Where the API server is to be found from inside the cluster. Plain data.
#pragma once

#include <string>

namespace keelson::controllers::ownservice {

struct OwnAddress {
  std::string cluster_ip;  // of the Service; empty: nothing of all this is kept
  // Where it listens, for everybody; empty: at no address that others reach, such as 127.0.0.1.
  std::string address;
  int port = 6443;  // 0: nobody knows it beforehand, and nothing is kept
};

}  // namespace keelson::controllers::ownservice
