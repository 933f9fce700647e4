// SPDX-License-Identifier: Apache-2.0
// keelson-stream without giving up its rights: the form that sanitizers can look at. For tests.
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "lib/os/files.h"
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
  if (!served.ok()) std::fprintf(stderr, "%s\n", served.error().message().c_str());
  return served.ok() ? 0 : 1;
}
