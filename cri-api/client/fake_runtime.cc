// SPDX-License-Identifier: Apache-2.0
#include "cri-api/client/fake_runtime.h"

#include <fcntl.h>
#include <fmt/chrono.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::cri_client {
namespace {

constexpr int32_t kTerm = 128 + 15, kKill = 128 + 9;

std::string NameOf(const cri::PodSandboxMetadata& metadata) {
  return metadata.namespace_() + "/" + metadata.name();
}

bool Same(const cri::PodSandboxMetadata& a, const cri::PodSandboxMetadata& b) {
  return a.name() == b.name() && a.namespace_() == b.namespace_() && a.uid() == b.uid() &&
         a.attempt() == b.attempt();
}

}  // namespace

// --- injection
base::Status FakeRuntime::Enter(Lock& lock, const std::string& call, const std::string& subject,
                                const std::stop_token& stop) {
  ++counts_[call];
  if (!subject.empty()) calls_.push_back(call + " " + subject);
  Injected& injected = injected_[call];
  if (!changed_.wait(lock, stop, [&] { return injected.held == 0; }))
    return base::Cancelled("{} was called off", call);
  if (injected.errors.empty()) return {};
  base::Error error = injected.errors.front();
  injected.errors.pop_front();
  return error;
}

base::Status FakeRuntime::Leave(const std::string& call) {
  Injected& injected = injected_[call];
  if (injected.lost_answers == 0) return {};
  --injected.lost_answers;
  return base::Unavailable("the answer to {} was lost", call);
}

void FakeRuntime::FailNext(const std::string& call, base::Error error, int times) {
  const Lock lock(mutex_);
  injected_[call].errors.insert(injected_[call].errors.end(), static_cast<size_t>(times), error);
}
void FakeRuntime::LoseAnswer(const std::string& call, int times) {
  const Lock lock(mutex_);
  injected_[call].lost_answers += times;
}
void FakeRuntime::Hold(const std::string& call) {
  const Lock lock(mutex_);
  ++injected_[call].held;
}
void FakeRuntime::Release(const std::string& call) {
  const Lock lock(mutex_);
  injected_[call].held = 0;
  changed_.notify_all();
}
void FakeRuntime::SetNetworkReady(bool ready) {
  const Lock lock(mutex_);
  network_ready_ = ready;
}
void FakeRuntime::SetEventsSupported(bool supported) {
  const Lock lock(mutex_);
  events_supported_ = supported;
}
void FakeRuntime::EndEventStreams() {
  const Lock lock(mutex_);
  ++stream_life_;
  changed_.notify_all();
}
void FakeRuntime::Script(const std::string& container_name, std::vector<FakeProgram> programs) {
  const Lock lock(mutex_);
  scripts_[container_name] = {programs.begin(), programs.end()};
}

// --- what a test looks at
std::vector<std::string> FakeRuntime::Calls() const {
  const Lock lock(mutex_);
  return calls_;
}
int FakeRuntime::Count(const std::string& call) const {
  const Lock lock(mutex_);
  const auto found = counts_.find(call);
  return found == counts_.end() ? 0 : found->second;
}
std::string FakeRuntime::ContainerId(const std::string& name) const {
  const Lock lock(mutex_);
  const Container* newest = nullptr;
  for (const auto& [id, container] : containers_) {
    if (container.status.metadata().name() != name) continue;
    if (newest == nullptr || container.status.created_at() > newest->status.created_at())
      newest = &container;
  }
  return newest == nullptr ? "" : newest->status.id();
}
cri::ContainerConfig FakeRuntime::Config(const std::string& container_id) const {
  const Lock lock(mutex_);
  const auto found = containers_.find(container_id);
  return found == containers_.end() ? cri::ContainerConfig() : found->second.config;
}
cri::PodSandboxConfig FakeRuntime::SandboxConfig(const std::string& sandbox_id) const {
  const Lock lock(mutex_);
  const auto found = sandboxes_.find(sandbox_id);
  return found == sandboxes_.end() ? cri::PodSandboxConfig() : found->second.config;
}

