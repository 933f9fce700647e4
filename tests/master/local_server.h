// SPDX-License-Identifier: Apache-2.0
// The API of the control plane in this process, over a store in memory and without sockets: for
// tests that ask it many questions. Whoever asks is system:masters unless the request says
// otherwise.
#pragma once

#include <memory>
#include <string>

#include "lib/base/clock.h"
#include "tests/master/golden.h"

namespace keelson::golden {

class LocalServer {
 public:
  LocalServer();
  ~LocalServer();
  LocalServer(const LocalServer&) = delete;

  // Blocks until the answer is whole; a watch must have a timeoutSeconds.
  Answer Ask(const Request& request);
  // The bytes of it.
  std::string AskText(const Request& request, int& code);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::golden
