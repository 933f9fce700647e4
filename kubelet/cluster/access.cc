// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/access.h"

#include <optional>

#include "kubelet/cluster/enrolment.h"
#include "kubelet/identity/soundness.h"
#include "lib/base/ip_address.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"
#include "lib/os/listen.h"
#include "lib/os/set_aside.h"

namespace keelson::cluster {

using base::Result;
using json::Value;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

bool HasEnded(const kube::ClientConfig& config, int64_t now) {
  if (config.target.certificate.empty()) return false;
  const Result<certificate::Lifetime> life = certificate::LifetimeOf(config.target.certificate);
  return life.ok() && life->end <= now;
}

std::string OwnKubeconfig(const kube::ClientConfig& as, const std::string& certificate) {
  const std::string server =
      "https://" + base::Endpoint(as.target.host, as.target.port) + as.path_prefix;
  Value cluster = Value::Object({{"server", Value(server)}});
  if (!as.target.authorities.empty())
    cluster.Set("certificate-authority-data", Value(base::Base64Encode(as.target.authorities)));
  if (!as.target.server_name.empty()) cluster.Set("tls-server-name", Value(as.target.server_name));
  if (as.target.any_peer) cluster.Set("insecure-skip-tls-verify", Value(true));
  const auto named = [](const char* name, const char* kind, Value value) {
    return Value::Array({Value::Object({{"name", Value(name)}, {kind, std::move(value)}})});
  };
  Value user = Value::Object(
      {{"client-certificate", Value(certificate)}, {"client-key", Value(certificate)}});
  Value context = Value::Object({{"cluster", Value("cluster")}, {"user", Value("node")}});
  return json::WriteYaml(
      Value::Object({{"apiVersion", Value("v1")},
                     {"kind", Value("Config")},
                     {"clusters", named("cluster", "cluster", std::move(cluster))},
                     {"users", named("node", "user", std::move(user))},
                     {"contexts", named("node", "context", std::move(context))},
                     {"current-context", Value("node")}}));
}

Result<std::string> Enrol(const AccessOptions& options, kube::ClientConfig as,
                          const base::Clock& clock) {
  ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  kube::Api api(*loop, clock, std::move(as), "keelson-kubelet");
  std::optional<Result<std::string>> answer;
  Enrolment enrolment(api, {options.node, {}});
  enrolment.Start([&](Result<std::string> pem) { answer = std::move(pem); });
  while (!answer) {
    if (options.stopped && options.stopped())
      return base::Cancelled("stopped before the node had a certificate");
    loop->RunOnce(std::chrono::milliseconds(200));
  }
  return *std::move(answer);
}

// As it lies there. What is damaged is told with the file that it is in, as far as that is known.
Result<kube::ClientConfig> ReadOwn(const AccessOptions& options) {
  ASSIGN_OR_RETURN(kube::ClientConfig own, kube::ReadKubeconfig(options.kubeconfig));
  const multiplex::Target& target = own.target;
  const bool in_file = os::Exists(options.Certificate()) &&
                       os::ReadFile(options.Certificate()).ValueOr("") == target.certificate;
  const std::string& where = in_file ? options.Certificate() : options.kubeconfig;
  if (target.certificate.empty()) {
    if (!own.token.empty() || !own.token_file.empty()) return own;
    // The server would take it for anybody, and refuse it what a node needs.
    return base::DataLoss("{}: no client certificate and no token, or their files are empty",
                          where);
  }
  const base::Status sound =
      identity::CheckClient(target.certificate, target.key, target.authorities);
  if (!sound.ok()) return sound.error().WithContext(where);
  return own;
}

// For a person to look at: `path` is about to be written anew.
base::Status PutAside(const std::string& path, const base::Error& why) {
  base::LogWarn("a file of the node's access cannot be used, put aside and written anew",
                {{"path", path}, {"aside", os::AsidePath(path)}, {"error", why}});
  return os::SetAside(path);
}

// Whatever could be had again is there only now: nothing was changed before.
base::Status Keep(const AccessOptions& options, const kube::ClientConfig& as,
                  const std::string& pem, const base::Error* damage) {
  RETURN_IF_ERROR(os::MakeDirs(options.certificates, 0700));
  const std::string certificate = options.Certificate();
  const std::string kubeconfig = OwnKubeconfig(as, certificate);
  if (damage != nullptr) {
    const Result<std::string> there = os::ReadFile(certificate);
    const bool absent = !there.ok() && there.error().code() == base::Code::kNotFound;
    const bool sound = there.ok() && identity::CheckClient(*there, *there, "").ok() &&
                       identity::CheckClient(*there, *there, as.target.authorities).ok();
    if (!absent && !sound) RETURN_IF_ERROR(PutAside(certificate, *damage));
    const Result<std::string> text = os::ReadFile(options.kubeconfig);
    if (os::Exists(options.kubeconfig) && (!text.ok() || *text != kubeconfig))
      RETURN_IF_ERROR(PutAside(options.kubeconfig, *damage));
  }
  // The token may not be good for a second time, after a power cut.
  RETURN_IF_ERROR(os::WriteFileAtomic(certificate, pem, 0600, os::Durability::kPowerLoss));
  return os::WriteFileAtomic(options.kubeconfig, kubeconfig, 0600, os::Durability::kPowerLoss);
}

}  // namespace

Result<kube::ClientConfig> OpenAccess(const AccessOptions& options, const base::Clock& clock) {
  Result<kube::ClientConfig> own = ReadOwn(options);
  if (options.bootstrap_kubeconfig.empty()) {
    if (own.ok()) return own;
    return base::Error(own.error().code(),
                       fmt::format("the node's access: {}: put a copy back or join the node again "
                                   "(keelson join); with a bootstrap kubeconfig it is asked for "
                                   "again",
                                   own.error().message()),
                       own.error().os_errno());
  }
  const bool ended = own.ok() && HasEnded(*own, clock.WallNanos() / kSecond);
  if (own.ok() && !ended) return own;
  // A node that is new has none.
  const bool was_there = os::Exists(options.kubeconfig) || os::Exists(options.Certificate());
  const base::Error why =
      ended ? base::FailedPrecondition("its certificate has ended") : own.error();
  if (was_there)
    base::LogWarn("the node's access is of no use, asking for another",
                  {{"path", options.kubeconfig}, {"error", why}});
  const auto join = [&]() -> Result<kube::ClientConfig> {
    ASSIGN_OR_RETURN(kube::ClientConfig as, kube::ReadKubeconfig(options.bootstrap_kubeconfig));
    ASSIGN_OR_RETURN(const std::string pem, Enrol(options, as, clock));
    RETURN_IF_ERROR(Keep(options, as, pem, was_there && !ended ? &why : nullptr));
    return kube::ReadKubeconfig(options.kubeconfig);
  };
  Result<kube::ClientConfig> joined = join();
  if (joined.ok()) return joined;
  const std::string context = "join by " + options.bootstrap_kubeconfig;
  if (!was_there) return joined.error().WithContext(context);
  return joined.error().WithContext(
      fmt::format("the node's access cannot be used ({}): put a copy back, or a bootstrap "
                  "kubeconfig with a token that is good; {}",
                  why.message(), context));
}

}  // namespace keelson::cluster
