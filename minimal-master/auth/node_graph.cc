// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/node_graph.h"

#include <fmt/core.h>

#include <algorithm>

namespace keelson::auth {
namespace {

std::string Text(const json::Value& value, std::initializer_list<std::string_view> path) {
  return value.At(path).AsString();
}

}  // namespace

std::string NodeGraph::Key(std::string_view resource, std::string_view ns, std::string_view name) {
  return fmt::format("{}/{}/{}", resource, ns, name);
}

void NodeGraph::Set(const std::string& what, const std::string& from, Keys keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const std::unique_lock lock(mutex_);
  Remove(what);
  for (const std::string& key : keys) ++from_[key][from];
  entries_[what] = {from, std::move(keys)};
}

void NodeGraph::Remove(const std::string& what) {
  const auto entry = entries_.find(what);
  if (entry == entries_.end()) return;
  for (const std::string& key : entry->second.keys) {
    const auto from = from_.find(key);
    if (from == from_.end()) continue;
    const auto count = from->second.find(entry->second.from);
    if (count != from->second.end() && --count->second == 0) from->second.erase(count);
    if (from->second.empty()) from_.erase(from);
  }
  entries_.erase(entry);
}

void NodeGraph::SetPod(const json::Value& pod) {
  const std::string ns = Text(pod, {"metadata", "namespace"});
  const std::string name = Text(pod, {"metadata", "name"});
  const std::string node = Text(pod, {"spec", "nodeName"});
  const std::string what = Key("pods", ns, name);
  if (node.empty()) {
    RemovePod(ns, name);
    return;
  }
  Keys keys = {what};
  const auto add = [&](std::string_view resource, const std::string& used) {
    if (!used.empty()) keys.push_back(Key(resource, ns, used));
  };
  // A mirror pod is written by its node: nothing that it names is thereby the node's.
  const json::Value& spec = pod.At({"spec"});
  if (pod.At({"metadata", "annotations", "kubernetes.io/config.mirror"}).IsNull()) {
    add("serviceaccounts", Text(spec, {"serviceAccountName"}));
    for (const json::Value& secret : spec.At({"imagePullSecrets"}).items())
      add("secrets", Text(secret, {"name"}));
    for (const std::string_view list : {"initContainers", "containers", "ephemeralContainers"})
      for (const json::Value& container : spec.At({list}).items()) {
        for (const json::Value& from : container.At({"envFrom"}).items()) {
          add("secrets", Text(from, {"secretRef", "name"}));
          add("configmaps", Text(from, {"configMapRef", "name"}));
        }
        for (const json::Value& env : container.At({"env"}).items()) {
          add("secrets", Text(env, {"valueFrom", "secretKeyRef", "name"}));
          add("configmaps", Text(env, {"valueFrom", "configMapKeyRef", "name"}));
        }
      }
    for (const json::Value& volume : spec.At({"volumes"}).items()) {
      add("secrets", Text(volume, {"secret", "secretName"}));
      add("configmaps", Text(volume, {"configMap", "name"}));
      add("persistentvolumeclaims", Text(volume, {"persistentVolumeClaim", "claimName"}));
      if (!volume.At({"ephemeral"}).IsNull())
        add("persistentvolumeclaims", name + "-" + Text(volume, {"name"}));
      for (const std::string_view kind :
           {"csi", "flexVolume", "cephfs", "rbd", "scaleIO", "iscsi", "storageos"}) {
        add("secrets", Text(volume, {kind, "secretRef", "name"}));
        add("secrets", Text(volume, {kind, "nodePublishSecretRef", "name"}));
      }
      add("secrets", Text(volume, {"azureFile", "secretName"}));
      for (const json::Value& source : volume.At({"projected", "sources"}).items()) {
        add("secrets", Text(source, {"secret", "name"}));
        add("configmaps", Text(source, {"configMap", "name"}));
      }
    }
    for (const json::Value& claim : pod.At({"status", "resourceClaimStatuses"}).items())
      add("resourceclaims", Text(claim, {"resourceClaimName"}));
    for (const json::Value& claim : spec.At({"resourceClaims"}).items())
      add("resourceclaims", Text(claim, {"resourceClaimName"}));
  }
  Set(what, "node/" + node, std::move(keys));
}

void NodeGraph::RemovePod(std::string_view ns, std::string_view name) {
  const std::unique_lock lock(mutex_);
  Remove(Key("pods", ns, name));
}

void NodeGraph::SetVolume(const json::Value& volume) {
  const std::string name = Text(volume, {"metadata", "name"});
  const json::Value& spec = volume.At({"spec"});
  const std::string ns = Text(spec, {"claimRef", "namespace"});
  const std::string claim = Text(spec, {"claimRef", "name"});
  if (claim.empty()) {
    RemoveVolume(name);
    return;
  }
  Keys keys = {Key("persistentvolumes", "", name)};
  const auto secret = [&](std::string_view kind, std::string_view field) {
    const std::string used = Text(spec, {kind, field, "name"});
    const std::string where = Text(spec, {kind, field, "namespace"});
    if (!used.empty()) keys.push_back(Key("secrets", where.empty() ? ns : where, used));
  };
  for (const std::string_view field :
       {"controllerPublishSecretRef", "nodePublishSecretRef", "nodeStageSecretRef",
        "nodeExpandSecretRef", "controllerExpandSecretRef"})
    secret("csi", field);
  for (const std::string_view kind : {"flexVolume", "cephfs", "rbd", "scaleIO", "iscsi"})
    secret(kind, "secretRef");
  Set("volume/" + name, Key("persistentvolumeclaims", ns, claim), std::move(keys));
}

void NodeGraph::RemoveVolume(std::string_view name) {
  const std::unique_lock lock(mutex_);
  Remove("volume/" + std::string(name));
}

void NodeGraph::SetAttachment(const json::Value& attachment) {
  const std::string name = Text(attachment, {"metadata", "name"});
  Set("attachment/" + name, "node/" + Text(attachment, {"spec", "nodeName"}),
      {Key("volumeattachments", "", name)});
}

void NodeGraph::RemoveAttachment(std::string_view name) {
  const std::unique_lock lock(mutex_);
  Remove("attachment/" + std::string(name));
}

void NodeGraph::Clear() {
  const std::unique_lock lock(mutex_);
  entries_.clear();
  from_.clear();
}

bool NodeGraph::Reaches(std::string_view node, std::string_view resource, std::string_view ns,
                        std::string_view name) const {
  const std::string wanted = fmt::format("node/{}", node);
  const std::shared_lock lock(mutex_);
  const auto from = from_.find(Key(resource, ns, name));
  if (from == from_.end()) return false;
  if (from->second.contains(wanted)) return true;
  // One step further: what a claim leads to.
  for (const auto& [source, count] : from->second) {
    const auto claim = from_.find(source);
    if (claim != from_.end() && claim->second.contains(wanted)) return true;
  }
  return false;
}

}  // namespace keelson::auth
