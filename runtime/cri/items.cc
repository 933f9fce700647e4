// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/items.h"

#include <mutex>

#include "cri-api/cri.h"
#include "cri-api/stats.pb.h"
#include "runtime/cri/convert.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

using container::ContainerState;
using container::SandboxState;

namespace {

template <typename ProtoMap>
Labels LabelsOf(const ProtoMap& labels) {
  return Labels(labels.begin(), labels.end());
}

}  // namespace

SandboxItemPtr Runtime::ItemOf(const Sandbox& sandbox) const {
  if (sandbox.item) return sandbox.item;
  const SandboxView& view = sandbox.view;
  auto item = std::make_shared<SandboxItem>();
  item->id = view.record.id;
  item->ready = view.record.state == SandboxState::kReady;
  item->labels = LabelsOf(view.config.labels());
  item->bytes = ToListItem(view).SerializeAsString();
  cri::PodSandboxStats stats;
  cri::PodSandboxAttributes& attributes = *stats.mutable_attributes();
  attributes.set_id(view.record.id);
  *attributes.mutable_metadata() = view.config.metadata();
  *attributes.mutable_labels() = view.config.labels();
  *attributes.mutable_annotations() = view.config.annotations();
  item->attributes = stats.SerializeAsString();
  if (item->ready) {
    auto target = std::make_shared<stats::PodTarget>();
    target->id = item->id;
    // The group above its containers', whoever made it.
    const base::Result<std::string> path =
        d_.pod_groups->PathOf(view.config.linux().cgroup_parent(), item->id, item->id);
    if (path.ok()) target->cgroup_path = path->substr(0, path->find_last_of('/'));
    const cri::NamespaceOption& namespaces =
        view.config.linux().security_context().namespace_options();
    if (namespaces.network() != cri::NODE) target->netns_path = PinDir() + "/" + item->id;
    target->names = {view.config.metadata().name(), view.config.metadata().namespace_(), "", ""};
    target->labels = item->labels;
    target->attributes = item->attributes;
    item->target = std::move(target);
  }
  sandbox.item = item;
  return item;
}

ContainerItemPtr Runtime::ItemOf(const Container& container) const {
  if (container.item) return container.item;
  const ContainerView& view = container.view;
  const cri::Container listed = ToListItem(view);
  auto item = std::make_shared<ContainerItem>();
  item->id = view.record.id;
  item->sandbox_id = view.record.sandbox_id;
  item->state = listed.state();
  item->labels = LabelsOf(view.config.labels());
  item->bytes = listed.SerializeAsString();
  cri::ContainerStats stats;
  cri::ContainerAttributes& attributes = *stats.mutable_attributes();
  attributes.set_id(view.record.id);
  *attributes.mutable_metadata() = view.config.metadata();
  *attributes.mutable_labels() = view.config.labels();
  *attributes.mutable_annotations() = view.config.annotations();
  item->attributes = stats.SerializeAsString();
  if (view.record.state == ContainerState::kRunning) {
    auto target = std::make_shared<stats::ContainerTarget>();
    target->id = item->id;
    target->sandbox_id = item->sandbox_id;
    target->cgroup_path = view.record.cgroup_path;
    target->writable_layer = ContainerDir(item->id) + "/diff";
    target->pid = view.record.pid;
    target->started_at = view.record.started_at;
    target->names.container = view.config.metadata().name();
    target->names.image = view.record.image_ref;
    if (const auto sandbox = sandboxes_.find(item->sandbox_id); sandbox != sandboxes_.end()) {
      const cri::PodSandboxMetadata& pod = sandbox->second->view.config.metadata();
      target->names.pod = pod.name();
      target->names.pod_namespace = pod.namespace_();
    }
    target->labels = item->labels;
    target->attributes = item->attributes;
    item->target = std::move(target);
  }
  container.item = item;
  return item;
}

std::vector<SandboxItemPtr> Runtime::SandboxItems() const {
  const std::lock_guard lock(mutex_);
  std::vector<SandboxItemPtr> items;
  items.reserve(sandboxes_.size());
  for (const auto& [id, sandbox] : sandboxes_) items.push_back(ItemOf(*sandbox));
  return items;
}

std::vector<ContainerItemPtr> Runtime::ContainerItems() const {
  const std::lock_guard lock(mutex_);
  std::vector<ContainerItemPtr> items;
  items.reserve(containers_.size());
  for (const auto& [id, container] : containers_) {
    if (container->view.record.state != ContainerState::kCreating)
      items.push_back(ItemOf(*container));
  }
  return items;
}

base::Result<SandboxItemPtr> Runtime::GetSandboxItem(const std::string& id) const {
  const SandboxPtr sandbox = FindSandbox(id);
  if (!sandbox) return base::NotFound("no pod sandbox '{}'", id);
  const std::lock_guard lock(mutex_);
  return ItemOf(*sandbox);
}

base::Result<ContainerItemPtr> Runtime::GetContainerItem(const std::string& id) const {
  const ContainerPtr container = FindContainer(id);
  if (!container) return base::NotFound("no container '{}'", id);
  const std::lock_guard lock(mutex_);
  return ItemOf(*container);
}

stats::Targets Runtime::Live() const {
  stats::Targets targets;
  const std::lock_guard lock(mutex_);
  targets.generation = changes_;
  for (const auto& [id, container] : containers_) {
    if (container->view.record.state == ContainerState::kRunning)
      targets.containers.push_back(ItemOf(*container)->target);
  }
  for (const auto& [id, sandbox] : sandboxes_) {
    if (sandbox->view.record.state == SandboxState::kReady)
      targets.pods.push_back(ItemOf(*sandbox)->target);
  }
  return targets;
}

}  // namespace keelson::cri_server
