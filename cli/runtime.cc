// SPDX-License-Identifier: Apache-2.0
#include "cli/runtime.h"

#include "cli/node.h"

namespace keelson::cli {

Runtime::Runtime(const std::string& endpoint)
    : socket_(SocketPath(endpoint)), client_(cri_client::ConnectRuntime("unix://" + socket_)) {}

base::Error Runtime::ForPeople(const base::Error& error) const {
  if (error.code() != base::Code::kUnavailable) return error;
  // A runtime that can be reached may itself find something unavailable: a registry, say.
  return NoAnswer("keelson-runtime", socket_, "--runtime-socket").value_or(error);
}

base::Status Runtime::Answers() {
  // gRPC would try for a while where a plain connection knows at once.
  if (std::optional<base::Error> error = NoAnswer("keelson-runtime", socket_, "--runtime-socket"))
    return *std::move(error);
  if (const auto version = client_->Version(); !version.ok()) return ForPeople(version.error());
  return {};
}

}  // namespace keelson::cli
