// SPDX-License-Identifier: Apache-2.0
#include "runtime/inventory/owners.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::inventory {

using container::SandboxState;

namespace {

const PodFact* FindPod(const Facts& facts, const std::string& id) {
  for (const Records* records : {&facts.after, &facts.before}) {
    const auto found = records->pods.find(id);
    if (found != records->pods.end()) return &found->second;
  }
  return nullptr;
}

const ContainerFact* FindContainer(const Facts& facts, const std::string& id) {
  for (const Records* records : {&facts.after, &facts.before}) {
    const auto found = records->containers.find(id);
    if (found != records->containers.end()) return &found->second;
  }
  return nullptr;
}

std::string Short(const std::string& id) {
  const size_t from = id.starts_with("sha256:") ? 7 : 0;
  return id.substr(from, 12);
}

}  // namespace

Owners::Owners(const Facts& facts) : facts_(facts) {
  for (const ProcessFact& process : facts.things.processes) alive_.insert(process.sandbox_id);
  for (const GroupFact& group : facts.things.groups) {
    if (!group.processes.empty()) alive_.insert(group.id);
  }
  for (const Records* records : {&facts.before, &facts.after}) {
    for (const auto& [id, pod] : records->pods) {
      if (!IsLost(id, pod.error) && (!pod.error.empty() || pod.state != SandboxState::kStopped))
        holders_.insert(id);
    }
  }
  FollowImages(facts.before);
  FollowImages(facts.after);
}

// Nothing is made of something before its record is written. What an unusable one names is its own
// for as long as somebody knows it or it lives.
bool Owners::IsLost(const std::string& id, const std::string& error) const {
  return error == kNoRecord || (!error.empty() && !facts_.runs && !alive_.contains(id));
}

void Owners::FollowImages(const Records& records) {
  for (const auto& [file, name] : records.names) {
    if (!name.error.empty()) continue;
    reachable_.insert(name.image_id);
    std::string& shown = image_names_[name.image_id];
    // A tag says more than a digest.
    if (shown.empty() || shown.find('@') != std::string::npos) shown = name.name;
  }
  for (const auto& [id, container] : records.containers) {
    for (const std::string& image : container.images) {
      if (image.empty()) continue;
      reachable_.insert(image);
      const auto found = records.images.find(image);
      if (found == records.images.end() || !found->second.error.empty()) blind_ = ContainerName(id);
    }
    // An unusable record may have led to any image.
    if (!container.error.empty() && container.error != kNoRecord) blind_ = ContainerName(id);
  }
  for (const auto& [id, image] : records.images) {
    if (!image.error.empty() || !reachable_.contains(id)) continue;
    const std::string name = ImageName(id);
    for (const std::string& layer : image.layers) layers_.try_emplace(layer, name);
    blobs_.try_emplace(id, name);
    blobs_.try_emplace(image.manifest, name);
  }
}

std::string Owners::PodName(const std::string& id) const {
  const PodFact* const pod = FindPod(facts_, id);
  if (pod == nullptr || !pod->error.empty()) return "pod " + Short(id);
  return fmt::format("pod {}/{}", pod->name_space, pod->name);
}

std::string Owners::ContainerName(const std::string& id) const {
  const ContainerFact* const container = FindContainer(facts_, id);
  if (container == nullptr || !container->error.empty()) return "container " + Short(id);
  return fmt::format("container {} of {}", container->name, PodName(container->sandbox_id));
}

std::string Owners::ImageName(const std::string& id) const {
  const auto found = image_names_.find(id);
  return "image " + (found == image_names_.end() ? Short(id) : found->second);
}

bool Owners::KnowsPod(const std::string& id) const {
  const PodFact* const pod = FindPod(facts_, id);
  return pod != nullptr && !IsLost(id, pod->error);
}

bool Owners::KnowsContainer(const std::string& id) const {
  const ContainerFact* const container = FindContainer(facts_, id);
  if (container == nullptr || IsLost(id, container->error)) return false;
  return !container->error.empty() || KnowsPod(container->sandbox_id) || facts_.runs;
}

bool Owners::IsStray(const std::string& id) const {
  if (facts_.runs || Holds(id)) return false;
  const ContainerFact* const container = FindContainer(facts_, id);
  if (container != nullptr) return container->error.empty() && !KnowsPod(container->sandbox_id);
  return std::any_of(facts_.things.processes.begin(), facts_.things.processes.end(),
                     [&](const ProcessFact& process) { return process.sandbox_id == id; });
}

bool Owners::Holds(const std::string& pod) const { return holders_.contains(pod); }

std::string Owners::HolderOf(std::string_view prefix) const {
  const auto found = holders_.lower_bound(std::string(prefix));
  return found != holders_.end() && found->starts_with(prefix) ? *found : "";
}

bool Owners::IsReady(const std::string& pod) const {
  for (const Records* records : {&facts_.before, &facts_.after}) {
    const auto found = records->pods.find(pod);
    if (found == records->pods.end() || !found->second.error.empty() ||
        found->second.state != SandboxState::kReady || !found->second.this_boot)
      return false;
  }
  return true;
}

bool Owners::Lives(const std::string& id) const { return alive_.contains(id); }

}  // namespace keelson::inventory
