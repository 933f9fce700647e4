// SPDX-License-Identifier: Apache-2.0
#include "oci/container/links.h"

#include <fcntl.h>

#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"

namespace keelson::oci {

using base::Result;
using base::Status;
using netlink::LinkAddress;
using netlink::RouteSocket;

namespace {

Status MoveOne(RouteSocket& host, RouteSocket& inside, int netns, const NetDevice& device) {
  ASSIGN_OR_RETURN(const int index, host.IndexOf(device.name));
  if (index == 0) {
    return base::NotFound("link not found for interface {} on runtime namespace", device.name);
  }
  ASSIGN_OR_RETURN(const std::vector<LinkAddress> addresses, host.ListAddresses());
  RETURN_IF_ERROR(host.SetDown(index));
  RETURN_IF_ERROR(host.MoveLink(index, netns, device.inside));
  ASSIGN_OR_RETURN(const int there, inside.IndexOf(device.inside));
  for (LinkAddress address : addresses) {
    if (address.link != index || !address.global || !address.permanent) continue;
    address.link = there;
    RETURN_IF_ERROR(inside.AddAddress(address));
  }
  return inside.SetUp(there);
}

}  // namespace

Status MoveLinks(const std::vector<NetDevice>& devices, pid_t process) {
  if (devices.empty()) return base::Ok();
  ASSIGN_OR_RETURN(const os::UniqueFd netns,
                   os::Open(fmt::format("/proc/{}/ns/net", process), O_RDONLY));
  ASSIGN_OR_RETURN(RouteSocket host, RouteSocket::Open());
  ASSIGN_OR_RETURN(RouteSocket inside, RouteSocket::OpenIn(netns.get()));
  for (const NetDevice& device : devices) {
    RETURN_IF_ERROR(
        MoveOne(host, inside, netns.get(), device).WithContext("linux.netDevices: " + device.name));
  }
  return base::Ok();
}

}  // namespace keelson::oci
