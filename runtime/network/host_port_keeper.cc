// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/host_port_keeper.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/kernel/netlink/flows.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"

namespace keelson::network {

using base::Result;
using base::Status;

namespace {

bool HasDatagrams(const HostPorts& pod) {
  return std::ranges::any_of(
      pod.ports, [](const PortMapping& mapping) { return mapping.protocol == Protocol::kUdp; });
}

}  // namespace

HostPortKeeper::HostPortKeeper(std::string path, std::vector<FirewallConfig> families)
    : path_(std::move(path)), families_(std::move(families)) {}

void HostPortKeeper::Load() {
  const std::lock_guard lock(mutex_);
  const Result<std::string> bytes = os::ReadFile(path_);
  if (!bytes.ok() && bytes.error().os_errno() == ENOENT) return;
  Result<HostPortTable> decoded =
      bytes.ok() ? DecodeHostPorts(*bytes) : Result<HostPortTable>(bytes.error());
  if (decoded.ok()) {
    table_ = std::move(decoded).value();
    return;
  }
  base::LogError("the record of host ports is unreadable, put aside; running pods lose theirs",
                 {{"path", os::AsidePath(path_)}, {"error", decoded.error()}});
  (void)os::SetAside(path_);
}

Status HostPortKeeper::Save() { return os::WriteFileAtomic(path_, EncodeHostPorts(table_), 0600); }

Status HostPortKeeper::Apply(const HostPortTable& table) const {
  bool loopback = false;
  for (const auto& [id, pod] : table) loopback = loopback || !pod.address4.empty();
  for (const FirewallConfig& family : families_) {
    // After a reboot there is no bridge until the first pod comes, and pods of before have ports
    // here until they are taken away.
    const std::string settings = "/proc/sys/net/ipv4/conf/" + family.bridge;
    if (!family.v6 && loopback && os::Exists(settings)) {
      RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, settings + "/route_localnet", "1")
                          .WithContext("let host ports answer on 127.0.0.1"));
    }
    RETURN_IF_ERROR(
        ApplyHostPorts(family, PlanHostPorts(table, family.bridge, family.subnet, family.v6))
            .WithContext("set up host ports"));
  }
  return base::Ok();
}

// Flows of datagrams that began before the port was the pod's, or while it was.
void HostPortKeeper::ForgetFlowsOf(const HostPorts& pod, bool closing) const {
  for (const FirewallConfig& family : families_) {
    const std::string& address = family.v6 ? pod.address6 : pod.address4;
    const auto outdated = [&](const netlink::Flow& flow) {
      if (flow.protocol != IPPROTO_UDP) return false;
      for (const PortMapping& mapping : pod.ports) {
        if (mapping.protocol == Protocol::kUdp && mapping.host_port == flow.to_port)
          return closing ? flow.answers_from == address : flow.Untranslated();
      }
      return false;
    };
    const Result<int> forgotten = netlink::ForgetFlows(family.v6, outdated);
    if (!forgotten.ok())
      base::LogWarn("clients that are sending to a host port go on where they did",
                    {{"pod", pod.pod}, {"error", forgotten.error()}});
  }
}

Status HostPortKeeper::Reserve(const PodRequest& request) {
  const std::lock_guard lock(mutex_);
  if (request.ports.empty()) return base::Ok();
  RETURN_IF_ERROR(CheckHostPorts(table_, request.sandbox_id, request.ports));
  HostPorts& pod = table_[request.sandbox_id];
  pod.pod = request.name_space + "/" + request.name;
  pod.ports = request.ports;
  return base::Ok();
}

Status HostPortKeeper::Open(const std::string& sandbox_id, const std::string& address4,
                            const std::string& address6) {
  const std::lock_guard lock(mutex_);
  const auto found = table_.find(sandbox_id);
  if (found == table_.end()) return base::Ok();
  found->second.address4 = address4;
  found->second.address6 = address6;
  RETURN_IF_ERROR(Save());
  FAIL_POINT("runtime.network.ports_recorded");
  RETURN_IF_ERROR(Apply(table_));
  if (HasDatagrams(found->second)) ForgetFlowsOf(found->second, false);
  return base::Ok();
}

Status HostPortKeeper::Close(const std::string& sandbox_id) {
  const std::lock_guard lock(mutex_);
  const auto found = table_.find(sandbox_id);
  if (found == table_.end()) return base::Ok();
  HostPortTable without = table_;
  without.erase(sandbox_id);
  RETURN_IF_ERROR(Apply(without));
  FAIL_POINT("runtime.network.port_rules_gone");
  if (HasDatagrams(found->second)) ForgetFlowsOf(found->second, true);
  table_ = std::move(without);
  // A full disk must not keep a pod from ending: the next start gives back what the record still
  // has.
  if (const Status saved = Save(); !saved.ok())
    base::LogError("cannot write that host ports are free again",
                   {{"pod", sandbox_id}, {"error", saved.error()}});
  return base::Ok();
}

std::vector<std::string> HostPortKeeper::Owners() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> owners;
  for (const auto& [id, pod] : table_) owners.push_back(id);
  return owners;
}

std::string HostPortKeeper::Rules(const FirewallConfig& family) {
  const std::lock_guard lock(mutex_);
  return PlanHostPorts(table_, family.bridge, family.subnet, family.v6);
}

bool HostPortKeeper::Empty() {
  const std::lock_guard lock(mutex_);
  return table_.empty();
}

}  // namespace keelson::network
