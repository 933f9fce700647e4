// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/usage/usage.h"

#include <algorithm>

namespace keelson::usage {
namespace {

// Nothing: not read twice, or begun anew in between.
std::optional<Use> Between(const Reading& before, const Reading& last) {
  if (!before.cpu_seconds || !last.cpu_seconds || !last.memory_bytes) return std::nullopt;
  const int64_t millis = last.at_millis - before.at_millis;
  if (millis <= 0 || *last.cpu_seconds < *before.cpu_seconds) return std::nullopt;
  return Use{(*last.cpu_seconds - *before.cpu_seconds) * 1000 / static_cast<double>(millis),
             *last.memory_bytes};
}

std::optional<PodUse> PodBetween(const PodName& pod, const NodeReading& before,
                                 const NodeReading& last) {
  const auto now = last.containers.find(pod);
  const auto then = before.containers.find(pod);
  if (now == last.containers.end() || then == before.containers.end()) return std::nullopt;
  PodUse out{.pod = pod, .containers = {}, .at_millis = INT64_MAX, .window_millis = 0};
  for (const auto& [container, reading] : now->second) {
    const auto old = then->second.find(container);
    const auto use = old == then->second.end() ? std::nullopt : Between(old->second, reading);
    if (!use) return std::nullopt;
    out.containers[container] = *use;
    out.at_millis = std::min(out.at_millis, reading.at_millis);
    out.window_millis = std::max(out.window_millis, reading.at_millis - old->second.at_millis);
  }
  return out;
}

void Date(Reading& reading, int64_t now) {
  if (reading.at_millis == 0) reading.at_millis = now;
}

}  // namespace

void Usage::Put(const std::string& node, NodeReading reading, int64_t now_millis) {
  Date(reading.node, now_millis);
  for (auto& [pod, containers] : reading.containers)
    for (auto& [name, one] : containers) Date(one, now_millis);
  const std::lock_guard lock(mutex_);
  Readings& readings = nodes_[node];
  // The kubelet may tell the same reading twice: the pair would be of no time.
  if (readings.last.node.at_millis == reading.node.at_millis) return;
  for (const auto& [pod, containers] : readings.last.containers) Leave(pod, node);
  readings.before = std::move(readings.last);
  readings.last = std::move(reading);
  for (const auto& [pod, containers] : readings.last.containers) node_of_[pod] = node;
  const auto use = Between(readings.before.node, readings.last.node);
  if (!use) return;
  readings.past.push_back({readings.last.node.at_millis, static_cast<float>(use->cores),
                           static_cast<float>(use->memory_bytes)});
  if (readings.past.size() > kPoints) readings.past.pop_front();
}

// A pod of the same name may be on another node by now.
void Usage::Leave(const PodName& pod, const std::string& node) {
  const auto found = node_of_.find(pod);
  if (found != node_of_.end() && found->second == node) node_of_.erase(found);
}

void Usage::Forget(const std::string& node) {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  for (const auto& [pod, containers] : found->second.last.containers) Leave(pod, node);
  nodes_.erase(found);
}

std::vector<NodeUse> Usage::Nodes(int64_t since_millis) const {
  const std::lock_guard lock(mutex_);
  std::vector<NodeUse> out;
  for (const auto& [name, readings] : nodes_) {
    const auto use = Between(readings.before.node, readings.last.node);
    if (!use || readings.last.node.at_millis < since_millis) continue;
    out.push_back({name, *use, readings.last.node.at_millis,
                   readings.last.node.at_millis - readings.before.node.at_millis});
  }
  return out;
}

std::map<std::string, std::vector<Point>> Usage::Past() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::vector<Point>> out;
  for (const auto& [name, readings] : nodes_)
    out.emplace(name, std::vector<Point>(readings.past.begin(), readings.past.end()));
  return out;
}

std::vector<PodUse> Usage::Pods(int64_t since_millis, const std::string& ns) const {
  const std::lock_guard lock(mutex_);
  std::vector<PodUse> out;
  for (const auto& [pod, node] : node_of_) {
    if (!ns.empty() && pod.ns != ns) continue;
    const Readings& readings = nodes_.at(node);
    auto use = PodBetween(pod, readings.before, readings.last);
    if (use && use->at_millis >= since_millis) out.push_back(*std::move(use));
  }
  return out;
}

std::optional<PodUse> Usage::Pod(int64_t since_millis, const PodName& pod) const {
  const std::lock_guard lock(mutex_);
  const auto node = node_of_.find(pod);
  if (node == node_of_.end()) return std::nullopt;
  const Readings& readings = nodes_.at(node->second);
  auto use = PodBetween(pod, readings.before, readings.last);
  if (!use || use->at_millis < since_millis) return std::nullopt;
  return use;
}

}  // namespace keelson::usage
