// SPDX-License-Identifier: Apache-2.0
// The fake's pods.
#include <fmt/format.h>

#include "cri-api/client/fake_runtime.h"

namespace keelson::cri_client {
namespace {

constexpr int32_t kKilled = 128 + 9;

std::string NameOf(const cri::PodSandboxMetadata& metadata) {
  return metadata.namespace_() + "/" + metadata.name();
}

bool Same(const cri::PodSandboxMetadata& a, const cri::PodSandboxMetadata& b) {
  return a.name() == b.name() && a.namespace_() == b.namespace_() && a.uid() == b.uid() &&
         a.attempt() == b.attempt();
}

}  // namespace

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
      End(container, kKilled, "", "");
  }
  sandbox.status.set_state(cri::SANDBOX_NOTREADY);
}
void FakeRuntime::LoseSandbox(const std::string& sandbox_id) {
  const Lock lock(mutex_);
  const auto found = sandboxes_.find(sandbox_id);
  if (found != sandboxes_.end()) StopSandboxLocked(found->second);
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

}  // namespace keelson::cri_client
