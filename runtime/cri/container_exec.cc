// SPDX-License-Identifier: Apache-2.0
// ExecSync, and what every command in a container needs.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "cri-api/cri.h"
#include "lib/base/clock.h"
#include "lib/base/fail_point.h"
#include "lib/base/weakness.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

using base::Result;
using container::ContainerState;

namespace {

// Clients take messages of 16 MiB (upstream's kubelet, crictl); a KiB is for what is around the
// two texts.
constexpr size_t kExecAnswerLimit = (16u << 20) - 1024;

// The beginning of each stays. Each has half of the answer, and what the other leaves.
void CutToFit(std::string& out, std::string& err) {
  const size_t half = kExecAnswerLimit / 2;
  if (out.size() + err.size() <= kExecAnswerLimit || KEELSON_WEAKENED_AT("output-cap")) return;
  out.resize(std::min(out.size(), std::max(half, kExecAnswerLimit - std::min(err.size(), half))));
  err.resize(std::min(err.size(), kExecAnswerLimit - out.size()));
}

// Reads both pipes until they end, or until `answered` is readable and nothing more waits in them:
// a grandchild may hold them for ever. Returns once it is, or after `patience`. Beyond the limit
// output is read and dropped, so that the command goes on.
void ReadOutputs(int out, int err, int answered, std::optional<std::chrono::milliseconds> patience,
                 ExecOutput& into) {
  const base::SteadyTime begin = base::SystemClock().Steady();
  pollfd items[3] = {{out, POLLIN, 0}, {err, POLLIN, 0}, {answered, POLLIN, 0}};
  std::string* const texts[2] = {&into.out, &into.err};
  char buffer[65536];
  bool stopped = false;
  while (items[0].fd >= 0 || items[1].fd >= 0 || items[2].fd >= 0) {
    int wait = stopped ? 0 : -1;
    if (patience && !stopped) {
      const auto left = *patience - std::chrono::duration_cast<std::chrono::milliseconds>(
                                        base::SystemClock().Steady() - begin);
      if (left.count() <= 0) return;
      wait = static_cast<int>(std::min<int64_t>(left.count(), 1'000'000));
    }
    const int ready = poll(items, 3, wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || (ready == 0 && stopped)) return;
    bool progress = false;
    for (int i = 0; i < 2; ++i) {
      if (items[i].fd < 0 || items[i].revents == 0) continue;
      progress = true;
      const ssize_t n = read(items[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        const size_t room =
            KEELSON_WEAKENED_AT("output-cap") ? SIZE_MAX : kExecAnswerLimit - texts[i]->size();
        texts[i]->append(buffer, std::min(static_cast<size_t>(n), room));
      } else if (n == 0 || errno != EINTR) {
        items[i].fd = -1;
      }
    }
    if (items[2].fd >= 0 && items[2].revents != 0) {
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
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::NotFound("no container '{}'", id);
  if (command.empty()) return base::InvalidArgument("cmd: must name a command");
  SandboxPtr sandbox;
  {
    const std::lock_guard lock(mutex_);
    const container::ContainerRecord& record = container->view.record;
    if (record.state != ContainerState::kRunning)
      return base::FailedPrecondition("container '{}' does not run", id);
    const auto found = sandboxes_.find(record.sandbox_id);
    if (found == sandboxes_.end())
      return base::NotFound("the pod sandbox of container '{}' is gone", id);
    sandbox = found->second;
    if (sandbox->execs >= kMostExecs)
      return base::ResourceExhausted("exec: {} commands run in this pod already", kMostExecs);
    ++sandbox->execs;
  }
  Result<ExecOutput> output = ExecNow(container, sandbox, command, timeout, stop);
  const std::lock_guard lock(mutex_);
  --sandbox->execs;
  return output;
}

Result<std::shared_ptr<const spec::Process>> Runtime::CommandOf(
    const ContainerPtr& container) const {
  uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    if (container->command) return container->command;
    generation = changes_;
  }
  ASSIGN_OR_RETURN(const ContainerView view, GetContainer(container->view.record.id));
  ASSIGN_OR_RETURN(const SandboxView pod, GetSandbox(view.record.sandbox_id));
  ASSIGN_OR_RETURN(container::Plan plan, PlanOf(view, pod));
  const auto command = std::make_shared<spec::Process>(std::move(plan.spec.process));
  command->args.clear();
  command->terminal = false;
  if (plan.seccomp == container::Plan::Seccomp::kRuntimeDefault) {
    ASSIGN_OR_RETURN(const seccomp::Program program,
                     d_.seccomp.For(command->capabilities.bounding));
    command->seccomp_program = *program;
  } else if (plan.seccomp == container::Plan::Seccomp::kLocalhost) {
    ASSIGN_OR_RETURN(command->seccomp_program,
                     os::ReadFile(ContainerDir(view.record.id) + "/seccomp").WithContext("exec"));
  }
  const std::lock_guard lock(mutex_);
  if (generation == changes_) container->command = command;  // nothing has changed meanwhile
  return std::shared_ptr<const spec::Process>(command);
}

Result<monitor::ExecRequest> Runtime::ExecRequestFor(
    const ContainerPtr& container, const std::vector<std::string>& command) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const spec::Process> process, CommandOf(container));
  monitor::ExecRequest request;
  request.container_id = container->view.record.id;
  request.process = *process;
  request.process.args = command;
  return request;
}

Result<ExecOutput> Runtime::ExecNow(const ContainerPtr& container, const SandboxPtr& sandbox,
                                    const std::vector<std::string>& command,
                                    std::chrono::seconds timeout, const std::stop_token& stop) {
  const std::string& id = container->view.record.id;
  const std::shared_ptr<monitor::MonitorClient> monitor = MonitorOf(sandbox);
  if (!monitor) return base::Unavailable("the pod of container '{}' has no monitor", id);
  ASSIGN_OR_RETURN(monitor::ExecRequest request, ExecRequestFor(container, command));
  request.stop = stop;
  request.timeout = timeout;
  ASSIGN_OR_RETURN(os::Pipe out, os::CreatePipe());
  ASSIGN_OR_RETURN(os::Pipe err, os::CreatePipe());
  request.out = std::move(out.write_end);
  request.err = std::move(err.write_end);
  FAIL_POINT("runtime.exec.piped");
  ExecOutput output;
  request.meanwhile = [&](int answered, std::optional<std::chrono::milliseconds> patience) {
    ReadOutputs(out.read_end.get(), err.read_end.get(), answered, patience, output);
    FAIL_POINT("runtime.exec.read");
  };
  operations::Stage("waiting for the command");
  const Result<monitor::ExecResult> result = monitor->Exec(std::move(request));
  FAIL_POINT("runtime.exec.ended");
  if (!result.ok() && KEELSON_WEAKENED_AT("exec-leak")) (void)out.read_end.release();
  if (!result.ok()) return result.error().WithContext("exec");
  operations::Within(result->stages);
  if (stop.stop_requested()) return base::Cancelled("exec: nobody waits for '{}'", command[0]);
  if (result->timed_out)
    return base::DeadlineExceeded("exec: '{}' did not end within {} s", command[0],
                                  timeout.count());
  output.exit_code = result->exit_code;
  CutToFit(output.out, output.err);
  return output;
}

}  // namespace keelson::cri_server
