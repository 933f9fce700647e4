// SPDX-License-Identifier: Apache-2.0
#include "cri-api/client/fake_runtime.h"

#include <algorithm>

namespace keelson::cri_client {

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

}  // namespace keelson::cri_client
