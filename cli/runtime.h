// SPDX-License-Identifier: Apache-2.0
// The container runtime as the command reaches it, with errors for people. Any CRI v1 runtime
// answers; names of pods and containers come from the labels that every kubelet puts on them.
// Blocks; one thread.
#pragma once

#include <memory>
#include <string>

#include "cri-api/client/runtime_client.h"

namespace keelson::cli {

class Runtime {
 public:
  explicit Runtime(const std::string& endpoint);

  cri_client::RuntimeClient& client() { return *client_; }
  // Says in an Unavailable error what does not answer and what to do; others stay as they are.
  base::Error ForPeople(const base::Error& error) const;
  // Asked first: a runtime that is not there is then told from anything else at once.
  base::Status Answers();
  const std::string& socket() const { return socket_; }

 private:
  const std::string socket_;
  const std::unique_ptr<cri_client::RuntimeClient> client_;
};

}  // namespace keelson::cli
