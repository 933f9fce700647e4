// SPDX-License-Identifier: Apache-2.0
// keelson-stream: exec, attach and port-forward for the clients of this node's runtime, which
// starts it with the descriptors of ../protocol.h. It has no flags and no files.
#include <unistd.h>

#include <csignal>

#include "lib/base/log.h"
#include "lib/http/websocket/framing.h"
#include "lib/os/event_loop.h"
#include "lib/os/files.h"
#include "runtime/stream/session/rights.h"
#include "runtime/stream/session/service.h"

namespace keelson::stream {
namespace {

base::Status Serve() {
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadAll(kConfigFd));
  close(kConfigFd);
  ASSIGN_OR_RETURN(Config config, DecodeConfig(bytes));
  std::shared_ptr<TlsContext> tls;
  if (!config.certificate.empty()) {
    ASSIGN_OR_RETURN(tls, TlsContext::Create(config.certificate, config.key));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  (void)websocket::AcceptKey("");  // the library loads what it needs now
  RETURN_IF_ERROR(GiveUpRights());
  Service service(*loop, std::move(config), os::UniqueFd(kListenFd), os::UniqueFd(kControlFd),
                  std::move(tls));
  RETURN_IF_ERROR(service.Start());
  loop->Run();
  return base::Ok();
}

}  // namespace
}  // namespace keelson::stream

int main() {
  signal(SIGPIPE, SIG_IGN);
  const keelson::base::Status served = keelson::stream::Serve();
  if (!served.ok()) keelson::base::LogError("keelson-stream ends", {{"error", served.error()}});
  _exit(served.ok() ? 0 : 1);
}
