// SPDX-License-Identifier: Apache-2.0
// The fake's containers, their logs and commands.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "cri-api/client/fake_runtime.h"
#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::cri_client {
namespace {

constexpr int32_t kTerminated = 128 + 15, kKilled = 128 + 9;

}  // namespace

base::Result<std::string> FakeRuntime::CreateContainer(const std::string& sandbox_id,
                                                       const cri::ContainerConfig& config,
                                                       const cri::PodSandboxConfig&) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "CreateContainer", config.metadata().name()));
  const auto sandbox = sandboxes_.find(sandbox_id);
  if (sandbox == sandboxes_.end()) return base::NotFound("no pod sandbox '{}'", sandbox_id);
  if (sandbox->second.status.state() != cri::SANDBOX_READY)
    return base::FailedPrecondition("pod sandbox '{}' is not ready", sandbox_id);
  if (config.metadata().name().empty())
    return base::InvalidArgument("metadata.name: must be given");
  for (const auto& [id, other] : containers_) {
    const cri::ContainerMetadata& metadata = other.status.metadata();
    if (other.sandbox_id == sandbox_id && metadata.name() == config.metadata().name() &&
        metadata.attempt() == config.metadata().attempt()) {
      return base::AlreadyExists("container '{}' of that attempt is there: '{}'", metadata.name(),
                                 id);
    }
  }
  const auto image = std::find_if(images_.begin(), images_.end(), [&](const auto& i) {
    return i.first == config.image().image() || i.second.id() == config.image().image();
  });
  if (image == images_.end())
    return base::NotFound("image '{}' is not here: pull it first", config.image().image());
  const std::string id = fmt::format("{:064x}", next_id_++);
  Container& container = containers_[id];
  container.config = config;
  container.sandbox_id = sandbox_id;
  container.program = ReadProgram({config.command().begin(), config.command().end()});
  if (std::deque<FakeProgram>& script = scripts_[config.metadata().name()]; !script.empty()) {
    container.program = script.front();
    if (script.size() > 1) script.pop_front();
  }
  cri::ContainerStatus& status = container.status;
  status.set_id(id);
  *status.mutable_metadata() = config.metadata();
  status.set_state(cri::CONTAINER_CREATED);
  status.set_created_at(Now());
  *status.mutable_image() = config.image();
  if (!config.image().user_specified_image().empty())
    status.mutable_image()->set_image(config.image().user_specified_image());
  status.set_image_ref(image->second.id());
  status.set_image_id(image->second.id());
  *status.mutable_labels() = config.labels();
  *status.mutable_annotations() = config.annotations();
  *status.mutable_mounts() = config.mounts();
  const std::string& directory = sandbox->second.config.log_directory();
  if (!directory.empty() && !config.log_path().empty())
    status.set_log_path(directory + "/" + config.log_path());
  Emit(cri::CONTAINER_CREATED_EVENT, id, sandbox_id);
  RETURN_IF_ERROR(Leave("CreateContainer"));
  return id;
}

void FakeRuntime::End(Container& container, int32_t code, const std::string& reason,
                      const std::string& message) {
  cri::ContainerStatus& status = container.status;
  status.set_state(cri::CONTAINER_EXITED);
  status.set_finished_at(Now());
  status.set_exit_code(code);
  status.set_reason(!reason.empty() ? reason : code == 0 ? "Completed" : "Error");
  status.set_message(message);
  Emit(cri::CONTAINER_STOPPED_EVENT, status.id(), container.sandbox_id);
}

base::Status FakeRuntime::StartContainer(const std::string& id) {
  Lock lock(mutex_);
  const auto named = containers_.find(id);
  RETURN_IF_ERROR(Enter(lock, "StartContainer",
                        named == containers_.end() ? id : named->second.status.metadata().name()));
  const auto found = containers_.find(id);
  if (found == containers_.end()) return base::NotFound("no container '{}'", id);
  Container& container = found->second;
  cri::ContainerStatus& status = container.status;
  if (status.state() != cri::CONTAINER_CREATED)
    return base::FailedPrecondition("container '{}' was started before", status.metadata().name());
  status.set_started_at(Now());
  if (!container.program.start_error.empty()) {
    End(container, 128, "StartError", container.program.start_error);
    return base::Unknown("start container '{}': {}", status.metadata().name(),
                         container.program.start_error);
  }
  status.set_state(cri::CONTAINER_RUNNING);
  AppendLog(container, container.program.out, "stdout");
  AppendLog(container, container.program.err, "stderr");
  Emit(cri::CONTAINER_STARTED_EVENT, id, container.sandbox_id);
  if (container.program.exit_code) End(container, *container.program.exit_code, "", "");
  return Leave("StartContainer");
}

