// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/program/run.h"

#include <linux/capability.h>
#include <signal.h>

#include <cstdio>

#include "lib/base/log.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "lib/log/log.h"
#include "minimal-master/program/master.h"

namespace keelson::program {
namespace {

// What is waited for in one place.
sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// Until a signal comes; certificates are looked at in between.
void WaitForEnd(Master& master) {
  const sigset_t signals = OurSignals();
  const timespec hour{3600, 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &hour);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) master.ReopenLogs();
    const base::Result<bool> renewed = master.RenewCertificates();
    if (!renewed.ok()) {
      base::LogError("certificates were not renewed, trying again in an hour",
                     {{"error", renewed.error()}});
    } else if (*renewed) {
      base::LogInfo("certificates were renewed");
    }
  }
}

base::Status Serve(const Options& options) {
  const base::SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<Master> master, Master::Open(options, clock));
  ASSIGN_OR_RETURN(const int port, master->Start());
  base::LogInfo("the API is served", {{"address", options.address}, {"port", port}});
  WaitForEnd(*master);
  master->Stop();
  return base::Ok();
}

base::Status Tell(const base::Result<std::string>& done, const char* what) {
  if (!done.ok()) return done.error();
  std::printf("%s: %s\n", what, done->c_str());
  return base::Ok();
}

base::Status Do(const Options& options) {
  switch (options.task) {
    case Task::kBackUp:
      return Tell(store::BackUp(options.store, options.backup, base::SystemClock()), "backed up");
    case Task::kRestore:
      return Tell(store::Restore(options.store, options.backup), "restored");
    case Task::kServe:
      break;
  }
  return Serve(options);
}

}  // namespace

int Run(const Options& options) {
  signal(SIGPIPE, SIG_IGN);
  // Before any thread is made, so that all inherit it: signals are waited for in one place.
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (!log::LogToStandardError("info").ok()) return 2;
  // Files of whoever keeps its certificates and its store, low ports: nothing else of root's.
  base::Status status =
      capabilities::KeepOnly(uint64_t{1} << CAP_NET_BIND_SERVICE | uint64_t{1} << CAP_DAC_OVERRIDE |
                             uint64_t{1} << CAP_FOWNER | uint64_t{1} << CAP_CHOWN);
  if (status.ok()) status = Do(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "keelson-master: %s\n", status.error().message().c_str());
  return 1;
}

}  // namespace keelson::program
