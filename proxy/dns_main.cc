// SPDX-License-Identifier: Apache-2.0
// keelson-dns: answers the pods of this node: cluster names from the file that the proxy writes,
// others by the node's own resolvers. Binds its sockets, then gives up every right; goes on with
// what it knows while the proxy is away. Until SIGTERM or SIGINT.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/kernel/rights/rights.h"
#include "lib/kernel/seccomp/seccomp.h"
#include "lib/log/log.h"
#include "lib/os/files.h"
#include "lib/os/signals.h"
#include "proxy/dns/server.h"
#include "proxy/dns/zone_file.h"
#include "proxy/handover/handover.h"

namespace {

using namespace keelson;

constexpr uint32_t kUser = proxy::handover::kUser;
constexpr size_t kMaxFiles = 8192;
constexpr std::chrono::seconds kLookAgain(5);

struct Options {
  std::vector<std::string> listen = {"10.43.0.10"};
  uint16_t port = 53;
  std::string zone_file = "/run/keelson/dns/zone.json";
  std::vector<std::string> clients;
  std::string resolv_conf = "/etc/resolv.conf";
  std::string log_level = "info";
};

base::Status GiveUpRights() {
  seccomp::Profile profile = rights::CommonCalls();
  profile.rules.push_back(
      {.names = {"epoll_ctl",    "epoll_wait", "epoll_pwait", "poll",       "accept4",
                 "socket",       "connect",    "sendto",      "sendmsg",    "recvfrom",
                 "recvmsg",      "shutdown",   "getsockopt",  "setsockopt", "getsockname",
                 "gettimeofday", "time",       "openat",      "statx",      "stat"}});
  ASSIGN_OR_RETURN(const std::string program, seccomp::Compile(profile));
  if (chdir("/") != 0) return base::Error::FromErrno(errno, "chdir /");
  RETURN_IF_ERROR(rights::BecomeNobody(kUser).WithContext("give up rights"));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_NOFILE, "NOFILE", kMaxFiles));
  RETURN_IF_ERROR(rights::Limit(RLIMIT_CORE, "CORE", 0));
  return rights::Confine(program);
}

// The node's resolvers; those that are this server itself would ask in a circle.
base::Result<std::vector<std::pair<std::string, uint16_t>>> Resolvers(const Options& options) {
  std::vector<std::pair<std::string, uint16_t>> out;
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(options.resolv_conf, 1 << 20));
  for (const std::string_view line : base::Split(std::string_view(text), '\n')) {
    constexpr std::string_view kWord = "nameserver";
    if (!line.starts_with(kWord)) continue;
    const std::string address(base::Trim(line.substr(kWord.size())));
    const bool own =
        std::find(options.listen.begin(), options.listen.end(), address) != options.listen.end();
    if (!address.empty() && !own) out.emplace_back(address, 53);
  }
  return out;
}

class Files {
 public:
  // `folder` is that of the zone file, opened while there were rights.
  Files(const Options& options, int folder, dns::Server& server)
      : options_(options), folder_(folder), server_(server) {}

  void Look() {
    LookForResolvers();
    base::Result<std::string> text = os::ReadFileAt(
        folder_, options_.zone_file.substr(options_.zone_file.rfind('/') + 1), size_t{512} << 20);
    if (!text.ok() || *text == seen_) return;
    seen_ = *std::move(text);
    const base::Result<dns::ZoneFile> file = dns::ReadZoneFile(seen_);
    if (!file.ok())
      return base::LogError("the file of names cannot be read, the former one is used",
                            {{"error", file.error()}});
    dns::Zone::Options zone;
    zone.domain = file->domain;
    server_.SetZone(
        std::make_shared<dns::Zone>(file->services, file->endpoints, zone, file->serial),
        file->domain);
    base::LogDebug("names are new", {{"services", file->services.size()}});
  }

 private:
  void LookForResolvers() {
    const auto resolvers = Resolvers(options_);
    const std::string problem = resolvers.ok() ? "" : resolvers.error().message();
    if (!problem.empty() && problem != problem_)
      base::LogWarn("the node's resolvers are not known, those of before are asked",
                    {{"error", resolvers.error()}});
    problem_ = problem;
    if (!resolvers.ok() || *resolvers == resolvers_) return;
    resolvers_ = *resolvers;
    server_.forwarder().SetUpstreams(resolvers_);
    base::LogInfo("other names are asked elsewhere", {{"resolvers", resolvers_.size()}});
  }

  const Options& options_;
  const int folder_;
  dns::Server& server_;
  std::vector<std::pair<std::string, uint16_t>> resolvers_;
  std::string problem_;
  std::string seen_;
};

