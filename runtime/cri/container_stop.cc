// SPDX-License-Identifier: Apache-2.0
// StopContainer: the signal, the wait, the kill.

#include "cri-api/cri.h"
#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

using base::Status;
using container::ContainerRecord;
using container::ContainerState;

void Runtime::StopWaiting() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

Status Runtime::AwaitExit(const ContainerPtr& container, base::SteadyTime deadline,
                          bool until_stop) {
  std::unique_lock lock(mutex_);
  const auto over = [&] {
    return container->view.record.state != ContainerState::kRunning &&
           container->view.record.state != ContainerState::kStarting;
  };
  if (changed_.wait_until(lock, deadline, [&] { return (until_stop && stopping_) || over(); })) {
    if (over()) return base::Ok();
    return base::Unavailable("the runtime is stopping; the container's end is not waited for");
  }
  return base::DeadlineExceeded("container '{}' still runs", container->view.record.id);
}

Status Runtime::ReplaceMonitor(const SandboxPtr& sandbox, const monitor::MonitorClient* stuck) {
  if (MonitorOf(sandbox).get() == stuck) {
    const std::string& id = sandbox->view.record.id;
    base::LogWarn("a pod's monitor does not answer, another takes its place", {{"pod", id}});
    RETURN_IF_ERROR(d_.anchor.ReplaceMonitor(id));
  }
  return AdoptSandbox(sandbox);
}

Status Runtime::AskMonitor(const std::string& sandbox_id,
                           const std::function<Status(monitor::MonitorClient&)>& ask) {
  std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(sandbox_id);
  const Status status = monitor ? ask(*monitor) : base::Unavailable("the pod has no monitor");
  const bool stuck = !status.ok() && status.error().code() == base::Code::kDeadlineExceeded;
  if (status.ok() || (!stuck && status.error().code() != base::Code::kUnavailable)) return status;
  const SandboxPtr sandbox = FindSandbox(sandbox_id);
  if (!sandbox) return base::Unavailable("the pod is gone");
  const Status adopted = stuck ? ReplaceMonitor(sandbox, monitor.get()) : AdoptSandbox(sandbox);
  monitor = adopted.ok() ? MonitorOf(sandbox) : nullptr;
  if (!monitor) return base::Unavailable("the pod's monitor has no successor");
  const Status again = ask(*monitor);
  if (!again.ok() && again.error().code() == base::Code::kDeadlineExceeded)
    return base::Unavailable("the pod's monitor and its successor do not answer");
  return again;
}

Status Runtime::KillContainer(const ContainerRecord& record) {
  const Status killed = AskMonitor(record.sandbox_id,
                                   [&](monitor::MonitorClient& m) { return m.KillAll(record.id); });
  if (killed.ok() || killed.error().code() == base::Code::kNotFound) return base::Ok();
  if (killed.error().code() != base::Code::kUnavailable) return killed;
  // Nobody is left who would see it end: its cgroup knows every process.
  RETURN_IF_ERROR(cgroup::Group(d_.cgroups, record.cgroup_path).Kill());
  RecordExit({.container_id = record.id,
              .exit_code = 255,
              .lost = true,
              .finished_at = d_.clock.WallNanos()});
  return base::Ok();
}

Status Runtime::StopContainer(const std::string& id, std::chrono::seconds timeout) {
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::Ok();
  const base::SteadyTime now = base::SystemClock().Steady();
  ContainerRecord record;
  bool send = false;
  {
    std::unique_lock lock(mutex_);
    container->start_unwanted.request_stop();
    // A start under way ends soon, one way or the other; only then there is something to stop.
    changed_.wait_until(lock, now + std::chrono::minutes(1),
                        [&] { return container->view.record.state != ContainerState::kStarting; });
    record = container->view.record;
    if (record.state != ContainerState::kRunning && record.state != ContainerState::kStarting)
      return base::Ok();
    // Once: a retry with a shorter time waits shorter, but programs take a second signal as "at
    // once".
    send = timeout.count() > 0 && !container->stop_sent;
    if (send) container->stop_sent = true;
  }
  if (send) {
    const Status sent = AskMonitor(record.sandbox_id, [&](monitor::MonitorClient& m) {
      return m.Signal(record.id, record.stop_signal);
    });
    FAIL_POINT("runtime.stop.signalled");
    if (!sent.ok() && sent.error().code() != base::Code::kUnavailable) return sent;
    if (!sent.ok()) timeout = std::chrono::seconds(0);  // nobody can ask it politely
  }
  operations::Stage("waiting for the container to end");
  if (timeout.count() > 0) {
    const Status ended = AwaitExit(container, base::SystemClock().Steady() + timeout, true);
    FAIL_POINT("runtime.stop.waited");
    // The time that its program was given is not over because this daemon's is.
    if (ended.ok() || ended.error().code() == base::Code::kUnavailable) return ended;
  }
  operations::Stage("kill");
  RETURN_IF_ERROR(KillContainer(record));
  FAIL_POINT("runtime.stop.killed");
  return AwaitExit(container, base::SystemClock().Steady() + std::chrono::minutes(1));
}

}  // namespace keelson::cri_server
