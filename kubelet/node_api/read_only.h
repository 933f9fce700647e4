// SPDX-License-Identifier: Apache-2.0
// The node's port for reading (10255): no TLS, nobody is asked who he is, and there is nothing to
// be had but health, pods and figures. Serves from Listen on; what it is given outlives it.
#pragma once

#include <memory>
#include <string>

#include "kubelet/node_api/answers.h"
#include "lib/http/service/server.h"

namespace keelson::node_api {

class ReadOnly {
 public:
  // `offer` without what is for debugging.
  static base::Result<std::unique_ptr<ReadOnly>> Listen(const std::string& endpoint, Views views,
                                                        Offer offer, const base::Clock& clock);
  int port() const { return port_; }

 private:
  ReadOnly() = default;
  std::unique_ptr<Answers> answers_;
  int port_ = 0;
  std::unique_ptr<service::Server> http_;  // last: its threads use the rest
};

}  // namespace keelson::node_api
