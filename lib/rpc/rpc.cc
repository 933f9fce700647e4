// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "lib/rpc/channel.h"
#include "lib/rpc/status.h"

namespace keelson::rpc {

grpc::Status ToGrpc(const base::Error& error) {
  return grpc::Status(static_cast<grpc::StatusCode>(error.code()), error.message());
}

base::Error FromGrpc(const grpc::Status& status) {
  const int code = static_cast<int>(status.error_code());
  return base::Error(code >= 1 && code <= 16 ? static_cast<base::Code>(code) : base::Code::kUnknown,
                     status.error_message());
}

std::shared_ptr<grpc::Channel> ConnectUnix(const std::string& endpoint) {
  std::string path = endpoint;
  if (path.starts_with("unix://")) path = path.substr(7);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // This one is really the time that an attempt has: short, and it is given up before anybody looks
  // at its answer.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Servers written in other languages refuse the socket's path as an authority.
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel("unix:" + path, grpc::InsecureChannelCredentials(), arguments);
}

void AwaitConnection(grpc::Channel& channel, std::chrono::milliseconds timeout) {
  if (channel.GetState(true) == GRPC_CHANNEL_READY) return;
  (void)channel.WaitForConnected(std::chrono::system_clock::now() + timeout);
}

}  // namespace keelson::rpc
