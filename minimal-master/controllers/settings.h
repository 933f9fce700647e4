// SPDX-License-Identifier: Apache-2.0
// What controllers can be told, and what they all are given. Plain data; what it refers to outlives
// every controller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "minimal-master/control/client.h"
#include "minimal-master/control/recorder.h"
#include "minimal-master/controllers/hpa/replicas.h"
#include "minimal-master/controllers/ipam/networks.h"
#include "minimal-master/controllers/nodes/rates.h"
#include "minimal-master/controllers/ownservice/facts.h"
#include "minimal-master/pki/certificate.h"
#include "minimal-master/watch/cache.h"

namespace keelson::controllers {

struct Settings {
  std::vector<std::string> enabled{"*"};      // "*", "name", "-name"
  hpa::Usage usage;                           // what pods use; null: nothing is known
  int autoscaling_seconds = 15;               // from one look at an autoscaler to the next
  nodes::Graces nodes;                        // when a node that says nothing is given up
  ipam::Networks networks;                    // of nodes' pods
  size_t most_ended_pods = 12'500;            // what is above goes; 0: nothing does
  ownservice::OwnAddress own_address;         // of the API server
  std::string dns_address;                    // of the Service kube-dns; empty: none is kept
  const pki::Key* token_key = nullptr;        // signs what Secrets of accounts hold; null: nothing
  const pki::Authority* authority = nullptr;  // null: nothing is signed or published
  // Whether serving certificates of nodes are approved where all they name is the node's own.
  bool approves_serving = false;
  pki::Names server_names;                         // of the API server's own certificate: no node's
  int64_t signing_seconds = int64_t{365} * 86400;  // the longest life of what is signed
};

struct Context {
  const watch::Cache& cache;
  control::Client& client;
  control::Recorder& recorder;
  const base::Clock& clock;
  const Settings& settings;
};

}  // namespace keelson::controllers
