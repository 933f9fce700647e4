// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/machine.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <climits>
#include <set>
#include <thread>

#include "lib/base/clock.h"
#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/socket_address.h"
#include "supervise/protocol/protocol.h"

namespace keelson::cluster {
namespace {

os::SocketAddress AddressOf(const std::string& address, int port) {
  return os::SocketAddress::Of(base::IpAddress::Parse(address).value_or(base::IpAddress()),
                               static_cast<uint16_t>(port));
}

// Nothing is sent: the kernel only chooses.
std::string TowardsOutside() {
  const os::UniqueFd probe(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const os::SocketAddress far = AddressOf("203.0.113.1", 9);
  os::SocketAddress own;
  socklen_t size = sizeof own;
  if (connect(probe.get(), &far.any, far.size()) != 0 ||
      getsockname(probe.get(), &own.any, &size) != 0)
    return "";
  return own.address().value_or(base::IpAddress()).Text();
}

bool Bindable(const std::string& address, int port) {
  const os::SocketAddress where = AddressOf(address, port);
  const os::UniqueFd probe(socket(where.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  (void)setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return bind(probe.get(), &where.any, where.size()) == 0 || errno != EADDRINUSE;
}

// By which the node's proxy marks its own (proxy/routes/plan.h): those that one left which was
// killed are no strangers, the next one takes them over.
constexpr uint8_t kProxysRoutes = 75;

std::set<std::string> RoutesOfAProxy() {
  std::set<std::string> out;
  auto socket = netlink::RouteSocket::Open();
  if (!socket.ok()) return out;
  for (const netlink::Route& route :
       socket->ListRoutes(false, kProxysRoutes).ValueOr(std::vector<netlink::Route>()))
    out.insert(route.to.Text());
  return out;
}

// proc(5): addresses are hexadecimal words in the machine's byte order.
std::vector<Facts::Route> Routes() {
  std::vector<Facts::Route> out;
  const std::set<std::string> of_a_proxy = RoutesOfAProxy();
  const std::string text = os::ReadFile("/proc/thread-self/net/route").ValueOr("");
  for (const std::string_view line : base::Split(std::string_view(text), '\n')) {
    const auto words = base::Split(line, '\t');
    if (words.size() < 8 || words[0] == "Iface") continue;
    const uint32_t mask = static_cast<uint32_t>(std::stoul(std::string(words[7]), nullptr, 16));
    const auto first = static_cast<uint32_t>(std::stoul(std::string(words[1]), nullptr, 16));
    if (mask == 0) continue;
    const auto address =
        base::IpAddress::FromBytes({reinterpret_cast<const char*>(&first), sizeof first});
    std::string block = base::IpBlock{*address, std::popcount(mask)}.Text();
    if (!of_a_proxy.contains(block)) out.push_back({std::move(block), std::string(words[0])});
  }
  return out;
}

}  // namespace

base::Status FillIn(NodeOptions& options) {
  if (options.name.empty()) {
    char host[HOST_NAME_MAX + 1] = "";
    (void)gethostname(host, sizeof host - 1);
    options.name = base::ToLower(host);
  }
  if (options.programs.empty()) {
    char self[PATH_MAX] = "";
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0) return base::Error::FromErrno(errno, "find this program's folder");
    const std::string path(self, static_cast<size_t>(size));
    options.programs = path.substr(0, path.rfind('/'));
  }
  if (!options.address.empty()) return base::Ok();
  RETURN_IF_ERROR(InNetwork(options.network, [&] {
    options.address = TowardsOutside();
    return base::Ok();
  }));
  if (!options.address.empty()) return base::Ok();
  return base::FailedPrecondition(
      "this machine has no route to outside: say by --address where other nodes reach it");
}

base::Result<os::UniqueFd> HoldNetwork(NodeOptions& options) {
  struct statfs found{};
  if (options.network.empty() ||
      (statfs(options.network.c_str(), &found) == 0 && found.f_type == NSFS_MAGIC))
    return os::UniqueFd();
  const auto told = supervise::Ask({options.supervisor_dir()}, {});
  if (!told.ok() || told->keeper <= 0)
    return base::FailedPrecondition(
        "{} is no network namespace any more, and the node has no supervisor that lives in it",
        options.network);
  const std::string own = "/proc/" + std::to_string(told->keeper) + "/ns/net";
  ASSIGN_OR_RETURN(os::UniqueFd held, os::Open(own, O_RDONLY));
  options.network = "/proc/self/fd/" + std::to_string(held.get());
  return held;
}

base::Status InNetwork(const std::string& network, const std::function<base::Status()>& work) {
  if (network.empty()) return work();
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::Open(network, O_RDONLY));
  base::Status done;
  std::thread([&] {
    done = setns(file.get(), CLONE_NEWNET) == 0
               ? work()
               : base::Error::FromErrno(errno, "enter the network namespace {}", network);
  }).join();
  return done;
}

base::Result<Facts> Observe(const NodeOptions& options, bool running) {
  Facts facts;
  if (const auto before = ReadRecord(options.state_dir); before.ok())
    facts.other_node = before->name;
  for (const std::string& program : ProgramsOf(options))
    if (access(program.c_str(), X_OK) != 0) facts.missing_programs.push_back(program);
  RETURN_IF_ERROR(InNetwork(options.network, [&] {
    facts.routes = Routes();
    for (const Facts::Port& port : PortsOf(options))
      if (!running &&
          !(Bindable(options.address, port.number) && Bindable("127.0.0.1", port.number)))
        facts.taken.push_back(port);
    return base::Ok();
  }));
  // Routes of ours to other nodes' pods are no strangers.
  if (running) facts.routes.clear();
  return facts;
}

base::Status Write(const Plan& plan) {
  for (const Folder& folder : plan.folders) {
    RETURN_IF_ERROR(os::MakeDirs(folder.path, static_cast<mode_t>(folder.mode)));
  }
  for (const File& file : plan.files) {
    RETURN_IF_ERROR(os::WriteFileAtomic(file.path, file.text, static_cast<mode_t>(file.mode),
                                        os::Durability::kPowerLoss));
  }
  return base::Ok();
}

base::Status RunProgram(const NodeOptions& options, std::vector<std::string> argv) {
  const std::string name = argv.front();
  argv.front() = options.programs + "/" + name;
  return InNetwork(options.network, [&]() -> base::Status {
    ASSIGN_OR_RETURN(
        const os::CommandResult done,
        os::RunCommand(
            {.argv = std::move(argv),
             .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
            "", std::chrono::seconds(300)));
    if (done.status.code() == 0) return base::Ok();
    const std::string words(base::Trim(done.err));
    return base::FailedPrecondition("{}", words.substr(words.rfind('\n') + 1));
  });
}

void RemoveCgroup(const std::string& root) {
  constexpr char kMount[] = "/sys/fs/cgroup";
  if (root.empty() || root == "/" || root.front() != '/') return;
  (void)rmdir((kMount + root).c_str());  // v2
  const auto hierarchies = os::ListDir(kMount);
  if (!hierarchies.ok() || os::Exists(std::string(kMount) + "/cgroup.controllers")) return;
  for (const os::DirEntry& one : *hierarchies)
    (void)rmdir((std::string(kMount) + "/" + one.name + root).c_str());
}

bool Eventually(std::chrono::seconds patience, const std::function<bool()>& done) {
  const base::SystemClock clock;
  const base::SteadyTime end = clock.Steady() + patience;
  for (int wait = 2; !done(); wait = std::min(wait * 3 / 2, 50)) {
    if (clock.Steady() >= end) return false;
    (void)poll(nullptr, 0, wait);
  }
  return true;
}

bool Listens(const NodeOptions& options, const std::string& address, int port) {
  bool connected = false;
  (void)InNetwork(options.network, [&] {
    const os::SocketAddress where = AddressOf(address, port);
    const os::UniqueFd probe(socket(where.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connected = connect(probe.get(), &where.any, where.size()) == 0;
    return base::Ok();
  });
  return connected;
}

std::string LastLines(const std::string& file, int lines) {
  const std::string text = os::ReadFile(file, 64u << 20).ValueOr("");
  size_t at = text.size();
  for (int i = 0; i <= lines && at != std::string::npos && at > 0; ++i)
    at = text.rfind('\n', at - 1);
  return text.substr(at == std::string::npos || at == 0 ? 0 : at + 1);
}

}  // namespace keelson::cluster