// The time of grace passes at once: the clock is the test's.
base::Status FakeRuntime::StopContainer(const std::string& id, std::chrono::seconds grace) {
  Lock lock(mutex_);
  const auto named = containers_.find(id);
  RETURN_IF_ERROR(Enter(lock, "StopContainer",
                        (named == containers_.end() ? id : named->second.status.metadata().name()) +
                            " " + std::to_string(grace.count()) + "s"));
  const auto found = containers_.find(id);
  if (found != containers_.end() && found->second.status.state() == cri::CONTAINER_RUNNING) {
    End(found->second,
        grace.count() > 0 && !found->second.program.ignores_term ? kTerminated : kKilled, "", "");
  }
  return Leave("StopContainer");
}

void FakeRuntime::RemoveContainerLocked(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  if (found->second.status.state() == cri::CONTAINER_RUNNING) End(found->second, kKilled, "", "");
  const std::string sandbox_id = found->second.sandbox_id;
  containers_.erase(found);
  Emit(cri::CONTAINER_DELETED_EVENT, id, sandbox_id);
}

base::Status FakeRuntime::RemoveContainer(const std::string& id) {
  Lock lock(mutex_);
  const auto named = containers_.find(id);
  RETURN_IF_ERROR(Enter(lock, "RemoveContainer",
                        named == containers_.end() ? id : named->second.status.metadata().name()));
  RemoveContainerLocked(id);
  return Leave("RemoveContainer");
}

base::Result<std::vector<cri::Container>> FakeRuntime::ListContainers() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ListContainers", ""));
  std::vector<cri::Container> items;
  for (const auto& [id, container] : containers_) {
    cri::Container& item = items.emplace_back();
    item.set_id(id);
    item.set_pod_sandbox_id(container.sandbox_id);
    *item.mutable_metadata() = container.status.metadata();
    *item.mutable_image() = container.config.image();
    item.set_image_ref(container.status.image_ref());
    item.set_image_id(container.status.image_id());
    item.set_state(container.status.state());
    item.set_created_at(container.status.created_at());
    *item.mutable_labels() = container.status.labels();
    *item.mutable_annotations() = container.status.annotations();
  }
  return items;
}
base::Result<cri::ContainerStatus> FakeRuntime::ContainerStatus(const std::string& id) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ContainerStatus", ""));
  const auto found = containers_.find(id);
  if (found == containers_.end()) return base::NotFound("no container '{}'", id);
  return found->second.status;
}

void FakeRuntime::Exit(const std::string& container_id, int32_t code, const std::string& reason,
                       const std::string& message) {
  const Lock lock(mutex_);
  const auto found = containers_.find(container_id);
  if (found != containers_.end() && found->second.status.state() == cri::CONTAINER_RUNNING)
    End(found->second, code, reason, message);
}

// Opened for each line: between renaming and reopening a real runtime writes to the renamed file,
// this one would make a new one.
void FakeRuntime::AppendLog(Container& container, const std::string& text, const char* stream) {
  const std::string& path = container.status.log_path();
  if (path.empty()) return;
  if (!os::MakeDirs(path.substr(0, path.rfind('/')), 0755).ok()) return;
  const base::Result<os::UniqueFd> file = os::Open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
  if (!file.ok()) return;
  const std::string time = base::FormatRfc3339(clock_.WallNanos(), 9);
  for (const std::string_view line : base::Split(text, '\n')) {
    if (!line.empty())
      (void)os::WriteAll(file->get(), fmt::format("{} {} F {}\n", time, stream, line));
  }
}
void FakeRuntime::WriteLog(const std::string& container_id, const std::string& line) {
  const Lock lock(mutex_);
  AppendLog(containers_.at(container_id), line, "stdout");
}
base::Status FakeRuntime::ReopenContainerLog(const std::string& id) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ReopenContainerLog", ""));
  const auto found = containers_.find(id);
  if (found == containers_.end()) return base::NotFound("no container '{}'", id);
  if (found->second.status.state() != cri::CONTAINER_RUNNING)
    return base::FailedPrecondition("container '{}' does not run", id);
  AppendLog(found->second, "", "stdout");
  return Leave("ReopenContainerLog");
}

base::Result<cri::ExecSyncResponse> FakeRuntime::ExecSync(const std::string& id,
                                                          const std::vector<std::string>& command,
                                                          std::chrono::seconds timeout) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ExecSync", ""));
  const auto found = containers_.find(id);
  if (found == containers_.end()) return base::NotFound("no container '{}'", id);
  if (found->second.status.state() != cri::CONTAINER_RUNNING)
    return base::FailedPrecondition("container '{}' does not run", id);
  if (command.empty()) return base::InvalidArgument("cmd: must name a command");
  const FakeProgram program = ReadProgram(command);
  if (!program.exit_code)
    return base::DeadlineExceeded("exec: '{}' did not end within {} s", command[0],
                                  timeout.count());
  cri::ExecSyncResponse response;
  response.set_stdout(program.out);
  response.set_stderr(program.err);
  response.set_exit_code(*program.exit_code);
  return response;
}

}  // namespace keelson::cri_client