// --- time and events
int64_t FakeRuntime::Now() { return last_time_ = std::max(clock_.WallNanos(), last_time_ + 1); }

void FakeRuntime::Emit(cri::ContainerEventType type, const std::string& container_id,
                       const std::string& sandbox_id) {
  cri::ContainerEventResponse event;
  event.set_container_id(container_id);
  event.set_container_event_type(type);
  event.set_created_at(Now());
  if (const auto sandbox = sandboxes_.find(sandbox_id); sandbox != sandboxes_.end())
    *event.mutable_pod_sandbox_status() = sandbox->second.status;
  for (const auto& [id, container] : containers_) {
    if (container.sandbox_id == sandbox_id) *event.add_containers_statuses() = container.status;
  }
  for (std::deque<cri::ContainerEventResponse>* watcher : watchers_) watcher->push_back(event);
  changed_.notify_all();
}

base::Status FakeRuntime::WatchEvents(
    std::stop_token stop, const std::function<void(const cri::ContainerEventResponse&)>& on_event) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "GetContainerEvents", "", stop));
  if (!events_supported_) return base::Unimplemented("no events here");
  std::deque<cri::ContainerEventResponse> queue;
  const auto place = watchers_.insert(watchers_.end(), &queue);
  const uint64_t life = stream_life_;
  while (changed_.wait(lock, stop, [&] { return !queue.empty() || stream_life_ != life; })) {
    if (queue.empty()) break;
    const cri::ContainerEventResponse event = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    on_event(event);
    lock.lock();
  }
  watchers_.erase(place);
  if (stream_life_ != life && !stop.stop_requested())
    return base::Unavailable("the event stream broke off");
  return {};
}

// --- the runtime as a whole
base::Result<cri::VersionResponse> FakeRuntime::Version() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "Version", ""));
  cri::VersionResponse response;
  response.set_version("0.1.0");
  response.set_runtime_name("fake");
  response.set_runtime_version("1");
  response.set_runtime_api_version("v1");
  return response;
}
base::Result<cri::StatusResponse> FakeRuntime::Status() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "Status", ""));
  cri::StatusResponse response;
  for (const char* type : {"RuntimeReady", "NetworkReady"}) {
    cri::RuntimeCondition& condition = *response.mutable_status()->add_conditions();
    condition.set_type(type);
    condition.set_status(type == std::string("RuntimeReady") || network_ready_);
    if (condition.status()) continue;
    condition.set_reason("NetworkNotReady");
    condition.set_message("there is no network yet");
  }
  return response;
}
base::Result<cri::RuntimeConfigResponse> FakeRuntime::RuntimeConfig() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "RuntimeConfig", ""));
  cri::RuntimeConfigResponse response;
  response.mutable_linux()->set_cgroup_driver(cri::CGROUPFS);
  return response;
}
base::Status FakeRuntime::UpdateRuntimeConfig(const std::string& pod_cidr) {
  Lock lock(mutex_);
  return Enter(lock, "UpdateRuntimeConfig", pod_cidr);
}

// --- sandboxes
base::Result<std::string> FakeRuntime::RunPodSandbox(const cri::PodSandboxConfig& config,
                                                     const std::string& handler) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "RunPodSandbox", config.metadata().name()));
  const cri::PodSandboxMetadata& metadata = config.metadata();
  if (metadata.name().empty() || metadata.uid().empty() || metadata.namespace_().empty()) {
    return base::InvalidArgument("metadata: name, uid and namespace must be given");
  }
  if (!handler.empty() && handler != "fake")
    return base::InvalidArgument("runtime_handler: '{}' is not configured", handler);
  for (const auto& [id, other] : sandboxes_) {
    if (Same(other.status.metadata(), metadata))
      return base::AlreadyExists("pod '{}' of that attempt is there: '{}'", NameOf(metadata), id);
  }
  const uint32_t number = next_id_++;
  const std::string id = fmt::format("{:064x}", number);
  Sandbox& sandbox = sandboxes_[id];
  sandbox.config = config;
  sandbox.status.set_id(id);
  *sandbox.status.mutable_metadata() = metadata;
  sandbox.status.set_state(cri::SANDBOX_READY);
  sandbox.status.set_created_at(Now());
  *sandbox.status.mutable_labels() = config.labels();
  *sandbox.status.mutable_annotations() = config.annotations();
  sandbox.status.set_runtime_handler(handler);
  const cri::NamespaceOption& namespaces = config.linux().security_context().namespace_options();
  *sandbox.status.mutable_linux()->mutable_namespaces()->mutable_options() = namespaces;
  if (namespaces.network() != cri::NODE)
    sandbox.status.mutable_network()->set_ip(
        fmt::format("10.88.{}.{}", number / 250, number % 250 + 1));
  RETURN_IF_ERROR(Leave("RunPodSandbox"));
  return id;
}

