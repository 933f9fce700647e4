// SPDX-License-Identifier: Apache-2.0
// gRPC channels to unix sockets, set up as CRI clients do it: 16 MiB messages, reconnect back-off
// from 100 ms to 1 s. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace grpc {
class Channel;
}

namespace keelson::rpc {

constexpr int kMaxMessageBytes = 16 << 20;

// "unix:///run/keelson/cri.sock", "/run/keelson/cri.sock"
std::shared_ptr<grpc::Channel> ConnectUnix(const std::string& endpoint);
// Before a call that should not fail only because nobody was waiting: gRPC works on a connection
// while a call waits on it, else every five seconds, and a call fails at once when there is none.
// Returns as soon as there is a connection, at the latest after `timeout`.
void AwaitConnection(grpc::Channel& channel,
                     std::chrono::milliseconds timeout = std::chrono::milliseconds(500));

}  // namespace keelson::rpc