// The node's pods ask at the first address; one of the others may be somebody else's already. What
// a name server before this one served is gone on with: questions may wait in it. The sockets that
// are served now, for the next one.
base::Result<std::vector<int>> Listen(Options& options, dns::Server& server,
                                      std::vector<os::UniqueFd> kept) {
  std::vector<std::string> bound;
  std::vector<int> served;
  for (const std::string& address : options.listen) {
    base::Result<dns::Sockets> sockets = dns::BindOrTake(address, options.port, kept);
    if (!sockets.ok() && !bound.empty() && sockets.error().os_errno() == EADDRINUSE) {
      base::LogWarn("somebody else answers there, names are not asked here by other nodes",
                    {{"address", address}, {"error", sockets.error()}});
      continue;
    }
    if (!sockets.ok()) return sockets.error();
    served.insert(served.end(), {sockets->udp.get(), sockets->tcp.get()});
    RETURN_IF_ERROR(server.Serve(std::move(sockets->udp), std::move(sockets->tcp)));
    bound.push_back(address);
  }
  options.listen = std::move(bound);
  return served;
}

base::Status Serve(Options options) {
  ASSIGN_OR_RETURN(const os::UniqueFd signals, os::TakeSignals({SIGTERM, SIGINT}));
  const std::string folder = options.zone_file.substr(0, options.zone_file.rfind('/'));
  RETURN_IF_ERROR(os::MakeDirs(folder, 0755));
  ASSIGN_OR_RETURN(const os::UniqueFd place, os::Open(folder, O_PATH | O_DIRECTORY));
  const os::UniqueFd changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes || inotify_add_watch(changes.get(), folder.c_str(), IN_MOVED_TO) < 0)
    return base::Error::FromErrno(errno, "watch {}", folder);

  const base::SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  dns::Server::Options settings;
  if (!options.clients.empty()) {
    const auto clients = dns::Clients::Parse(options.clients);
    if (!clients)
      return base::InvalidArgument(
          "--clients: blocks such as 10.0.0.0/8, or private, are expected");
    settings.clients = *clients;
  }
  dns::Server server(*loop, clock, settings);
  // By the folder's descriptor: later this process may not go all the way there.
  proxy::handover::Server handover(
      *loop, fmt::format("/proc/self/fd/{}/{}", place.get(), proxy::handover::kName));
  ASSIGN_OR_RETURN(std::vector<int> served, Listen(options, server, handover.Take()));
  RETURN_IF_ERROR(GiveUpRights());
  handover.Keep(std::move(served));

  Files files(options, place.get(), server);
  files.Look();
  ASSIGN_OR_RETURN(const auto changed, loop->Watch(changes.get(), EPOLLIN, [&](uint32_t) {
    char bytes[4096];
    while (read(changes.get(), bytes, sizeof bytes) > 0) {
    }
    files.Look();
  }));
  // The resolvers' file is often exchanged by others, without a word.
  std::function<void()> again = [&] {
    files.Look();
    loop->After(kLookAgain, again);
  };
  loop->After(kLookAgain, again);
  ASSIGN_OR_RETURN(const auto ended,
                   loop->Watch(signals.get(), EPOLLIN, [&](uint32_t) { loop->Stop(); }));
  base::LogInfo("names are answered", {{"addresses", base::Join(options.listen, ",")}});
  loop->Run();
  loop->Unwatch(changed);
  loop->Unwatch(ended);
  return base::Ok();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Keelson's name server: a cluster's names for the pods of this node"};
  app.add_option(
         "--listen", options.listen,
         "the addresses to answer on: the cluster's DNS address, which keelson-proxy "
         "--cluster-dns gives to the node, and the node's own where other nodes ask here; all "
         "but the first are left out where somebody else has the port")
      ->delimiter(',');
  app.add_option("--clients", options.clients,
                 "blocks of addresses that are answered, private: all such; else those alone")
      ->delimiter(',');
  app.add_option("--port", options.port, "the port to answer on");
  app.add_option("--zone-file", options.zone_file, "where keelson-proxy writes the names");
  app.add_option("--resolv-conf", options.resolv_conf,
                 "the node's own resolvers, for names outside of the cluster; readable for all");
  app.add_option("--log-level", options.log_level, "debug, info, warn, error");
  CLI11_PARSE(app, argc, argv);
  signal(SIGPIPE, SIG_IGN);
  if (const base::Status logs = log::LogToStandardError(options.log_level); !logs.ok()) {
    std::fprintf(stderr, "keelson-dns: %s\n", logs.error().message().c_str());
    return 2;
  }
  const base::Status status = Serve(options);
  if (!status.ok()) {
    std::fprintf(stderr, "keelson-dns: %s\n", status.error().message().c_str());
    return 1;
  }
  return 0;
}
