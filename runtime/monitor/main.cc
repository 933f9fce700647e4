// SPDX-License-Identifier: Apache-2.0
// keelson-monitor: started by the anchor, which sends the pod's set-up as the first packet on
// descriptor 3; or by the monitor that it takes the place of, which names the descriptor of what it
// hands over in the environment (upgrade.cc).
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/base/log.h"
#include "lib/os/files.h"
#include "runtime/monitor/monitor.h"

namespace {

using namespace keelson;
using base::Result;
using monitor::Handover;

Result<Handover> ReadHandover(const char* descriptor) {
  const os::UniqueFd state(std::atoi(descriptor));
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadAll(state.get()));
  return monitor::DecodeHandover(bytes);
}

Result<monitor::PodSetup> ReadSetup() {
  while (true) {
    ASSIGN_OR_RETURN(const monitor::Packet packet,
                     monitor::ReceivePacket(monitor::Monitor::kAnchor));
    if (packet.type != monitor::Type::kStartMonitor) continue;
    base::Reader r(packet.payload);
    monitor::PodSetup setup = monitor::GetPodSetup(r);
    if (!r.ok()) return base::DataLoss("the pod's set-up is malformed");
    return setup;
  }
}

base::Status Run(const char* predecessors_state) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  const os::UniqueFd signals(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return base::Error::FromErrno(errno, "signalfd");
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  Handover before;
  if (predecessors_state != nullptr) {
    ASSIGN_OR_RETURN(before, ReadHandover(predecessors_state));
  } else {
    ASSIGN_OR_RETURN(before.setup, ReadSetup());
  }
  monitor::Monitor monitor(*loop, before.setup, signals.get());
  RETURN_IF_ERROR(predecessors_state != nullptr ? monitor.Resume(before) : monitor.Prepare());
  loop->Run();
  return base::Ok();
}

}  // namespace

int main() {
  if (const char* state = getenv(monitor::kTryVariable); state != nullptr)
    return ReadHandover(state).ok() ? monitor::kUnderstood : 1;
  (void)signal(SIGPIPE, SIG_IGN);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (const base::Status status = Run(getenv(monitor::kStateVariable)); !status.ok()) {
    base::LogError("the monitor cannot go on", {{"error", status.error()}});
    return 1;
  }
  return 0;
}
