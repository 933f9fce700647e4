// SPDX-License-Identifier: Apache-2.0
// ExecSync, and what every command in a container needs.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "cri-api/cri.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

using base::Error;
using base::Result;
using container::ContainerState;

namespace {

constexpr size_t kExecOutputLimit = 16u << 20;

// Reads both pipes until they end, or until `stop` is raised and nothing more waits in them: a
// grandchild may hold them for ever. Beyond the limit output is read and dropped, so that the
// command goes on.
void ReadOutputs(int out, int err, int stop, ExecOutput& into) {
  pollfd items[3] = {{out, POLLIN, 0}, {err, POLLIN, 0}, {stop, POLLIN, 0}};
  std::string* const texts[2] = {&into.out, &into.err};
  char buffer[65536];
  bool stopped = false;
  while (items[0].fd >= 0 || items[1].fd >= 0) {
    const int ready = poll(items, 3, stopped ? 0 : -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return;
    bool progress = false;
    for (int i = 0; i < 2; ++i) {
      if (items[i].fd < 0 || items[i].revents == 0) continue;
      progress = true;
      const ssize_t n = read(items[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        texts[i]->append(buffer,
                         std::min(static_cast<size_t>(n), kExecOutputLimit - texts[i]->size()));
      } else if (n == 0 || errno != EINTR) {
        items[i].fd = -1;
      }
    }
    if (items[2].revents != 0) {
      stopped = true;
      items[2].fd = -1;
    } else if (stopped && !progress) {
      return;
    }
  }
}

}  // namespace

Result<ExecOutput> Runtime::ExecSync(const std::string& id, const std::vector<std::string>& command,
                                     std::chrono::seconds timeout, std::stop_token stop) {
  ASSIGN_OR_RETURN(const ContainerView view, GetContainer(id));
  if (view.record.state != ContainerState::kRunning)
    return base::FailedPrecondition("container '{}' does not run", id);
  if (command.empty()) return base::InvalidArgument("cmd: must name a command");
  const SandboxPtr sandbox = FindSandbox(view.record.sandbox_id);
  if (!sandbox) return base::NotFound("the pod sandbox of container '{}' is gone", id);
  {
    const std::lock_guard lock(mutex_);
    if (sandbox->execs >= kMostExecs)
      return base::ResourceExhausted("exec: {} commands run in this pod already", kMostExecs);
    ++sandbox->execs;
  }
  Result<ExecOutput> output = ExecNow(view, command, timeout, stop);
  const std::lock_guard lock(mutex_);
  --sandbox->execs;
  return output;
}

Result<monitor::ExecRequest> Runtime::ExecRequestFor(
    const ContainerView& view, const std::vector<std::string>& command) const {
  ASSIGN_OR_RETURN(const SandboxView pod, GetSandbox(view.record.sandbox_id));
  ASSIGN_OR_RETURN(container::Plan plan, PlanOf(view, pod));
  monitor::ExecRequest request;
  request.container_id = view.record.id;
  request.process = std::move(plan.spec.process);
  request.process.args = command;
  request.process.terminal = false;
  if (plan.seccomp == container::Plan::Seccomp::kRuntimeDefault) {
    ASSIGN_OR_RETURN(const seccomp::Program program,
                     d_.seccomp.For(request.process.capabilities.bounding));
    request.process.seccomp_program = *program;
  } else if (plan.seccomp == container::Plan::Seccomp::kLocalhost) {
    ASSIGN_OR_RETURN(request.process.seccomp_program,
                     os::ReadFile(ContainerDir(view.record.id) + "/seccomp").WithContext("exec"));
  }
  return request;
}

Result<ExecOutput> Runtime::ExecNow(const ContainerView& view,
                                    const std::vector<std::string>& command,
                                    std::chrono::seconds timeout, const std::stop_token& stop) {
  const std::string& id = view.record.id;
  const std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(view.record.sandbox_id);
  if (!monitor) return base::Unavailable("the pod of container '{}' has no monitor", id);
  ASSIGN_OR_RETURN(monitor::ExecRequest request, ExecRequestFor(view, command));
  request.stop = stop;
  request.timeout = timeout;
  ASSIGN_OR_RETURN(os::Pipe out, os::CreatePipe());
  ASSIGN_OR_RETURN(os::Pipe err, os::CreatePipe());
  request.out = std::move(out.write_end);
  request.err = std::move(err.write_end);
  const os::UniqueFd over(eventfd(0, EFD_CLOEXEC));
  if (!over) return Error::FromErrno(errno, "eventfd");
  ExecOutput output;
  std::thread reader(
      [&] { ReadOutputs(out.read_end.get(), err.read_end.get(), over.get(), output); });
  operations::Stage("waiting for the command");
  const Result<monitor::ExecResult> result = monitor->Exec(std::move(request));
  const uint64_t one = 1;
  (void)!write(over.get(), &one, sizeof one);
  reader.join();
  if (!result.ok()) return result.error().WithContext("exec");
  if (stop.stop_requested()) return base::Cancelled("exec: nobody waits for '{}'", command[0]);
  if (result->timed_out)
    return base::DeadlineExceeded("exec: '{}' did not end within {} s", command[0],
                                  timeout.count());
  output.exit_code = result->exit_code;
  return output;
}

}  // namespace keelson::cri_server
