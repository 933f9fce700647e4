// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/node_object.h"

#include <algorithm>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"

namespace keelson::node {
namespace {

using json::Value;

constexpr size_t kMostImages = 50;

std::map<std::string, std::string> LabelsOf(const NodeFacts& facts) {
  std::map<std::string, std::string> labels = facts.labels;
  labels["kubernetes.io/hostname"] = facts.name;
  for (const char* prefix : {"kubernetes.io/", "beta.kubernetes.io/"}) {
    labels[std::string(prefix) + "os"] = "linux";
    labels[std::string(prefix) + "arch"] = facts.architecture;
  }
  return labels;
}

Value Map(const std::map<std::string, std::string>& map) {
  Value object = Value::Object();
  for (const auto& [key, value] : map) object.Set(key, Value(value));
  return object;
}

std::string Cpus(int64_t milli) {
  return milli % 1000 == 0 ? std::to_string(milli / 1000) : std::to_string(milli) + "m";
}
std::string Kibibytes(int64_t bytes) { return std::to_string(bytes / 1024) + "Ki"; }

Value Amounts(const node_cgroup::NodeCapacity& of, int64_t pods) {
  Value amounts = Value::Object();
  amounts.Set("cpu", Value(Cpus(of.milli_cpu)));
  if (of.storage_bytes > 0)
    amounts.Set("ephemeral-storage", Value(std::to_string(of.storage_bytes)));
  for (const auto& [resource, bytes] : of.huge_pages)
    amounts.Set(resource, Value(bytes == 0 ? "0" : Kibibytes(bytes)));
  amounts.Set("memory", Value(Kibibytes(of.memory_bytes)));
  amounts.Set("pods", Value(std::to_string(pods)));
  return amounts;
}

Value TaintList(const std::vector<Taint>& taints) {
  Value list = Value::Array();
  for (const Taint& taint : taints) {
    Value one = Value::Object({{"key", Value(taint.key)}});
    if (!taint.value.empty()) one.Set("value", Value(taint.value));
    one.Set("effect", Value(taint.effect));
    list.Append(std::move(one));
  }
  return list;
}

const Value* ConditionOf(const Value& status, const std::string& type) {
  for (const Value& condition : status.At({"conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return &condition;
  }
  return nullptr;
}

Value Condition(const Value& known, const std::string& type, bool holds, const std::string& reason,
                const std::string& message, int64_t now) {
  const std::string status = holds ? "True" : "False", time = base::FormatRfc3339(now);
  const Value* before = ConditionOf(known, type);
  const bool same = before != nullptr && before->At({"status"}).AsString() == status;
  return Value::Object(
      {{"type", Value(type)},
       {"status", Value(status)},
       {"lastHeartbeatTime", Value(time)},
       {"lastTransitionTime", same ? before->At({"lastTransitionTime"}) : Value(time)},
       {"reason", Value(reason)},
       {"message", Value(message)}});
}

Value Images(std::vector<NodeImage> images) {
  std::stable_sort(images.begin(), images.end(),
                   [](const NodeImage& a, const NodeImage& b) { return a.bytes > b.bytes; });
  if (images.size() > kMostImages) images.resize(kMostImages);
  Value list = Value::Array();
  for (const NodeImage& image : images) {
    Value names = Value::Array();
    for (const std::string& name : image.names) names.Append(Value(name));
    list.Append(Value::Object({{"names", std::move(names)}, {"sizeBytes", Value(image.bytes)}}));
  }
  return list;
}

// As it is written: microseconds.
std::string MicroTime(int64_t now) {
  std::string text = base::FormatRfc3339(now);
  text.pop_back();
  return text + fmt::format(".{:06}Z", now / 1000 % 1'000'000);
}

}  // namespace

base::Result<std::vector<Taint>> ParseTaints(const std::string& text) {
  std::vector<Taint> taints;
  for (const std::string_view one : base::Split(text, ',')) {
    if (one.empty()) continue;
    const size_t colon = one.rfind(':');
    if (colon == std::string_view::npos)
      return base::InvalidArgument("taint '{}': expected key=value:effect", one);
    const std::string_view left = one.substr(0, colon), effect = one.substr(colon + 1);
    if (effect != "NoSchedule" && effect != "PreferNoSchedule" && effect != "NoExecute")
      return base::InvalidArgument("taint '{}': no effect is called '{}'", one, effect);
    const size_t equals = left.find('=');
    taints.push_back({std::string(left.substr(0, equals)),
                      equals == std::string_view::npos ? "" : std::string(left.substr(equals + 1)),
                      std::string(effect)});
  }
  return taints;
}

base::Result<std::map<std::string, std::string>> ParseLabels(const std::string& text) {
  std::map<std::string, std::string> labels;
  for (const std::string_view one : base::Split(text, ',')) {
    if (one.empty()) continue;
    const size_t equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return base::InvalidArgument("label '{}': expected key=value", one);
    labels[std::string(one.substr(0, equals))] = std::string(one.substr(equals + 1));
  }
  return labels;
}

Value NodeObject(const NodeFacts& facts) {
  Value metadata = Value::Object({{"name", Value(facts.name)}});
  metadata.Set("labels", Map(LabelsOf(facts)));
  metadata.Set("annotations",
               Map({{"volumes.kubernetes.io/controller-managed-attach-detach", "true"}}));
  Value spec = Value::Object();
  if (!facts.taints.empty()) spec.Set("taints", TaintList(facts.taints));
  return Value::Object({{"apiVersion", Value("v1")},
                        {"kind", Value("Node")},
                        {"metadata", std::move(metadata)},
                        {"spec", std::move(spec)}});
}

std::optional<Value> PlanLabels(const NodeFacts& facts, const Value& node) {
  Value changed = Value::Object();
  for (const auto& [key, value] : LabelsOf(facts)) {
    if (node.At({"metadata", "labels", key}).AsString() != value) changed.Set(key, Value(value));
  }
  if (changed.members().empty()) return std::nullopt;
  return Value::Object({{"metadata", Value::Object({{"labels", std::move(changed)}})}});
}

Value NodeStatus(const NodeFacts& facts, const NodeHealth& health, const Value& known,
                 int64_t now) {
  Value status = Value::Object();
  Value addresses = Value::Array();
  for (const std::string& address : facts.addresses)
    addresses.Append(Value::Object({{"type", Value("InternalIP")}, {"address", Value(address)}}));
  addresses.Append(Value::Object({{"type", Value("Hostname")}, {"address", Value(facts.name)}}));
  status.Set("addresses", std::move(addresses));
  status.Set("capacity", Amounts(facts.capacity, facts.allocatable.pods));
  status.Set("allocatable", Amounts(facts.allocatable, facts.allocatable.pods));
  Value conditions = Value::Array();
  conditions.Append(Condition(
      known, "MemoryPressure", health.memory_pressure,
      health.memory_pressure ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
      health.memory_pressure ? "kubelet has insufficient memory available"
                             : "kubelet has sufficient memory available",
      now));
  conditions.Append(Condition(
      known, "DiskPressure", health.disk_pressure,
      health.disk_pressure ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
      health.disk_pressure ? "kubelet has disk pressure" : "kubelet has no disk pressure", now));
  conditions.Append(
      Condition(known, "PIDPressure", health.pid_pressure,
                health.pid_pressure ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID",
                health.pid_pressure ? "kubelet has insufficient PID available"
                                    : "kubelet has sufficient PID available",
                now));
  const bool ready = health.not_ready.empty();
  const std::string why = health.not_ready.size() == 1
                              ? health.not_ready.front()
                              : "[" + base::Join(health.not_ready, ", ") + "]";
  conditions.Append(Condition(known, "Ready", ready, ready ? "KubeletReady" : "KubeletNotReady",
                              ready ? "kubelet is posting ready status" : why, now));
  status.Set("conditions", std::move(conditions));
  if (facts.kubelet_port > 0) {
    status.Set(
        "daemonEndpoints",
        Value::Object({{"kubeletEndpoint", Value::Object({{"Port", Value(facts.kubelet_port)}})}}));
  }
  status.Set("images", Images(health.images));
  status.Set("nodeInfo", Value::Object({{"machineID", Value(facts.machine_id)},
                                        {"systemUUID", Value(facts.system_uuid)},
                                        {"bootID", Value(facts.boot_id)},
                                        {"kernelVersion", Value(facts.kernel)},
                                        {"osImage", Value(facts.os_image)},
                                        {"containerRuntimeVersion", Value(facts.runtime_version)},
                                        {"kubeletVersion", Value(facts.kubelet_version)},
                                        {"kubeProxyVersion", Value("")},
                                        {"operatingSystem", Value("linux")},
                                        {"architecture", Value(facts.architecture)}}));
  return status;
}

bool Differs(const Value& known, const Value& status) {
  for (const auto& [field, value] : status.members()) {
    if (field != "conditions") {
      if (!(known.At({field}) == value) &&
          !(value.IsArray() && value.items().empty() && known.At({field}).IsNull()))
        return true;
      continue;
    }
    for (const Value& condition : value.items()) {
      const Value* before = ConditionOf(known, condition.At({"type"}).AsString());
      if (before == nullptr) return true;
      for (const char* part : {"status", "reason", "message"}) {
        if (!(before->At({part}) == condition.At({part}))) return true;
      }
    }
  }
  return false;
}

Value StatusPatch(const Value& known, const Value& status) {
  Value patch = status;
  // Addresses are merged by their type, of which there may be several.
  Value& addresses = *patch.Find("addresses");
  if (!(known.At({"addresses"}) == addresses))
    addresses.items().insert(addresses.items().begin(),
                             Value::Object({{"$patch", Value("replace")}}));
  else
    patch.Erase("addresses");
  for (const char* list : {"capacity", "allocatable"}) {
    for (const auto& [resource, amount] : known.At({list}).members()) {
      // Others may count resources of their own; huge pages are ours.
      if (resource.starts_with("hugepages-") && status.At({list, resource}).IsNull())
        patch.Find(list)->Set(resource, Value());
    }
  }
  return Value::Object({{"status", std::move(patch)}});
}

Value LeaseObject(const NodeFacts& facts, const std::string& node_uid, const Value& known,
                  int64_t now) {
  const std::string& node = facts.name;
  Value lease = known;
  lease.Set("apiVersion", Value("coordination.k8s.io/v1"));
  lease.Set("kind", Value("Lease"));
  Value& metadata = lease.Set("metadata", known.At({"metadata"}));
  metadata.Set("name", Value(node));
  metadata.Set("namespace", Value("kube-node-lease"));
  if (!node_uid.empty()) {
    metadata.Set("ownerReferences", Value::Array({Value::Object({{"apiVersion", Value("v1")},
                                                                 {"kind", Value("Node")},
                                                                 {"name", Value(node)},
                                                                 {"uid", Value(node_uid)}})}));
  }
  Value& spec = lease.Set("spec", known.At({"spec"}));
  spec.Set("holderIdentity", Value(node));
  spec.Set("leaseDurationSeconds", Value(facts.lease_seconds));
  spec.Set("renewTime", Value(MicroTime(now)));
  return lease;
}

}  // namespace keelson::node
