// SPDX-License-Identifier: Apache-2.0
// keelson-log: one per pod. Reads the pipes of the pod's containers and never waits for a disk
// while doing so; the writing half has its own thread. Descriptor 3 is the connection to the
// monitor, kept open by the anchor when the monitor dies: then this process goes on as if nothing
// had happened. It ends when both are gone.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "runtime/log/log_process.h"

int main() {
  using namespace keelson;
  constexpr int kMonitorSocket = 3;
  (void)signal(SIGPIPE, SIG_IGN);
  (void)prctl(PR_SET_NAME, "keelson-log");
  base::Result<std::unique_ptr<os::EventLoop>> loop = os::EventLoop::Create();
  if (!loop.ok()) return 1;
  {
    log::LogProcess process(**loop, kMonitorSocket);
    if (!(*loop)->Watch(kMonitorSocket, EPOLLIN, [&](uint32_t) { process.OnMonitor(); }).ok())
      return 1;
    (*loop)->Run();
  }
  return 0;
}
