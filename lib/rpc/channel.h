// SPDX-License-Identifier: Apache-2.0
// gRPC channels to unix sockets, set up as CRI clients do it: 16 MiB messages, reconnect back-off from 100 ms to 3 s. Any thread.
#pragma once

#include <memory>
#include <string>

namespace grpc {
class Channel;
}

namespace keelson::rpc {

constexpr int kMaxMessageBytes = 16 << 20;

// "unix:///run/keelson/cri.sock", "/run/keelson/cri.sock"
std::shared_ptr<grpc::Channel> ConnectUnix(const std::string& endpoint);

}  // namespace keelson::rpc
