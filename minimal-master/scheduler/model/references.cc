// SPDX-License-Identifier: Apache-2.0
// What pods and nodes refer to: namespaces, owners, budgets, claims.
#include "minimal-master/scheduler/model/cluster.h"

namespace keelson::scheduler::model {
namespace {

using json::Value;

std::string OwnerKey(std::string_view ns, std::string_view kind, std::string_view name) {
  std::string key(ns);
  key.append("/").append(kind).append("/").append(name);
  return key;
}

}  // namespace

void Cluster::PutNamespace(std::string_view name, const Value& labels) {
  namespaces_[symbols_.Of(name)] = Labels(labels, symbols_);
}

const Labels& Cluster::NamespaceLabels(Symbol ns) const {
  static const Labels none;
  const auto found = namespaces_.find(ns);
  return found == namespaces_.end() ? none : found->second;
}

void Cluster::PutSelector(std::string_view kind, std::string_view ns, std::string_view name,
                          const Value* object) {
  const Value* selector = nullptr;
  if (object != nullptr) {
    const Value* spec = object->Find("spec");
    selector = spec == nullptr ? nullptr : spec->Find("selector");
  }
  if (kind == "Service") {
    auto& services = services_[symbols_.Of(ns)];
    if (selector == nullptr || selector->members().empty()) {
      services.erase(std::string(name));
    } else {
      services[std::string(name)] = SelectorOfMap(*selector, symbols_);
    }
    return;
  }
  const std::string key = OwnerKey(ns, kind, name);
  if (selector == nullptr) {
    owners_.erase(key);
  } else {
    owners_[key] = kind == "ReplicationController" ? SelectorOfMap(*selector, symbols_)
                                                   : SelectorOf(selector, symbols_);
  }
}

Selector Cluster::SelectorFor(const Pod& pod) const {
  Selector out;
  const auto services = services_.find(pod.ns);
  if (services != services_.end()) {
    for (const auto& [name, selector] : services->second) {
      if (!selector.Matches(pod.labels)) continue;
      out.all.insert(out.all.end(), selector.all.begin(), selector.all.end());
    }
  }
  if (!pod.owner.empty()) {
    const auto owner = owners_.find(std::string(symbols_.Text(pod.ns)) + "/" + pod.owner);
    if (owner != owners_.end() && !owner->second.nothing)
      out.all.insert(out.all.end(), owner->second.all.begin(), owner->second.all.end());
  }
  return out;
}

void Cluster::PutBudget(const std::string& key, const Value* object) {
  if (object == nullptr) {
    budgets_.erase(key);
    return;
  }
  Budget& budget = budgets_[key];
  budget.ns = symbols_.Of(object->At({"metadata", "namespace"}).AsString());
  const Value* spec = object->Find("spec");
  budget.selector = SelectorOf(spec == nullptr ? nullptr : spec->Find("selector"), symbols_);
  budget.allowed = object->At({"status", "disruptionsAllowed"}).AsInt();
  budget.disrupted.clear();
  for (const auto& [name, time] : object->At({"status", "disruptedPods"}).members())
    budget.disrupted.push_back(name);
}

void Cluster::PutClaim(const std::string& key, const Value* object) {
  if (object == nullptr) {
    claims_.erase(key);
    return;
  }
  ClaimState& claim = claims_[key];
  claim.volume = object->At({"spec", "volumeName"}).AsString();
  claim.bound =
      !claim.volume.empty() &&
      object->At({"metadata", "annotations", "pv.kubernetes.io/bind-completed"}).IsString();
  claim.lost = object->At({"status", "phase"}).AsString() == "Lost";
  // Bound by hand, without the annotation that upstream's controller leaves.
  if (object->At({"status", "phase"}).AsString() == "Bound") claim.bound = true;
  claim.terminating = object->At({"metadata", "deletionTimestamp"}).IsString();
  claim.storage_class = object->At({"spec", "storageClassName"}).AsString();
  claim.owner_uid.clear();
  for (const Value& owner : object->At({"metadata", "ownerReferences"}).items()) {
    if (owner.At({"controller"}).AsBool()) claim.owner_uid = owner.At({"uid"}).AsString();
  }
}

void Cluster::PutVolume(const std::string& name, const Value* object) {
  if (object == nullptr) {
    volumes_.erase(name);
    return;
  }
  Volume volume;
  const Value& required = object->At({"spec", "nodeAffinity", "required"});
  volume.has_terms = required.IsObject();
  for (const Value& term : required.At({"nodeSelectorTerms"}).items())
    volume.terms.push_back(NodeTermOf(term, symbols_));
  volumes_[name] = std::move(volume);
}

void Cluster::PutStorageClass(const std::string& name, const Value* object) {
  if (object == nullptr) {
    classes_.erase(name);
  } else {
    classes_[name] = object->At({"volumeBindingMode"}).AsString() == "WaitForFirstConsumer";
  }
}

const ClaimState* Cluster::FindClaim(const std::string& key) const {
  const auto found = claims_.find(key);
  return found == claims_.end() ? nullptr : &found->second;
}

const Volume* Cluster::FindVolume(const std::string& name) const {
  const auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : &found->second;
}

bool Cluster::WaitsForPod(const std::string& storage_class) const {
  const auto found = classes_.find(storage_class);
  return found != classes_.end() && found->second;
}

}  // namespace keelson::scheduler::model
