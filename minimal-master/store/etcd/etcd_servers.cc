// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/etcd/etcd_servers.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <random>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::store {
namespace {

// Ports that were free a moment ago: etcd must be told its peers' addresses before they listen.
// Below those that the kernel gives to whoever asks for any, so that nobody gets them meanwhile.
std::vector<int> FreePorts(size_t count) {
  constexpr uint32_t kFirst = 12000;
  constexpr uint32_t kLast = 31999;
  std::random_device random;
  std::uniform_int_distribution<uint32_t> any(kFirst, kLast);
  std::vector<os::UniqueFd> held;
  std::vector<int> ports;
  for (int tries = 0; ports.size() < count && tries < 1000; ++tries) {
    os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto port = static_cast<uint16_t>(any(random));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) continue;
    ports.push_back(port);
    held.push_back(std::move(socket));
  }
  return ports.size() == count ? ports : std::vector<int>();
}

}  // namespace

base::Result<EtcdServers> EtcdServers::Start(int members, bool tls) {
  std::string program;
  for (const char* path : {"/usr/bin/etcd", "/usr/local/bin/etcd"}) {
    if (os::Exists(path)) program = path;
  }
  if (program.empty()) return base::NotFound("no etcd on this machine");
  ASSIGN_OR_RETURN(os::TempDir dir, os::TempDir::Create("keelson-etcd"));
  EtcdServers servers(std::move(dir));
  if (tls) {
    ASSIGN_OR_RETURN(
        const os::CommandResult made,
        os::RunCommand({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                 "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                                 "/CN=etcd", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                                 servers.identity("key"), "-out", servers.identity("crt")},
                        .env = {"PATH=/usr/bin:/bin"}},
                       "", std::chrono::minutes(1)));
    if (made.status.code() != 0) return base::NotFound("no openssl: {}", made.err);
  }
  const auto count = static_cast<size_t>(members);
  const std::vector<int> ports = FreePorts(2 * count);
  if (ports.empty()) return base::Unavailable("no free ports");
  std::vector<std::string> cluster;
  for (size_t i = 0; i < count; ++i) {
    cluster.push_back(fmt::format("m{}=http://127.0.0.1:{}", i, ports[2 * i + 1]));
  }
  for (size_t i = 0; i < count; ++i) {
    const std::string client =
        fmt::format("{}://127.0.0.1:{}", tls ? "https" : "http", ports[2 * i]);
    const std::string peer = fmt::format("http://127.0.0.1:{}", ports[2 * i + 1]);
    os::SpawnOptions options;
    options.argv = {program,
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
                    "--heartbeat-interval",
                    "50",
                    "--election-timeout",
                    "500",
                    "--log-level",
                    "error"};
    if (tls) {
      for (const std::string& argument :
           {std::string("--client-cert-auth"), "--cert-file=" + servers.identity("crt"),
            "--key-file=" + servers.identity("key"),
            "--trusted-ca-file=" + servers.identity("crt")}) {
        options.argv.push_back(argument);
      }
    }
    options.env = {"ETCD_UNSUPPORTED_ARCH=arm64", "PATH=/usr/bin:/bin"};
    ASSIGN_OR_RETURN(os::ChildProcess child, os::ChildProcess::Spawn(options));
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
