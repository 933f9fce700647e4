// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "cli/cluster/api.h"
#include "cli/cluster/identity.h"
#include "cli/cluster/machine.h"
#include "cli/cluster/node_life.h"
#include "cli/cluster/objects.h"
#include "cli/cluster/watcher.h"
#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "lib/certificate/signing_request.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::cluster {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kTokenLife = 24 * 3600;  // seconds

base::Error Refused(const std::vector<std::string>& refusals) {
  return base::FailedPrecondition("nothing was changed:\n{}", base::Join(refusals, "\n"));
}

// Whether the node has an identity that lasts a while.
bool HasIdentity(const NodeOptions& options, const base::Clock& clock) {
  const auto access = ReadAccess(options.node_kubeconfig());
  if (!access.ok()) return false;
  const auto life = certificate::LifetimeOf(access->tls.certificate_pem);
  return life.ok() && life->end > clock.WallNanos() / kSecond + 7 * 86400;
}

base::Status WriteIdentity(const NodeOptions& options, const std::string& authority,
                           const Identity& identity) {
  RETURN_IF_ERROR(os::MakeDirs(options.identity_dir(), 0700));
  RETURN_IF_ERROR(os::WriteFileAtomic(options.identity(), identity.certificate + identity.key, 0600,
                                      os::Durability::kPowerLoss));
  return os::WriteFileAtomic(options.node_kubeconfig(),
                             FormatKubeconfig("https://" + options.server_address(), authority,
                                              "system:node:" + options.name, options.identity()),
                             0600, os::Durability::kPowerLoss);
}

// What ends again and again will not come by waiting.
base::Status CheckProcesses(Watcher& watcher) {
  const auto told = watcher.Tell();
  if (!told.ok()) return told.error();
  for (const supervise::ProcessStatus& one : told->processes) {
    if (one.state != supervise::State::kWaiting || one.restarts < 3) continue;
    return base::FailedPrecondition("{} does not run ({}); {}", watcher.NameOf(one.name),
                                    one.last_end, watcher.LastWords(one.name));
  }
  return base::Ok();
}

base::Status WaitForServer(const NodeOptions& options, Watcher& watcher) {
  base::Status broken;
  if (Eventually(kPatience, [&] {
        if (Listens(options, options.address, options.api_port)) return true;
        broken = CheckProcesses(watcher);
        return !broken.ok();
      }))
    return broken;
  return base::DeadlineExceeded("the API server does not answer on {}; {}",
                                options.server_address(), watcher.LastWords("master"));
}

base::Status WaitForNode(Api& api, const NodeOptions& options, Watcher& watcher) {
  std::string reason = "its kubelet has not registered it";
  const base::Status ready =
      api.Await("/api/v1/nodes", options.name, kPatience, [&](const json::Value& node) {
        for (const json::Value& one : node.At({"status", "conditions"}).items()) {
          if (one.At({"type"}).AsString() != "Ready") continue;
          if (one.At({"status"}).AsString() == "True") return true;
          reason = one.At({"message"}).AsString();
        }
        return false;
      });
  if (ready.ok()) return base::Ok();
  RETURN_IF_ERROR(CheckProcesses(watcher));
  return base::DeadlineExceeded("the node {} is not Ready: {}; {}", options.name, reason,
                                watcher.LastWords("kubelet"));
}

base::Result<std::string> MakeJoinToken(Api& api, int64_t seconds, const base::Clock& clock) {
  ASSIGN_OR_RETURN(const std::string token, MakeToken());
  const ObjectToMake secret =
      TokenObject(token, base::FormatRfc3339(clock.WallNanos() + seconds * kSecond));
  RETURN_IF_ERROR(api.Make(secret.path, secret.object));
  return token;
}

// With the master's help, as every other node gets its own.
base::Status FirstIdentity(const NodeOptions& options, const Access& admin,
                           const std::string& token) {
  Access access{admin.server, {.authorities_pem = admin.tls.authorities_pem}, token};
  Api api(std::move(access));
  ASSIGN_OR_RETURN(const Identity identity, AskForIdentity(api, options.name));
  return WriteIdentity(options, admin.tls.authorities_pem, identity);
}

