// SPDX-License-Identifier: Apache-2.0
#include "runtime/fetch/client.h"

#include <sys/socket.h>

#include <csignal>
#include <cstdlib>

#include "lib/os/pipe.h"
#include "lib/os/socket.h"

namespace keelson::fetch {

base::Result<std::unique_ptr<FetchProcess>> FetchProcess::Start(const std::string& program,
                                                                const Config& config) {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  ASSIGN_OR_RETURN(const os::UniqueFd memfd,
                   os::CreateSealedMemfd("keelson-fetch-config", Encode(config)));
  os::SpawnOptions options;
  options.argv = {program};
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                           "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE"}) {
    if (const char* value = std::getenv(name); value != nullptr)
      options.env.push_back(std::string(name) + "=" + value);
  }
  options.fds = {{2, 2}, {pair.second.get(), kRequestSocket}, {memfd.get(), kConfigMemfd}};
  base::Result<os::ChildProcess> child = os::ChildProcess::Spawn(options);
  if (!child.ok()) return child.error().WithContext("start keelson-fetch");
  return std::unique_ptr<FetchProcess>(
      new FetchProcess(std::move(child).value(), std::move(pair.first)));
}

base::Result<Reply> FetchProcess::Run(const Request& request, int sink) {
  ASSIGN_OR_RETURN(const os::UniqueFd reply, Ask(request, sink));
  return Reap(reply);
}

base::Result<os::UniqueFd> FetchProcess::Ask(const Request& request, int sink) {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  const std::lock_guard lock(sending_);
  RETURN_IF_ERROR(os::SendMessage(socket_.get(), Encode(request), {sink, pair.second.get()})
                      .WithContext("ask keelson-fetch"));
  return std::move(pair.first);
}

base::Result<Reply> FetchProcess::Reap(const os::UniqueFd& reply) {
  const base::Result<os::Message> message = os::ReceiveMessage(reply.get());
  if (!message.ok()) return base::Internal("the fetch process ended before it answered");
  return DecodeReply(message->bytes);
}

void FetchProcess::Kill() { (void)os::SignalPidfd(child_.pidfd(), SIGKILL); }

}  // namespace keelson::fetch
