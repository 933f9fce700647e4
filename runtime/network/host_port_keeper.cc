// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/host_port_keeper.h"

#include <cerrno>
#include <cstdio>

#include "lib/base/log.h"
#include "lib/os/files.h"

namespace keelson::network {

using base::Result;
using base::Status;

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
                 {{"path", path_ + ".bad"}, {"error", decoded.error()}});
  (void)rename(path_.c_str(), (path_ + ".bad").c_str());
}

Status HostPortKeeper::Save() { return os::WriteFileAtomic(path_, EncodeHostPorts(table_), 0600); }

Status HostPortKeeper::Apply(const HostPortTable& table) const {
  bool loopback = false;
  for (const auto& [id, pod] : table) loopback = loopback || !pod.address4.empty();
  for (const FirewallConfig& family : families_) {
    if (!family.v6 && loopback) {
      RETURN_IF_ERROR(
          os::WriteControl(AT_FDCWD, "/proc/sys/net/ipv4/conf/" + family.bridge + "/route_localnet",
                           "1")
              .WithContext("let host ports answer on 127.0.0.1"));
    }
    RETURN_IF_ERROR(
        ApplyHostPorts(family, PlanHostPorts(table, family.bridge, family.subnet, family.v6))
            .WithContext("set up host ports"));
  }
  return base::Ok();
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
  return Apply(table_);
}

Status HostPortKeeper::Close(const std::string& sandbox_id) {
  const std::lock_guard lock(mutex_);
  if (!table_.contains(sandbox_id)) return base::Ok();
  HostPortTable without = table_;
  without.erase(sandbox_id);
  RETURN_IF_ERROR(Apply(without));
  table_ = std::move(without);
  return Save();
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
