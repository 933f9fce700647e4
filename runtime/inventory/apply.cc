// SPDX-License-Identifier: Apache-2.0
#include "runtime/inventory/apply.h"

#include <signal.h>
#include <sys/mount.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "runtime/monitor/client.h"
#include "runtime/network/addresses.h"
#include "runtime/network/firewall.h"
#include "runtime/network/host_ports.h"
#include "runtime/network/pod_namespaces.h"
#include "runtime/network/subnets.h"

namespace keelson::inventory {

using base::Error;
using base::Result;
using base::Status;
using Kind = Remedy::Kind;

namespace {

// The anchor would start another in its place; where there is none the process alone is ended.
Status EndMonitor(const Mender& mender, const Remedy& remedy) {
  if (os::Exists(mender.places.run_dir + "/anchor.sock")) {
    ASSIGN_OR_RETURN(const std::unique_ptr<monitor::Anchor> anchor,
                     monitor::ConnectAnchor(
                         {mender.places.run_dir, mender.places.state_dir, mender.binary_dir}));
    RETURN_IF_ERROR(anchor->Drop(remedy.target));
  }
  const Result<os::UniqueFd> process = os::OpenPidfd(remedy.pid);
  if (!process.ok()) return base::Ok();
  if (os::StartTimeOf(remedy.pid).ValueOr(0) != remedy.start_time) return base::Ok();
  const Status killed = os::SignalPidfd(process->get(), SIGKILL);
  return !killed.ok() && killed.error().os_errno() == ESRCH ? base::Ok() : killed;
}

Status RemoveGroup(const Mender& mender, const std::string& path) {
  const cgroup::Group group(mender.places.cgroups, path);
  std::vector<std::string> directories = group.V1Directories();
  if (!group.UnifiedDirectory().empty()) directories.push_back(group.UnifiedDirectory());
  for (const std::string& directory : directories)
    RETURN_IF_ERROR(cgroup::RemoveDirectory(directory, std::chrono::milliseconds(500)));
  return base::Ok();
}

Status ForgetAddress(const std::string& directory, const std::string& id) {
  const std::string path = directory + "/addresses";
  ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(path));
  ASSIGN_OR_RETURN(network::Allocations given, network::DecodeAllocations(bytes));
  given.owners.erase(id);
  return os::WriteFileAtomic(path, network::EncodeAllocations(given), 0600);
}

Status WriteHostPorts(const Mender& mender, const network::HostPortTable& table, bool v6) {
  std::string subnet = mender.subnet;
  if (subnet.empty())
    subnet = base::Trim(os::ReadFile(mender.places.state_dir + "/network/subnet").ValueOr(""));
  ASSIGN_OR_RETURN(const network::PodSubnets subnets, network::ParsePodSubnets(subnet));
  if (v6 ? !subnets.v6.has_value() : !subnets.v4.has_value()) return base::Ok();
  const std::string own =
      v6 ? network::FormatSubnet(*subnets.v6) : network::FormatSubnet(*subnets.v4);
  const network::FirewallConfig config{mender.places.bridge, own, mender.pod_network, v6};
  return network::ApplyHostPorts(config,
                                 network::PlanHostPorts(table, mender.places.bridge, own, v6));
}

Result<network::HostPortTable> ReadHostPorts(const std::string& path) {
  const Result<std::string> bytes = os::ReadFile(path);
  if (!bytes.ok() && bytes.error().code() == base::Code::kNotFound) return network::HostPortTable{};
  if (!bytes.ok()) return bytes.error();
  return network::DecodeHostPorts(*bytes);
}

Status ForgetHostPorts(const Mender& mender, const std::string& id) {
  const std::string path = mender.places.state_dir + "/network/hostports";
  ASSIGN_OR_RETURN(network::HostPortTable table, ReadHostPorts(path));
  table.erase(id);
  // As when a pod goes: the record names at least what is there.
  for (const bool v6 : {false, true}) RETURN_IF_ERROR(WriteHostPorts(mender, table, v6));
  return os::WriteFileAtomic(path, network::EncodeHostPorts(table), 0600);
}

Status Unmount(const std::string& path) {
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL ||
      errno == ENOENT)
    return base::Ok();
  return Error::FromErrno(errno, "unmount '{}'", path);
}

Status DeleteLink(const std::string& name) {
  ASSIGN_OR_RETURN(netlink::RouteSocket socket, netlink::RouteSocket::Open());
  return socket.DeleteLink(name);
}

Status Carry(const Mender& mender, const Remedy& remedy) {
  const std::string network = mender.places.state_dir + "/network";
  switch (remedy.kind) {
    case Kind::kNone:
      return base::Ok();
    case Kind::kEndMonitor:
      return EndMonitor(mender, remedy);
    case Kind::kRemoveTree:
      return os::RemoveTree(remedy.target);
    case Kind::kUnpin: {
      const size_t slash = remedy.target.rfind('/');
      return network::UnpinNamespace(remedy.target.substr(0, slash),
                                     remedy.target.substr(slash + 1));
    }
    case Kind::kUnmount:
      return Unmount(remedy.target);
    case Kind::kDeleteLink:
      return DeleteLink(remedy.target);
    case Kind::kRemoveGroup:
      return RemoveGroup(mender, remedy.target);
    case Kind::kEndGroup:
      return cgroup::Group(mender.places.cgroups, remedy.target).Remove();
    case Kind::kForgetAddress:
      return ForgetAddress(network, remedy.target);
    case Kind::kForgetHostPorts:
      return ForgetHostPorts(mender, remedy.target);
    case Kind::kWriteHostPorts: {
      ASSIGN_OR_RETURN(const network::HostPortTable table, ReadHostPorts(network + "/hostports"));
      return WriteHostPorts(mender, table, remedy.target == "v6");
    }
    case Kind::kRemoveChains:
      for (const bool v6 : {false, true})
        RETURN_IF_ERROR(network::RemoveFirewall({remedy.target, "", "", v6}));
      return base::Ok();
    case Kind::kRemoveRecord:
      return os::RemoveFile(remedy.target);
  }
  return base::Ok();
}

}  // namespace

void Mend(const Mender& mender, std::vector<Judged>& judged) {
  for (Judged& one : judged) {
    if (one.remedy.kind == Kind::kNone) continue;
    const Status done = Carry(mender, one.remedy);
    one.item.mended = done.ok();
    if (!done.ok()) one.item.refused = done.error().message();
  }
}

}  // namespace keelson::inventory