void FakeRuntime::StopSandboxLocked(Sandbox& sandbox) {
  for (auto& [id, container] : containers_) {
    if (container.sandbox_id == sandbox.status.id() &&
        container.status.state() == cri::CONTAINER_RUNNING)
      End(container, kKill, "", "");
  }
  sandbox.status.set_state(cri::SANDBOX_NOTREADY);
}
void FakeRuntime::LoseSandbox(const std::string& sandbox_id) {
  const Lock lock(mutex_);
  StopSandboxLocked(sandboxes_.at(sandbox_id));
}

base::Status FakeRuntime::StopPodSandbox(const std::string& id) {
  Lock lock(mutex_);
  const auto found = sandboxes_.find(id);
  RETURN_IF_ERROR(Enter(lock, "StopPodSandbox",
                        found == sandboxes_.end() ? id : found->second.status.metadata().name()));
  if (const auto still = sandboxes_.find(id); still != sandboxes_.end())
    StopSandboxLocked(still->second);
  return Leave("StopPodSandbox");
}

base::Status FakeRuntime::RemovePodSandbox(const std::string& id) {
  Lock lock(mutex_);
  const auto found = sandboxes_.find(id);
  RETURN_IF_ERROR(Enter(lock, "RemovePodSandbox",
                        found == sandboxes_.end() ? id : found->second.status.metadata().name()));
  if (const auto still = sandboxes_.find(id); still != sandboxes_.end()) {
    StopSandboxLocked(still->second);
    std::vector<std::string> ids;
    for (const auto& [container_id, container] : containers_) {
      if (container.sandbox_id == id) ids.push_back(container_id);
    }
    for (const std::string& container_id : ids) RemoveContainerLocked(container_id);
    sandboxes_.erase(id);
  }
  return Leave("RemovePodSandbox");
}

base::Result<cri::PodSandboxStatus> FakeRuntime::PodSandboxStatus(const std::string& id) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "PodSandboxStatus", ""));
  const auto found = sandboxes_.find(id);
  if (found == sandboxes_.end()) return base::NotFound("no pod sandbox '{}'", id);
  return found->second.status;
}
base::Result<std::vector<cri::PodSandbox>> FakeRuntime::ListPodSandboxes() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ListPodSandbox", ""));
  std::vector<cri::PodSandbox> items;
  for (const auto& [id, sandbox] : sandboxes_) {
    cri::PodSandbox& item = items.emplace_back();
    item.set_id(id);
    *item.mutable_metadata() = sandbox.status.metadata();
    item.set_state(sandbox.status.state());
    item.set_created_at(sandbox.status.created_at());
    *item.mutable_labels() = sandbox.status.labels();
    *item.mutable_annotations() = sandbox.status.annotations();
    item.set_runtime_handler(sandbox.status.runtime_handler());
  }
  return items;
}

// --- containers
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
    End(found->second, grace.count() > 0 && !found->second.program.ignores_term ? kTerm : kKill, "",
        "");
  }
  return Leave("StopContainer");
}

