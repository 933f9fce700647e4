// SPDX-License-Identifier: Apache-2.0
#include "cli/runtime.h"

#include <sys/socket.h>

#include "cli/node.h"
#include "lib/os/socket.h"

namespace keelson::cli {

Runtime::Runtime(const std::string& endpoint) : socket_(SocketPath(endpoint)), client_(runtime_client::ConnectRuntime("unix://" + socket_)) {}

base::Error Runtime::ForPeople(const base::Error& error) const {
  // A runtime that answers may itself find something unavailable: a registry, say.
  if (error.code() != base::Code::kUnavailable || os::ConnectUnix(socket_, SOCK_STREAM).ok()) return error;
  return NoAnswer("keelson-runtime", socket_, "--runtime-socket", error.message());
}

base::Status Runtime::Answers() {
  // gRPC would try for a while where a plain connection knows at once.
  if (const auto connected = os::ConnectUnix(socket_, SOCK_STREAM); !connected.ok()) {
    return NoAnswer("keelson-runtime", socket_, "--runtime-socket", connected.error().message());
  }
  if (const auto version = client_->Version(); !version.ok()) return ForPeople(version.error());
  return {};
}

}  // namespace keelson::cli
