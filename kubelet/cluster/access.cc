// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/access.h"

#include <optional>

#include "kubelet/cluster/enrolment.h"
#include "lib/base/ip_address.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"
#include "lib/os/listen.h"

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

}  // namespace

Result<kube::ClientConfig> OpenAccess(const AccessOptions& options, const base::Clock& clock) {
  if (options.bootstrap_kubeconfig.empty()) return kube::ReadKubeconfig(options.kubeconfig);
  if (os::Exists(options.kubeconfig)) {
    Result<kube::ClientConfig> own = kube::ReadKubeconfig(options.kubeconfig);
    if (own.ok() && !HasEnded(*own, clock.WallNanos() / kSecond)) return own;
    base::LogWarn("the node's access is of no use, asking for another",
                  {{"error", own.ok() ? base::FailedPrecondition("its certificate has ended")
                                      : own.error()}});
  }
  ASSIGN_OR_RETURN(const kube::ClientConfig as, kube::ReadKubeconfig(options.bootstrap_kubeconfig));
  const Result<std::string> pem = Enrol(options, as, clock);
  if (!pem.ok()) return pem.error().WithContext("join by " + options.bootstrap_kubeconfig);
  RETURN_IF_ERROR(os::MakeDirs(options.certificates, 0700));
  // The token may not be good for a second time, after a power cut.
  RETURN_IF_ERROR(
      os::WriteFileAtomic(options.Certificate(), *pem, 0600, os::Durability::kPowerLoss));
  RETURN_IF_ERROR(os::WriteFileAtomic(options.kubeconfig, OwnKubeconfig(as, options.Certificate()),
                                      0600, os::Durability::kPowerLoss));
  return kube::ReadKubeconfig(options.kubeconfig);
}

}  // namespace keelson::cluster