void FakeRuntime::RemoveContainerLocked(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  if (found->second.status.state() == cri::CONTAINER_RUNNING) End(found->second, kKill, "", "");
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
  Container& container = containers_.at(container_id);
  if (container.status.state() == cri::CONTAINER_RUNNING) End(container, code, reason, message);
}

// --- logs and commands
// Opened for each line: between renaming and reopening a real runtime writes to the renamed file,
// this one would make a new one.
void FakeRuntime::AppendLog(Container& container, const std::string& text, const char* stream) {
  const std::string& path = container.status.log_path();
  if (path.empty()) return;
  if (!os::MakeDirs(path.substr(0, path.rfind('/')), 0755).ok()) return;
  const base::Result<os::UniqueFd> file = os::Open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
  if (!file.ok()) return;
  const int64_t now = clock_.WallNanos();
  const std::string time =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z",
                  fmt::gmtime(static_cast<time_t>(now / 1'000'000'000)), now % 1'000'000'000);
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

// --- images
void FakeRuntime::AddImage(const std::string& reference, const std::string& user) {
  const Lock lock(mutex_);
  cri::Image& image = images_[reference];
  if (image.id().empty()) image.set_id(fmt::format("sha256:{:064x}", next_id_++));
  image.clear_repo_tags();
  image.add_repo_tags(reference);
  image.set_size(1u << 20);
  image.mutable_spec()->set_image(image.id());
  if (const std::optional<uint64_t> uid = base::ParseUint64(user); uid || user.empty()) {
    image.mutable_uid()->set_value(static_cast<int64_t>(uid.value_or(0)));
  } else {
    image.set_username(user);
  }
}
void FakeRuntime::Publish(const std::string& reference) {
  const Lock lock(mutex_);
  published_.insert(reference);
}

void FakeRuntime::Publish(const std::string& reference, const std::string& user) {
  Publish(reference);
  const Lock lock(mutex_);
  private_[reference] = user;
}

base::Result<std::string> FakeRuntime::PullImage(const cri::ImageSpec& image,
                                                 const cri::AuthConfig* auth,
                                                 const cri::PodSandboxConfig&,
                                                 std::stop_token stop) {
  {
    Lock lock(mutex_);
    RETURN_IF_ERROR(Enter(lock, "PullImage", image.image(), stop));
    if (!published_.contains(image.image()))
      return base::NotFound("pull '{}': no registry has it", image.image());
    const std::string user = auth != nullptr ? auth->username() : "";
    if (const auto owner = private_.find(image.image());
        owner != private_.end() && owner->second != user) {
      return base::PermissionDenied("pull '{}': not for {}", image.image(),
                                    user.empty() ? "strangers" : user);
    }
  }
  AddImage(image.image());
  Lock lock(mutex_);
  RETURN_IF_ERROR(Leave("PullImage"));
  return images_[image.image()].id();
}
base::Result<cri::ImageStatusResponse> FakeRuntime::ImageStatus(const std::string& reference) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ImageStatus", ""));
  cri::ImageStatusResponse response;
  for (const auto& [name, image] : images_) {
    if (name == reference || image.id() == reference) *response.mutable_image() = image;
  }
  return response;
}
base::Result<std::vector<cri::Image>> FakeRuntime::ListImages() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ListImages", ""));
  std::vector<cri::Image> out;
  for (const auto& [name, image] : images_) out.push_back(image);
  return out;
}
base::Status FakeRuntime::RemoveImage(const std::string& reference) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "RemoveImage", reference));
  std::erase_if(images_, [&](const auto& image) {
    return image.first == reference || image.second.id() == reference;
  });
  return Leave("RemoveImage");
}
base::Result<cri::ImageFsInfoResponse> FakeRuntime::ImageFsInfo() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ImageFsInfo", ""));
  cri::ImageFsInfoResponse response;
  cri::FilesystemUsage& usage = *response.add_image_filesystems();
  usage.set_timestamp(Now());
  usage.mutable_fs_id()->set_mountpoint("/");
  usage.mutable_used_bytes()->set_value(images_.size() << 20);
  return response;
}

}  // namespace keelson::cri_client
