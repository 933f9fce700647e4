// SPDX-License-Identifier: Apache-2.0
// keelson-monitor: started by the anchor, which sends the pod's set-up as the first packet on
// descriptor 3.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "lib/base/log.h"
#include "runtime/monitor/monitor.h"

int main() {
  using namespace keelson;
  (void)signal(SIGPIPE, SIG_IGN);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  const os::UniqueFd signals(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  base::Result<monitor::Packet> first = monitor::ReceivePacket(monitor::Monitor::kAnchor);
  base::Result<std::unique_ptr<os::EventLoop>> loop = os::EventLoop::Create();
  if (!signals || !first.ok() || !loop.ok()) return 1;
  base::Reader r(first->payload);
  monitor::PodSetup setup = monitor::GetPodSetup(r);
  if (!r.ok()) return 1;
  monitor::Monitor monitor(**loop, std::move(setup), signals.get());
  if (const base::Status status = monitor.Prepare(); !status.ok()) {
    base::LogError("the monitor cannot start", {{"error", status.error()}});
    return 1;
  }
  (*loop)->Run();
  return 0;
}