base::Result<std::unique_ptr<Watcher>> Begin(NodeOptions& options) {
  RETURN_IF_ERROR(FillIn(options));
  RETURN_IF_ERROR(SetSupervisor(options));
  return WatcherOf(options);
}

base::Result<Plan> Prepare(const NodeOptions& options, Watcher& watcher) {
  ASSIGN_OR_RETURN(const Facts facts, Observe(options, watcher.IsWatching()));
  Plan plan = MakePlan(options, facts);
  ASSIGN_OR_RETURN(const std::vector<std::string> more, watcher.Refusals(plan.whole));
  plan.refusals.insert(plan.refusals.end(), more.begin(), more.end());
  if (!plan.refusals.empty()) return Refused(plan.refusals);
  return plan;
}

base::Status Bootstrap(const NodeOptions& options, bool known, bool print_join,
                       const base::Clock& clock, std::string& join_line) {
  ASSIGN_OR_RETURN(const Access admin, ReadAccess(options.admin_kubeconfig()));
  Api api(admin);
  for (const ObjectToMake& one : JoinObjects(admin.server, admin.tls.authorities_pem))
    RETURN_IF_ERROR(api.Make(one.path, one.object));
  if (!known || print_join) {
    ASSIGN_OR_RETURN(const std::string token,
                     MakeJoinToken(api, print_join ? kTokenLife : 600, clock));
    ASSIGN_OR_RETURN(const std::string hash, HashOfAuthority(admin.tls.authorities_pem));
    if (!known) RETURN_IF_ERROR(FirstIdentity(options, admin, token));
    if (print_join)
      join_line = fmt::format("keelson join {} --token {} --ca-hash {}", options.server_address(),
                              token, hash);
  }
  return base::Ok();
}

}  // namespace

base::Status Up(UpOptions options, const base::Clock& clock, const cli::Console& console) {
  const base::SteadyTime begun = clock.Steady();
  ASSIGN_OR_RETURN(const std::unique_ptr<Watcher> watcher, Begin(options));
  ASSIGN_OR_RETURN(const Plan plan, Prepare(options, *watcher));
  RETURN_IF_ERROR(Write(plan));
  const bool known = HasIdentity(options, clock);
  RETURN_IF_ERROR(watcher->Take(known ? plan.whole : plan.first));
  RETURN_IF_ERROR(WaitForServer(options, *watcher));
  std::string join_line;
  base::Status ready;
  RETURN_IF_ERROR(InNetwork(options.network, [&] {
    return Bootstrap(options, known, options.print_join, clock, join_line);
  }));
  if (!known) RETURN_IF_ERROR(watcher->Take(plan.whole));
  if (options.wait) {
    RETURN_IF_ERROR(InNetwork(options.network, [&]() -> base::Status {
      ASSIGN_OR_RETURN(Access admin, ReadAccess(options.admin_kubeconfig()));
      Api api(std::move(admin));
      return WaitForNode(api, options, *watcher);
    }));
  }
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.Steady() - begun).count();
  console.out << "node " << options.name << (options.wait ? " is Ready" : " is started")
              << ", its API server at https://" << options.server_address()
              << fmt::format(" ({}.{:02} s)\n", took / 1000, took % 1000 / 10)
              << "kubectl --kubeconfig " << options.admin_kubeconfig() << " get nodes\n";
  if (!join_line.empty())
    console.out << "another machine joins, within 24 hours, by\n  " << join_line << "\n";
  return base::Ok();
}

