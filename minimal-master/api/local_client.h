// SPDX-License-Identifier: Apache-2.0
// The engine for the parts of this process: no sockets, no encoding, nobody is asked whether they
// may; but defaults, validation and admission as for everybody. Thread-safe; blocks until a write
// is durable. `engine` outlives it.
#pragma once

#include "minimal-master/api/engine.h"
#include "minimal-master/control/client.h"

namespace keelson::api {

class LocalClient final : public control::Client {
 public:
  explicit LocalClient(Engine& engine) : engine_(engine) {}
  status::Or<json::Value> Do(std::string_view as, const control::Write& write) override;

 private:
  status::Or<std::string> Run(Call& call, const control::Write& write);
  // As if it had come over the network: what is rare.
  status::Or<std::string> Ask(Call& call);

  Engine& engine_;
};

}  // namespace keelson::api
