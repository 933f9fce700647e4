// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/page/read.h"

namespace keelson::page {

using json::Value;

Node NodeOf(const Value& object) {
  Node node;
  node.name = Text(object.At({"metadata", "name"}));
  node.created = Seconds(object.At({"metadata", "creationTimestamp"}));
  node.cordoned = object.At({"spec", "unschedulable"}).AsBool();
  const Value& info = object.At({"status", "nodeInfo"});
  node.version = Text(info.At({"kubeletVersion"}));
  node.kernel = Text(info.At({"kernelVersion"}));
  node.system = Text(info.At({"osImage"}));
  for (const Value& address : object.At({"status", "addresses"}).items())
    if (address.At({"type"}).AsString() == "InternalIP" && node.address.empty())
      node.address = Text(address.At({"address"}));
  for (const Value& condition : object.At({"status", "conditions"}).items())
    node.conditions.push_back({Text(condition.At({"type"})), Text(condition.At({"status"})),
                               Text(condition.At({"reason"})), Text(condition.At({"message"})),
                               Seconds(condition.At({"lastTransitionTime"}))});
  const Value& most = object.At({"status", "allocatable"});
  node.cpu_millis = Amount(most.At({"cpu"})).MilliValue();
  node.memory_bytes = Amount(most.At({"memory"})).Value();
  node.pods = Amount(most.At({"pods"})).Value();
  return node;
}

namespace {

void ReadOwner(const Value& object, std::string& kind, std::string& name) {
  const Value* owner = control::ControllerOf(object);
  if (owner == nullptr) return;
  kind = Text(owner->At({"kind"}));
  name = Text(owner->At({"name"}));
}

std::string Images(const Value& pod_spec) {
  std::vector<std::string> images;
  for (const Value& container : pod_spec.At({"containers"}).items()) {
    if (images.size() == 3) return base::Join(images, ", ") + ", …";
    images.push_back(Text(container.At({"image"}), 160));
  }
  return base::Join(images, ", ");
}

void ReadConditions(const Value& object, Workload& out) {
  for (const Value& condition : object.At({"status", "conditions"}).items()) {
    const std::string& type = condition.At({"type"}).AsString();
    const bool yes = condition.At({"status"}).AsString() == "True";
    const bool no = condition.At({"status"}).AsString() == "False";
    if (type == "Complete" && yes) out.done = true;
    if (type == "Available" && no) {
      out.unavailable_message = Text(condition.At({"message"}));
      out.unavailable_since = Seconds(condition.At({"lastTransitionTime"}));
    }
    if ((type == "Progressing" && no) || (type == "ReplicaFailure" && yes) ||
        (type == "Failed" && yes)) {
      // That pods cannot be made says more than that nothing moves on.
      if (!out.stuck.empty() && type == "Progressing") continue;
      out.stuck = TextOr(condition.At({"reason"}), type);
      out.stuck_message = Text(condition.At({"message"}));
      out.stuck_since = Seconds(condition.At({"lastTransitionTime"}));
    }
  }
}

}  // namespace

Workload WorkloadOf(const Value& object, std::string_view kind) {
  Workload out;
  out.kind = kind;
  out.ns = Text(object.At({"metadata", "namespace"}));
  out.name = Text(object.At({"metadata", "name"}));
  out.created = Seconds(object.At({"metadata", "creationTimestamp"}));
  ReadOwner(object, out.owner_kind, out.owner_name);
  out.images = Images(object.At({"spec", "template", "spec"}));
  const Value& status = object.At({"status"});
  const Value& wanted = object.At({"spec", "replicas"});
  out.wanted = wanted.IsNull() ? 1 : wanted.AsInt();
  out.ready = status.At({"readyReplicas"}).AsInt();
  out.updated = status.At({"updatedReplicas"}).AsInt();
  out.available = status.At({"availableReplicas"}).AsInt();
  if (kind == "DaemonSet") {
    out.wanted = status.At({"desiredNumberScheduled"}).AsInt();
    out.ready = status.At({"numberReady"}).AsInt();
    out.updated = status.At({"updatedNumberScheduled"}).AsInt();
    out.available = status.At({"numberAvailable"}).AsInt();
  } else if (kind == "Job") {
    const Value& completions = object.At({"spec", "completions"});
    out.wanted = completions.IsNull() ? 1 : completions.AsInt();
    out.ready = status.At({"succeeded"}).AsInt();
    out.failed = status.At({"failed"}).AsInt();
    out.updated = out.available = out.ready;
  } else if (kind == "ReplicaSet" || kind == "ReplicationController") {
    out.updated = out.ready;
  }
  ReadConditions(object, out);
  return out;
}

Service ServiceOf(const Value& object) {
  Service out;
  out.ns = Text(object.At({"metadata", "namespace"}));
  out.name = Text(object.At({"metadata", "name"}));
  out.created = Seconds(object.At({"metadata", "creationTimestamp"}));
  const Value& spec = object.At({"spec"});
  out.type = TextOr(spec.At({"type"}), "ClusterIP");
  out.address = Text(spec.At({out.type == "ExternalName" ? "externalName" : "clusterIP"}));
  out.selects = !spec.At({"selector"}).members().empty();
  std::vector<std::string> ports;
  for (const Value& port : spec.At({"ports"}).items()) {
    if (ports.size() == 8) {
      ports.emplace_back("…");
      break;
    }
    std::string text = std::to_string(port.At({"port"}).AsInt());
    if (const int64_t node_port = port.At({"nodePort"}).AsInt(); node_port != 0)
      text += fmt::format(":{}", node_port);
    if (const std::string protocol = TextOr(port.At({"protocol"}), "TCP"); protocol != "TCP")
      text += "/" + protocol;
    ports.push_back(std::move(text));
  }
  out.ports = base::Join(ports, ", ");
  return out;
}

Slice SliceOf(const Value& object) {
  Slice out;
  out.ns = Text(object.At({"metadata", "namespace"}));
  out.service = Text(object.At({"metadata", "labels", "kubernetes.io/service-name"}));
  for (const Value& endpoint : object.At({"endpoints"}).items()) {
    const Value& ready = endpoint.At({"conditions", "ready"});
    ++(ready.IsNull() || ready.AsBool() ? out.ready : out.unready);
  }
  return out;
}

Claim ClaimOf(const Value& object) {
  return {.revision = 0,
          .ns = Text(object.At({"metadata", "namespace"})),
          .name = Text(object.At({"metadata", "name"})),
          .phase = Text(object.At({"status", "phase"})),
          .created = Seconds(object.At({"metadata", "creationTimestamp"}))};
}

Namespace NamespaceOf(const Value& object) {
  Namespace out;
  out.name = Text(object.At({"metadata", "name"}));
  out.deleted = Seconds(object.At({"metadata", "deletionTimestamp"}));
  for (const Value& condition : object.At({"status", "conditions"}).items())
    if (condition.At({"status"}).AsString() == "True")
      out.message = Text(condition.At({"message"}));
  return out;
}

Event EventOf(const Value& object) {
  Event out;
  const Value& about = object.At({"involvedObject"});
  out.ns = Text(about.At({"namespace"}));
  out.kind = Text(about.At({"kind"}));
  out.name = Text(about.At({"name"}));
  out.type = Text(object.At({"type"}));
  out.reason = Text(object.At({"reason"}));
  out.message = Text(object.At({"message"}));
  out.count =
      std::max({object.At({"count"}).AsInt(), object.At({"series", "count"}).AsInt(), int64_t{1}});
  out.at = std::max({Seconds(object.At({"lastTimestamp"})), Seconds(object.At({"eventTime"})),
                     Seconds(object.At({"series", "lastObservedTime"})),
                     Seconds(object.At({"metadata", "creationTimestamp"}))});
  return out;
}

}  // namespace keelson::page
