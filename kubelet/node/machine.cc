// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node/machine.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/socket_address.h"
#include "lib/os/unique_fd.h"

namespace keelson::node {
namespace {

// The source address for packets to outside: the kernel's routing decides, nothing is sent by
// connecting a datagram socket.
std::string TowardsOutside() {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const os::SocketAddress outside = *os::SocketAddress::Parse("192.0.2.1:53");  // RFC 5737
  os::SocketAddress own;
  socklen_t length = sizeof own;
  if (connect(socket.get(), &outside.any, outside.size()) != 0 ||
      getsockname(socket.get(), &own.any, &length) != 0 || !own.address())
    return "";
  return own.address()->Text();
}

}  // namespace

std::string NodeName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return base::ToLower(name);
}

std::vector<std::string> NodeAddresses(const std::string& chosen) {
  if (!chosen.empty()) return {chosen};
  if (std::string outside = TowardsOutside(); !outside.empty()) return {outside};
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) == 0) {
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
      if (at->ifa_addr != nullptr && at->ifa_addr->sa_family == AF_INET &&
          (at->ifa_flags & IFF_LOOPBACK) == 0)
        found.push_back(os::SocketAddress{.v4 = *reinterpret_cast<const sockaddr_in*>(at->ifa_addr)}
                            .address()
                            ->Text());
    }
    freeifaddrs(list);
  }
  if (found.empty()) return {"127.0.0.1"};
  found.resize(1);
  return found;
}

base::Result<node_cgroup::NodeCapacity> Capacity(const std::string& huge_pages) {
  struct sysinfo info{};
  if (sysinfo(&info) != 0) return base::Error::FromErrno(errno, "sysinfo");
  node_cgroup::NodeCapacity capacity;
  capacity.milli_cpu = sysconf(_SC_NPROCESSORS_ONLN) * 1000;
  capacity.memory_bytes = static_cast<int64_t>(info.totalram) * info.mem_unit;
  const base::Result<std::vector<os::DirEntry>> pools = os::ListDir(huge_pages);
  for (const os::DirEntry& pool : pools.ok() ? *pools : std::vector<os::DirEntry>()) {
    // "hugepages-2048kB"
    std::string_view size = pool.name;
    if (!size.starts_with("hugepages-") || !size.ends_with("kB")) continue;
    size = size.substr(10, size.size() - 12);
    std::string text = os::ReadFile(huge_pages + "/" + pool.name + "/nr_hugepages").ValueOr("0");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const auto kilobytes = base::ParseUint64(size), pages = base::ParseUint64(text);
    if (!kilobytes || !pages || *kilobytes > (uint64_t{1} << 40)) continue;
    const int64_t bytes = static_cast<int64_t>(*kilobytes) * 1024;
    capacity.huge_pages[node_cgroup::HugePageResource(bytes)] =
        static_cast<int64_t>(*pages) * bytes;
  }
  return capacity;
}

node_cgroup::NodeCapacity Allocatable(const node_cgroup::NodeCapacity& capacity,
                                      const kube::ResourceList& system_reserved,
                                      const kube::ResourceList& kube_reserved, int64_t max_pods,
                                      int64_t pods_per_core) {
  node_cgroup::NodeCapacity left = capacity;
  for (const kube::ResourceList* reserved : {&system_reserved, &kube_reserved}) {
    if (const auto cpu = reserved->find("cpu"); cpu != reserved->end())
      left.milli_cpu -= cpu->second.MilliValue();
    if (const auto memory = reserved->find("memory"); memory != reserved->end())
      left.memory_bytes -= memory->second.Value();
    for (auto& [resource, bytes] : left.huge_pages) {
      if (const auto pages = reserved->find(resource); pages != reserved->end())
        bytes = std::max<int64_t>(bytes - pages->second.Value(), 0);
    }
  }
  left.milli_cpu = std::max<int64_t>(left.milli_cpu, 0);
  left.memory_bytes = std::max<int64_t>(left.memory_bytes, 0);
  left.pods = max_pods;
  if (pods_per_core > 0) left.pods = std::min(max_pods, pods_per_core * capacity.milli_cpu / 1000);
  return left;
}

int64_t WithoutHugePages(int64_t memory, const node_cgroup::NodeCapacity& capacity) {
  for (const auto& [resource, bytes] : capacity.huge_pages) memory -= bytes;
  return std::max<int64_t>(memory, 0);
}

}  // namespace keelson::node
