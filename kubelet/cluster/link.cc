// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/link.h"

#include <set>

#include "lib/base/log.h"

namespace keelson::cluster {
namespace {

bool IsOfApi(const kube::Pod& pod) {
  const auto source = pod.metadata.annotations.find("kubernetes.io/config.source");
  return source != pod.metadata.annotations.end() && source->second == "api";
}
status::PodKey KeyOf(const kube::Pod& pod) {
  return {pod.metadata.namespace_name, pod.metadata.name, pod.metadata.uid};
}
// What only this node's own journal tells.
bool IsPrivate(const std::string& reason) {
  static const std::set<std::string> kPrivate = {"Adopted", "Orphaned", "Gone", "Completed"};
  return kPrivate.contains(reason);
}

}  // namespace

Link::Link(kube::Api& api, const base::Clock& clock, ApiObjects& objects, Settings settings)
    : api_(api),
      clock_(clock),
      objects_(objects),
      settings_(std::move(settings)),
      writer_(api),
      events_(api, clock, settings_.node.name),
      mirrors_(api, settings_.node.name,
               [this](const status::PodKey& key, json::Value status) {
                 writer_.Want(key, std::move(status));
               }),
      keeper_(api, clock, settings_.node,
              {.health = settings_.health,
               .changed = [this](const json::Value& node) { NodeChanged(node); },
               .event =
                   [this](const std::string& reason, const std::string& message) {
                     events_.Add({"Node", "", settings_.node.name, settings_.node.name}, false,
                                 reason, message);
                   }},
              settings_.keeper) {}

Link::~Link() {
  if (hold_timer_) api_.loop().CancelTimer(*hold_timer_);
}

void Link::Start(lifecycle::Agent& agent) {
  agent_ = &agent;
  keeper_.Start();
  objects_.Start([this] { Release(false); });
  events_.Add({"Node", "", settings_.node.name, settings_.node.name}, false, "Starting",
              "Starting kubelet.");
  pods_ = std::make_unique<source::ApiSource>(
      api_, settings_.node.name, clock_,
      source::ApiSource::Handler{
          .changed = [this](source::ApiPod pod) { PodChanged(std::move(pod)); },
          .gone = [this](const std::string& uid) { PodGone(uid); },
          .synced =
              [this] {
                synced_ = true;
                mirrors_.Synced();
                Release(false);
              },
          .refused = [this](const json::Value& object,
                            const base::Error& error) { PodRefused(object, error); }});
  pods_->Start();
}

void Link::NodeChanged(const json::Value& node) {
  mirrors_.NodeIs(node.At({"metadata", "uid"}).AsString());
  std::string cidr;
  for (const json::Value& one : node.At({"spec", "podCIDRs"}).items())
    cidr += (cidr.empty() ? "" : ",") + one.AsString();
  if (cidr.empty()) cidr = node.At({"spec", "podCIDR"}).AsString();
  if (cidr.empty() || cidr == pod_cidr_) return;
  pod_cidr_ = cidr;
  base::LogInfo("the node's pods have their addresses from", {{"cidr", cidr}});
  if (settings_.pod_cidr) settings_.pod_cidr(cidr);
}

// --- from the API server
void Link::PodChanged(source::ApiPod pod) {
  const std::string uid = pod.pod.metadata.uid;
  writer_.Known(KeyOf(pod.pod), pod.status, pod.revision);
  known_[uid] = pod.status;
  if (!pod.mirror_of.empty()) {
    return mirrors_.Seen(KeyOf(pod.pod), pod.mirror_of,
                         !pod.pod.metadata.deletion_timestamp.empty());
  }
  const bool ends = !pod.pod.metadata.deletion_timestamp.empty() || status::IsTerminal(pod.status);
  if (!ends) objects_.Want(pod.pod);
  held_.insert_or_assign(uid, std::move(pod));
  Release(false);
}

// Those that need not wait, or all; then, if all that there are were told, that too.
void Link::Release(bool all) {
  for (auto it = held_.begin(); it != held_.end();) {
    const bool ends = !it->second.pod.metadata.deletion_timestamp.empty();
    if (!all && !ends && !objects_.Answered(it->first)) {
      ++it;
      continue;
    }
    source::ApiPod pod = std::move(it->second);
    it = held_.erase(it);
    agent_->SetApiPod(std::move(pod.pod), pod.status);
  }
  if (held_.empty()) {
    if (hold_timer_) api_.loop().CancelTimer(*hold_timer_);
    hold_timer_.reset();
    if (synced_) agent_->ApiSynced();
  } else if (!hold_timer_) {
    hold_timer_ = api_.loop().After(settings_.hold_at_most, [this] {
      hold_timer_.reset();
      Release(true);
    });
  }
}

void Link::PodGone(const std::string& uid) {
  known_.erase(uid);
  writer_.Forget(uid);
  mirrors_.Vanished(uid);
  objects_.Forget(uid);
  held_.erase(uid);
  agent_->RemoveApiPod(uid);
  Release(false);
}

// It never began, so it goes as soon as somebody deletes it.
void Link::PodRefused(const json::Value& object, const base::Error& error) {
  const json::Value& metadata = object.At({"metadata"});
  const status::PodKey key{metadata.At({"namespace"}).AsString(), metadata.At({"name"}).AsString(),
                           metadata.At({"uid"}).AsString()};
  base::LogError("a pod of the cluster is refused",
                 {{"pod", key.ns + "/" + key.name}, {"error", error}});
  writer_.Known(key, object.At({"status"}), metadata.At({"resourceVersion"}).AsString());
  events_.Add({"Pod", key.ns, key.name, key.uid}, true, "FailedValidation",
              "Error validating pod: " + error.message());
  if (!metadata.At({"deletionTimestamp"}).IsNull()) writer_.Finish(key);
}

// --- from the agent
void Link::StatusIs(const kube::Pod& pod, const json::Value& status) {
  if (!IsOfApi(pod)) return mirrors_.StatusIs(pod, status);
  const auto known = known_.find(pod.metadata.uid);
  if (known == known_.end()) return;  // it went from the server before it went from the node
  json::Value gated = status;
  status::ApplyReadinessGates(pod.object.At({"spec"}), known->second, gated);
  writer_.Want(KeyOf(pod), std::move(gated));
}

void Link::Gone(const kube::Pod& pod) {
  if (!IsOfApi(pod)) return mirrors_.Gone(pod);
  if (known_.contains(pod.metadata.uid)) writer_.Finish(KeyOf(pod));
}

void Link::Happened(const kube::Pod& pod, bool warning, const std::string& reason,
                    const std::string& message,
                    const std::map<std::string, std::string>& annotations) {
  if (IsPrivate(reason) || !IsOfApi(pod)) return;
  events_.Add(
      {"Pod", pod.metadata.namespace_name, pod.metadata.name, pod.metadata.uid, annotations},
      warning, reason, message);
}

void Link::HappenedToNode(bool warning, const std::string& reason, const std::string& message) {
  events_.Add({"Node", "", settings_.node.name, settings_.node.name}, warning, reason, message);
}

}  // namespace keelson::cluster
