// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/convert.h"

#include "cri-api/cri.h"
#include "lib/base/strings.h"
#include "runtime/container/signal.h"
#include "runtime/container/volumes.h"

namespace keelson::cri_server {
namespace {

cri::PodSandboxState StateOf(const SandboxView& view) {
  return view.record.state == container::SandboxState::kReady ? cri::SANDBOX_READY
                                                              : cri::SANDBOX_NOTREADY;
}

cri::ContainerState StateOf(const ContainerView& view) {
  switch (view.record.state) {
    case container::ContainerState::kCreating:
    case container::ContainerState::kCreated:
    case container::ContainerState::kStarting:
      return cri::CONTAINER_CREATED;
    case container::ContainerState::kRunning:
      return cri::CONTAINER_RUNNING;
    case container::ContainerState::kExited:
    case container::ContainerState::kRemoving:
      return cri::CONTAINER_EXITED;
  }
  return cri::CONTAINER_UNKNOWN;
}

// What a stop sends: the container's own wish, its image's, or SIGTERM.
cri::Signal SignalOf(int number) {
  for (int value = cri::SIGNAL_RUNTIME_DEFAULT + 1; value <= cri::Signal_MAX; ++value) {
    if (container::ParseSignal(cri::Signal_Name(static_cast<cri::Signal>(value))) == number)
      return static_cast<cri::Signal>(value);
  }
  return cri::SIGNAL_RUNTIME_DEFAULT;
}

template <typename Wanted>
bool HasLabels(const Labels& labels, const Wanted& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return true;
}

}  // namespace

cri::PodSandbox ToListItem(const SandboxView& view) {
  cri::PodSandbox item;
  item.set_id(view.record.id);
  *item.mutable_metadata() = view.config.metadata();
  item.set_state(StateOf(view));
  item.set_created_at(view.record.created_at);
  *item.mutable_labels() = view.config.labels();
  *item.mutable_annotations() = view.config.annotations();
  item.set_runtime_handler(view.record.handler);
  return item;
}

cri::PodSandboxStatus ToStatus(const SandboxView& view) {
  cri::PodSandboxStatus status;
  status.set_id(view.record.id);
  *status.mutable_metadata() = view.config.metadata();
  status.set_state(StateOf(view));
  status.set_created_at(view.record.created_at);
  *status.mutable_labels() = view.config.labels();
  *status.mutable_annotations() = view.config.annotations();
  status.set_runtime_handler(view.record.handler);
  *status.mutable_linux()->mutable_namespaces()->mutable_options() =
      view.config.linux().security_context().namespace_options();
  cri::PodSandboxNetworkStatus& network = *status.mutable_network();
  for (size_t i = 0; i < view.record.addresses.size(); ++i) {
    if (i == 0) {
      network.set_ip(view.record.addresses[i]);
    } else {
      network.add_additional_ips()->set_ip(view.record.addresses[i]);
    }
  }
  return status;
}

cri::Container ToListItem(const ContainerView& view) {
  cri::Container item;
  item.set_id(view.record.id);
  item.set_pod_sandbox_id(view.record.sandbox_id);
  *item.mutable_metadata() = view.config.metadata();
  *item.mutable_image() = view.config.image();
  item.set_image_ref(view.record.image_id);
  item.set_image_id(view.record.image_id);
  item.set_state(StateOf(view));
  item.set_created_at(view.record.created_at);
  *item.mutable_labels() = view.config.labels();
  *item.mutable_annotations() = view.config.annotations();
  return item;
}

cri::ContainerStatus ToStatus(const ContainerView& view) {
  const container::ContainerRecord& record = view.record;
  cri::ContainerStatus status;
  status.set_id(record.id);
  *status.mutable_metadata() = view.config.metadata();
  status.set_state(StateOf(view));
  status.set_created_at(record.created_at);
  if (StateOf(view) != cri::CONTAINER_CREATED) status.set_started_at(record.started_at);
  if (StateOf(view) == cri::CONTAINER_EXITED) {
    status.set_finished_at(record.finished_at);
    status.set_exit_code(record.exit_code);
    status.set_reason(record.reason);
    status.set_message(record.message);
  }
  *status.mutable_image() = view.config.image();
  // What the user wrote, as far as it is known; the id is elsewhere.
  status.mutable_image()->set_image(record.image_ref);
  status.set_image_ref(record.image_id);
  status.set_image_id(record.image_id);
  *status.mutable_labels() = view.config.labels();
  *status.mutable_annotations() = view.config.annotations();
  *status.mutable_mounts() = view.config.mounts();
  size_t next = 0;
  for (cri::Mount& mount : *status.mutable_mounts()) {
    if (!container::IsImageVolume(mount) || next >= record.volume_digests.size()) continue;
    mount.mutable_image()->set_image(record.volume_digests[next++]);
    mount.set_readonly(true);
  }
  // The kernel's own values once it has been told any.
  cri::LinuxContainerResources& limits = *status.mutable_resources()->mutable_linux();
  if (record.resources.empty() || !limits.ParseFromString(record.resources))
    limits = view.config.linux().resources();
  cri::LinuxContainerUser& user = *status.mutable_user()->mutable_linux();
  user.set_uid(record.uid);
  user.set_gid(record.gid);
  for (const uint32_t group : record.groups) user.add_supplemental_groups(group);
  status.set_stop_signal(SignalOf(record.stop_signal));
  return status;
}

cri::Image ToImage(const image::Image& image) {
  cri::Image out;
  out.set_id(image.id);
  for (const std::string& tag : image.repo_tags) out.add_repo_tags(tag);
  for (const std::string& digest : image.repo_digests) out.add_repo_digests(digest);
  out.set_size(image.size);
  out.set_pinned(image.pinned);
  // A user that looks like a number is one, everything else is a name; never both.
  const std::string user = image.config.user.substr(0, image.config.user.find(':'));
  if (const std::optional<uint64_t> uid = base::ParseUint64(user); uid && *uid < 0xffffffffu) {
    out.mutable_uid()->set_value(static_cast<int64_t>(*uid));
  } else if (!user.empty()) {
    out.set_username(user);
  } else {
    out.mutable_uid()->set_value(0);
  }
  out.mutable_spec()->set_image(image.id);
  return out;
}

bool Matches(const cri::PodSandboxFilter& filter, const SandboxItem& item) {
  if (!item.id.starts_with(filter.id())) return false;
  if (filter.has_state() && (filter.state().state() == cri::SANDBOX_READY) != item.ready)
    return false;
  return HasLabels(item.labels, filter.label_selector());
}

bool Matches(const cri::ContainerFilter& filter, const ContainerItem& item) {
  if (!item.id.starts_with(filter.id())) return false;
  if (!item.sandbox_id.starts_with(filter.pod_sandbox_id())) return false;
  if (filter.has_state() && filter.state().state() != item.state) return false;
  return HasLabels(item.labels, filter.label_selector());
}

bool Matches(const cri::PodSandboxStatsFilter& filter, const stats::PodTarget& target) {
  return target.id.starts_with(filter.id()) && HasLabels(target.labels, filter.label_selector());
}

bool Matches(const cri::ContainerStatsFilter& filter, const stats::ContainerTarget& target) {
  return target.id.starts_with(filter.id()) &&
         target.sandbox_id.starts_with(filter.pod_sandbox_id()) &&
         HasLabels(target.labels, filter.label_selector());
}

}  // namespace keelson::cri_server
