// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "runtime/inventory/judgement.h"

namespace keelson::inventory {

using Kind = Remedy::Kind;

namespace {

constexpr char kInMemory[] =
    "keelson-runtime is running and has the list in memory; it drops the entry when it starts";

}  // namespace

void Judgement::Processes() {
  std::set<std::string> watched;
  for (const ProcessFact& process : facts_.things.processes) {
    const std::string thing = fmt::format("{} (pid {})", process.program, process.pid);
    if (process.sandbox_id.empty()) {
      Own("process", thing, kRuntime);
    } else if (owners_.Holds(process.sandbox_id)) {
      watched.insert(process.sandbox_id);
      Own("process", thing, owners_.PodName(process.sandbox_id));
    } else {
      Mend("process", thing, "its pod " + process.sandbox_id.substr(0, 12) + " is not known",
           "end it", {Kind::kEndMonitor, process.sandbox_id, process.pid, process.start_time},
           WhileRunning(
               "keelson-runtime is running and may have the pod in memory: remove the pod"));
    }
  }
  for (const auto& [id, pod] : facts_.after.pods) {
    if (!owners_.IsReady(id) || watched.contains(id)) continue;
    Fault("process", "keelson-monitor of " + id.substr(0, 12), owners_.PodName(id),
          "the pod is ready and has no monitor: nobody sees its containers end",
          "keelson-runtime brings its successor, or stops the pod, when it starts");
  }
}

void Judgement::Mounts() {
  for (const MountFact& mount : facts_.things.mounts) {
    if (mount.path == facts_.run_dir + "/netns") {
      Own("mount", mount.path, kRuntime);
    } else {
      Mend("mount", mount.path,
           fmt::format("a mount ({}) where Keelson makes none", mount.filesystem), "unmount it",
           {.kind = Kind::kUnmount, .target = mount.path});
    }
  }
}

void Judgement::Pins() {
  for (const auto& [id, mounted] : facts_.things.pins) {
    const std::string path = facts_.run_dir + "/netns/" + id;
    if (owners_.Holds(id)) {
      Own("network namespace", path, owners_.PodName(id));
    } else {
      Mend("network namespace", path, "no pod has it", "unpin it",
           {.kind = Kind::kUnpin, .target = path});
    }
  }
  for (const auto& [id, pod] : facts_.after.pods) {
    if (!owners_.IsReady(id) || pod.host_network) continue;
    const auto pin = facts_.things.pins.find(id);
    if (pin != facts_.things.pins.end() && pin->second) continue;
    Fault("network namespace", facts_.run_dir + "/netns/" + id, owners_.PodName(id),
          "the pod is ready and its network namespace is not pinned",
          "stop the pod: its kubelet makes it anew");
  }
  for (const auto& [path, mounted] : facts_.things.plugin_pins) {
    const std::string id = path.substr(path.rfind('/') + 4);  // behind "kl-"
    const std::string holder = owners_.HolderOf(id);
    const auto owed = facts_.after.plugins.lower_bound(id);
    if (!holder.empty()) {
      Own("network namespace", path, owners_.PodName(holder));
    } else if (owed != facts_.after.plugins.end() && owed->first.starts_with(id)) {
      Own("network namespace", path, kOwedDel);
    } else if (facts_.other_nodes) {
      Own("network namespace", path, kAnotherNode);
    } else {
      Mend("network namespace", path, "no pod has it", "unpin it",
           {.kind = Kind::kUnpin, .target = path});
    }
  }
}

void Judgement::Links() {
  for (const LinkFact& link : facts_.things.links) {
    if (link.name == facts_.bridge) {
      Own("link", link.name, kRuntime);
      continue;
    }
    const std::string holder = owners_.HolderOf(std::string_view(link.name).substr(2));
    if (!holder.empty()) {
      Own("link", link.name, owners_.PodName(holder));
    } else if (!link.on_bridge && facts_.other_nodes_in_network) {
      Own("link", link.name, kAnotherNode);
    } else {
      Mend("link", link.name, "no pod has it", "delete it",
           {.kind = Kind::kDeleteLink, .target = link.name});
    }
  }
}

void Judgement::Rules() {
  std::set<std::string> led_to;
  for (const Records* records : {&facts_.before, &facts_.after}) {
    for (const auto& [id, addresses] : records->host_ports)
      led_to.insert(addresses.begin(), addresses.end());
  }
  for (const ChainFact& chain : facts_.things.chains) {
    const std::string thing = fmt::format("{} {} {}", chain.flavour, chain.table, chain.chain);
    if (chain.bridge == facts_.bridge) {
      OwnChain(chain, thing, led_to);
    } else if (std::count(facts_.things.bridges.begin(), facts_.things.bridges.end(),
                          chain.bridge) != 0) {
      Own("rules", thing, "the network of bridge " + chain.bridge);
    } else if (facts_.other_nodes_in_network) {
      Own("rules", thing, kAnotherNode);
    } else {
      Mend("rules", thing, "its bridge " + chain.bridge + " is not there", "remove the chain",
           {.kind = Kind::kRemoveChains, .target = chain.bridge});
    }
  }
}

void Judgement::OwnChain(const ChainFact& chain, const std::string& thing,
                         const std::set<std::string>& led_to) {
  const auto stray =
      std::find_if(chain.targets.begin(), chain.targets.end(),
                   [&](const std::string& target) { return !led_to.contains(target); });
  if (stray == chain.targets.end()) return Own("rules", thing, kRuntime);
  const bool readable = facts_.after.errors.empty();
  Mend("rules", thing, "leads to " + *stray + ", which is no pod's with a host port",
       "write the chain anew", {.kind = Kind::kWriteHostPorts, .target = chain.v6 ? "v6" : "v4"},
       readable ? WhileRunning("keelson-runtime is running and writes the chain anew with the next "
                               "host port, and when it starts")
                : "the record of host ports is unusable");
}

void Judgement::Addresses() {
  for (const auto& [id, address] : facts_.after.addresses) {
    if (owners_.Holds(id)) {
      Own("address", address, owners_.PodName(id));
    } else {
      Mend("address", address, "given to " + id.substr(0, 12) + ", which is not known",
           "take it back", {.kind = Kind::kForgetAddress, .target = id}, WhileRunning(kInMemory));
    }
  }
  for (const auto& [id, addresses] : facts_.after.host_ports) {
    const std::string thing = "of " + id.substr(0, 12);
    if (owners_.Holds(id)) {
      Own("host ports", thing, owners_.PodName(id));
    } else {
      Mend("host ports", thing, "their pod is not known", "close them",
           {.kind = Kind::kForgetHostPorts, .target = id}, WhileRunning(kInMemory));
    }
  }
  for (const auto& [id, error] : facts_.after.plugins) {
    const std::string thing = facts_.state_dir + "/network/cni/" + id;
    if (!error.empty()) {
      Fault("record", thing, owners_.PodName(id), error,
            "keelson-runtime puts it aside when it starts");
    } else if (owners_.Holds(id)) {
      Own("record", thing, owners_.PodName(id));
    } else if (facts_.runs) {
      Own("record", thing, kOwedDel);
    } else {
      Fault("record", thing, kOwedDel, "a DEL is owed to the plugins",
            "keelson-runtime has it done when it starts");
    }
  }
  const bool used = std::any_of(facts_.after.pods.begin(), facts_.after.pods.end(),
                                [this](const auto& pod) { return owners_.Holds(pod.first); });
  for (const auto& [path, error] : facts_.after.errors) {
    Mend("record", path, error, "begin it anew", {.kind = Kind::kRemoveRecord, .target = path},
         facts_.runs ? "keelson-runtime is running and writes it anew with its next change"
         : used      ? "pods use what it speaks of; keelson-runtime puts it aside when it starts"
                     : "");
  }
}

void Judgement::Groups() {
  for (const GroupFact& group : facts_.things.groups) {
    if (owners_.KnowsContainer(group.id)) {
      Own("cgroup", group.path, owners_.ContainerName(group.id));
    } else if (owners_.Holds(group.id)) {
      Own("cgroup", group.path, owners_.PodName(group.id));
    } else if (facts_.other_nodes && group.path.starts_with("/keelson/")) {
      Own("cgroup", group.path, kAnotherNode);
    } else if (!group.processes.empty() && owners_.IsStray(group.id)) {
      Mend("cgroup", group.path, "its container or pod is not known and runs", "end and remove it",
           {.kind = Kind::kEndGroup, .target = group.path});
    } else {
      Mend("cgroup", group.path, "no container and no pod has it", "remove it",
           {.kind = Kind::kRemoveGroup, .target = group.path},
           group.processes.empty()
               ? ""
               : fmt::format("{} process(es) live in it, pid {} the first: only an empty one is "
                             "removed",
                             group.processes.size(), group.processes.front()));
    }
  }
}

}  // namespace keelson::inventory