namespace {

// The cluster's authority, whoever answers; believed when it has the hash.
base::Result<std::string> Discover(const JoinOptions& options, const base::Clock& clock) {
  Access nobody{"https://" + options.server, {.skip_verify = true}, ""};
  Api api(nobody);
  const auto info = api.Ask("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info");
  if (!info.ok())
    return info.error().WithContext("ask https://" + options.server + " for the cluster");
  if (info->status != 200)
    return base::FailedPrecondition(
        "https://{} tells nothing of its cluster (answer {}): is it an "
        "API server that `keelson up` brought up?",
        options.server, info->status);
  const auto config = json::ParseJson(info->body.At({"data", "kubeconfig"}).AsString());
  std::string authority;
  if (config.ok() && !config->At({"clusters"}).items().empty())
    authority = base::Base64Decode(config->At({"clusters"})
                                       .items()[0]
                                       .At({"cluster", "certificate-authority-data"})
                                       .AsString())
                    .value_or("");
  ASSIGN_OR_RETURN(const std::string hash, HashOfAuthority(authority));
  if (hash != options.ca_hash)
    return base::Unauthenticated(
        "the authority of https://{} has the hash {}, not the one given: a typing error, or "
        "somebody else answers there",
        options.server, hash);
  // "Sat, 21 Nov 2026 22:00:00 GMT"
  tm said{};
  if (strptime(info->date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &said) != nullptr) {
    const int64_t off = clock.WallNanos() / kSecond - timegm(&said);
    if (off > 300 || off < -300)
      return base::FailedPrecondition(
          "this machine's clock is {} minutes {} the cluster's: set it first", std::abs(off) / 60,
          off > 0 ? "ahead of" : "behind");
  }
  return authority;
}

}  // namespace

base::Status Join(JoinOptions options, const base::Clock& clock, const cli::Console& console) {
  if (options.server.find(':') == std::string::npos) options.server += ":6443";
  if (!IsToken(options.token))
    return base::InvalidArgument(
        "--token: six letters or digits, a dot, sixteen more; it comes from `keelson up`");
  if (!options.ca_hash.starts_with("sha256:") || options.ca_hash.size() != 71)
    return base::InvalidArgument(
        "--ca-hash: sha256: and 64 hexadecimal digits; it comes from `keelson up`");
  ASSIGN_OR_RETURN(const std::unique_ptr<Watcher> watcher, Begin(options));
  ASSIGN_OR_RETURN(const Plan plan, Prepare(options, *watcher));
  const bool known = HasIdentity(options, clock);
  std::string authority;
  Identity identity;
  RETURN_IF_ERROR(InNetwork(options.network, [&]() -> base::Status {
    ASSIGN_OR_RETURN(authority, Discover(options, clock));
    if (known) return base::Ok();
    Api api({"https://" + options.server, {.authorities_pem = authority}, options.token});
    ASSIGN_OR_RETURN(identity, AskForIdentity(api, options.name));
    // As the node that we would be: is there one of the name already?
    Api self({"https://" + options.server,
              {.authorities_pem = authority,
               .certificate_pem = identity.certificate,
               .key_pem = identity.key},
              ""});
    ASSIGN_OR_RETURN(const Api::Answer other, self.Ask("GET", "/api/v1/nodes/" + options.name));
    if (other.status == 200)
      return base::AlreadyExists(
          "the cluster has a node '{}' already: give another --name, or delete that one first "
          "(kubectl delete node {})",
          options.name, options.name);
    return base::Ok();
  }));
  RETURN_IF_ERROR(Write(plan));
  if (!known) RETURN_IF_ERROR(WriteIdentity(options, authority, identity));
  RETURN_IF_ERROR(watcher->Take(plan.whole));
  if (options.wait) {
    RETURN_IF_ERROR(InNetwork(options.network, [&]() -> base::Status {
      ASSIGN_OR_RETURN(Access self, ReadAccess(options.node_kubeconfig()));
      Api api(std::move(self));
      return WaitForNode(api, options, *watcher);
    }));
  }
  console.out << "node " << options.name << (options.wait ? " is Ready" : " is started")
              << " in the cluster of https://" << options.server << "\n";
  return base::Ok();
}

}  // namespace keelson::cluster
