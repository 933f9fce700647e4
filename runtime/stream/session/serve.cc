// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/serve.h"

#include <unistd.h>

#include "lib/http/websocket/framing.h"
#include "lib/os/event_loop.h"
#include "lib/os/files.h"
#include "runtime/stream/session/service.h"

namespace keelson::stream {

base::Status Serve(base::Status (*give_up_rights)()) {
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadAll(kConfigFd));
  close(kConfigFd);
  ASSIGN_OR_RETURN(Config config, DecodeConfig(bytes));
  std::shared_ptr<TlsContext> tls;
  if (!config.certificate.empty()) {
    ASSIGN_OR_RETURN(tls, TlsContext::Create(config.certificate, config.key));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  (void)websocket::AcceptKey("");  // the library loads what it needs now
  RETURN_IF_ERROR(give_up_rights());
  Service service(*loop, std::move(config), os::UniqueFd(kListenFd), os::UniqueFd(kControlFd),
                  std::move(tls));
  RETURN_IF_ERROR(service.Start());
  loop->Run();
  return base::Ok();
}

}  // namespace keelson::stream
