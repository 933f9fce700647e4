// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/etcd/etcd_servers.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::store {
namespace {

// Ports that were free a moment ago: etcd must be told its peers' addresses before they listen.
std::vector<int> FreePorts(size_t count) {
  std::vector<os::UniqueFd> held;
  std::vector<int> ports;
  while (ports.size() < count) {
    os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket.get(), generic, size) != 0) return {};
    if (::getsockname(socket.get(), generic, &size) != 0) return {};
    ports.push_back(ntohs(address.sin_port));
    held.push_back(std::move(socket));
  }
  return ports;
}

}  // namespace

base::Result<EtcdServers> EtcdServers::Start(int members) {
  std::string program;
  for (const char* path : {"/usr/bin/etcd", "/usr/local/bin/etcd"}) {
    if (os::Exists(path)) program = path;
  }
  if (program.empty()) return base::NotFound("no etcd on this machine");
  ASSIGN_OR_RETURN(os::TempDir dir, os::TempDir::Create("keelson-etcd"));
  EtcdServers servers(std::move(dir));
  const auto count = static_cast<size_t>(members);
  const std::vector<int> ports = FreePorts(2 * count);
  if (ports.empty()) return base::Unavailable("no free ports");
  std::vector<std::string> cluster;
  for (size_t i = 0; i < count; ++i) {
    cluster.push_back(fmt::format("m{}=http://127.0.0.1:{}", i, ports[2 * i + 1]));
  }
  for (size_t i = 0; i < count; ++i) {
    const std::string client = fmt::format("http://127.0.0.1:{}", ports[2 * i]);
    const std::string peer = fmt::format("http://127.0.0.1:{}", ports[2 * i + 1]);
    ASSIGN_OR_RETURN(
        os::ChildProcess child,
        os::ChildProcess::Spawn({.argv = {program,
                                          "--name",
                                          fmt::format("m{}", i),
                                          "--data-dir",
                                          fmt::format("{}/m{}", servers.dir_.path(), i),
                                          "--listen-client-urls",
                                          client,
                                          "--advertise-client-urls",
                                          client,
                                          "--listen-peer-urls",
                                          peer,
                                          "--initial-advertise-peer-urls",
                                          peer,
                                          "--initial-cluster",
                                          base::Join(cluster, ","),
                                          "--initial-cluster-state",
                                          "new",
                                          "--heartbeat-interval",
                                          "50",
                                          "--election-timeout",
                                          "500",
                                          "--log-level",
                                          "error"},
                                 .env = {"ETCD_UNSUPPORTED_ARCH=arm64", "PATH=/usr/bin:/bin"}}));
    servers.members_.push_back(std::move(child));
    servers.endpoints_.push_back(client);
  }
  return servers;
}

void EtcdServers::Kill(size_t member) {
  (void)members_[member].Signal(SIGKILL);
  (void)members_[member].Wait();
}

}  // namespace keelson::store
