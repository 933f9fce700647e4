// SPDX-License-Identifier: Apache-2.0
// From a request to its answer: who it is, whether they may, what it is about, and who answers it.
// Called on the server's worker threads, many at once.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "minimal-master/api/engine.h"
#include "minimal-master/api/visit.h"
#include "minimal-master/api/watch_stream.h"

namespace keelson::api {

// What stands before the engine; chosen by `program`.
struct Gate {
  // Who asks, or why that cannot be said.
  std::function<status::Or<auth::User>(const service::Request&)> authenticate;
  // True, or the refusal.
  std::function<status::Or<bool>(const Route&)> authorize;
};

class Handler {
 public:
  struct Options {
    std::string address;  // "192.0.2.1:6443": where clients of the old discovery are sent
    std::string version = "v1.35.4";
    // Answers what is for nodes (log, exec, proxy and the like); may be empty.
    std::function<void(std::shared_ptr<service::Exchange>, const Route&)> connect;
    // What goes on around every request; may be empty.
    Visitor visit;
    // Paths that are no resources and belong to others (metrics, probes); false: not theirs.
    std::function<bool(service::Exchange&, const Route&)> page;
  };
  Handler(Engine& engine, Watches& watches, Gate gate, Options options)
      : engine_(engine), watches_(watches), gate_(std::move(gate)), options_(std::move(options)) {}

  void Handle(std::shared_ptr<service::Exchange> exchange);

 private:
  Answer Other(const service::Request& request, const Route& route);
  void Resource(const std::shared_ptr<service::Exchange>& exchange, const Route& route);

  Engine& engine_;
  Watches& watches_;
  const Gate gate_;
  const Options options_;
};

}  // namespace keelson::api
