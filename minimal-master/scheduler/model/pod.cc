// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/scheduler/model/pod.h"

#include "lib/base/rfc3339.h"

namespace keelson::scheduler::model {
namespace {

using json::Value;

int64_t NanosOf(const Value& time) { return base::ParseRfc3339(time.AsString()).value_or(0); }

void ReadStatus(const Value& status, Pod& pod, Symbols& symbols) {
  const std::string& phase = status.At({"phase"}).AsString();
  pod.over = phase == "Succeeded" || phase == "Failed";
  pod.nominated = symbols.Of(status.At({"nominatedNodeName"}).AsString());
  pod.started = NanosOf(status.At({"startTime"}));
  if (!pod.terminating) return;
  for (const Value& condition : status.At({"conditions"}).items()) {
    if (condition.At({"type"}).AsString() != "DisruptionTarget") continue;
    pod.preempted = condition.At({"status"}).AsString() == "True" &&
                    condition.At({"reason"}).AsString() == "PreemptionByScheduler";
  }
}

void ReadClaims(const Value& spec, Pod& pod) {
  for (const Value& volume : spec.At({"volumes"}).items()) {
    if (const Value* claim = volume.Find("persistentVolumeClaim"); claim != nullptr) {
      pod.claims.push_back({claim->At({"claimName"}).AsString(), false});
    } else if (volume.Find("ephemeral") != nullptr) {
      pod.claims.push_back({pod.name + "-" + volume.At({"name"}).AsString(), true});
    }
  }
}

std::string OwnerOf(const Value& metadata) {
  for (const Value& owner : metadata.At({"ownerReferences"}).items()) {
    if (!owner.At({"controller"}).AsBool()) continue;
    const std::string& kind = owner.At({"kind"}).AsString();
    if (kind == "ReplicaSet" || kind == "StatefulSet" || kind == "ReplicationController")
      return kind + "/" + owner.At({"name"}).AsString();
  }
  return "";
}

}  // namespace

bool Pod::Tolerates(const Taint& taint) const {
  for (const Toleration& toleration : tolerations) {
    if (toleration.Tolerates(taint)) return true;
  }
  return false;
}

const Taint* Pod::Untolerated(const std::vector<Taint>& taints) const {
  for (const Taint& taint : taints) {
    if (taint.effect != Effect::kPreferNoSchedule && !Tolerates(taint)) return &taint;
  }
  return nullptr;
}

std::string NormalizedImage(std::string_view image) {
  const size_t colon = image.rfind(':');
  const size_t slash = image.rfind('/');
  const bool tagged =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return tagged ? std::string(image) : std::string(image) + ":latest";
}

PodRef PodOf(const Value& object, Symbols& symbols) {
  auto pod = std::make_shared<Pod>();
  const Value& metadata = object.At({"metadata"});
  const Value& spec = object.At({"spec"});
  const std::string& ns = metadata.At({"namespace"}).AsString();
  pod->name = metadata.At({"name"}).AsString();
  pod->key = ns + "/" + pod->name;
  pod->uid = metadata.At({"uid"}).AsString();
  pod->ns = symbols.Of(ns);
  pod->node = symbols.Of(spec.At({"nodeName"}).AsString());
  pod->priority = static_cast<int32_t>(spec.At({"priority"}).AsInt());
  pod->created = NanosOf(metadata.At({"creationTimestamp"})) / 1'000'000'000;
  pod->generation = metadata.At({"generation"}).AsInt();
  const std::string& scheduler = spec.At({"schedulerName"}).AsString();
  pod->ours = scheduler.empty() || scheduler == "default-scheduler";
  pod->terminating = metadata.At({"deletionTimestamp"}).IsString();
  pod->gated = !spec.At({"schedulingGates"}).items().empty();
  pod->may_preempt = spec.At({"preemptionPolicy"}).AsString() != "Never";
  pod->labels = Labels(metadata.At({"labels"}), symbols);
  pod->requests = RequestsOf(object, symbols);
  pod->tolerations = TolerationsOf(spec.At({"tolerations"}), symbols);
  pod->nodes = NodeRulesOf(spec, symbols);
  pod->pods = PodRulesOf(object, pod->labels, symbols);
  pod->spreads = SpreadsOf(spec, pod->labels, symbols);
  pod->ports = HostPortsOf(spec, symbols);
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Value& container : spec.At({list}).items())
      pod->images.push_back(symbols.Of(NormalizedImage(container.At({"image"}).AsString())));
  }
  pod->owner = OwnerOf(metadata);
  ReadClaims(spec, *pod);
  ReadStatus(object.At({"status"}), *pod, symbols);
  return pod;
}

}  // namespace keelson::scheduler::model
