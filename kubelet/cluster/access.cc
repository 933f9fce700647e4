// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/access.h"

#include <algorithm>
#include <random>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"

namespace keelson::cluster {

using base::Result;
using json::Value;

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kBetweenRenewals = 60;  // also where the clocks do not agree
constexpr int64_t kLongestWait = 3600;    // timers follow no clock that was set
constexpr int64_t kShortestWait = 2;

double Random() { return std::random_device{}() / 4294967296.0; }

bool HasEnded(const kube::ClientConfig& config, int64_t now) {
  if (config.target.certificate.empty()) return false;
  const Result<certificate::Lifetime> life = certificate::LifetimeOf(config.target.certificate);
  return life.ok() && life->end <= now;
}

std::string OwnKubeconfig(const kube::ClientConfig& as, const std::string& certificate) {
  const std::string& host = as.target.host;
  const std::string server = "https://" +
                             (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
                             std::to_string(as.target.port) + as.path_prefix;
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
  Enrolment enrolment(api, options.node);
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

int64_t RenewAt(int64_t begin, int64_t end, double random) {
  const int64_t life = end - begin;
  return begin + life * 7 / 10 + static_cast<int64_t>(static_cast<double>(life / 5) * random);
}

int64_t RenewalPause(int64_t left) { return std::clamp(left / 2, kShortestWait, kBetweenRenewals); }

int64_t RetryPause(int64_t left) { return std::clamp(left / 10, kShortestWait, kLongestWait); }

Renewal::Renewal(kube::Api& api, const base::Clock& clock, AccessOptions options)
    : api_(api), clock_(clock), options_(std::move(options)) {}

Renewal::~Renewal() {
  if (timer_) api_.loop().CancelTimer(*timer_);
}

void Renewal::Start() { Plan(true); }

void Renewal::Plan(bool first) {
  const std::string pem = os::ReadFile(options_.Certificate()).ValueOr("");
  if (pem.empty() || pem != api_.config().target.certificate) return;  // another is used
  const Result<certificate::Lifetime> life = certificate::LifetimeOf(pem);
  if (!life.ok()) return;
  const int64_t now = clock_.WallNanos() / kSecond;
  const int64_t at = std::max(RenewAt(life->begin, life->end, Random()),
                              now + (first ? 0 : RenewalPause(life->end - now)));
  const auto look = [this, at](const auto& self) -> void {
    const int64_t left = at - clock_.WallNanos() / kSecond;
    if (left <= 0) return Renew();
    timer_ = api_.loop().After(std::chrono::seconds(std::min(left, kLongestWait)),
                               [self] { self(self); });
  };
  look(look);
}

void Renewal::Renew() {
  timer_.reset();
  enrolment_.emplace(api_, options_.node);
  enrolment_->Start([this](Result<std::string> pem) { Have(std::move(pem)); });
}

void Renewal::Have(Result<std::string> pem) {
  base::Status kept =
      pem.ok() ? os::WriteFileAtomic(options_.Certificate(), *pem, 0600, os::Durability::kPowerLoss)
               : base::Status(pem.error());
  if (kept.ok()) {
    kube::ClientConfig config = api_.config();
    config.target.certificate = config.target.key = *pem;
    api_.SetConfig(std::move(config));
    base::LogInfo("the node has a new certificate", {{"file", options_.Certificate()}});
    return Plan(false);
  }
  const Result<certificate::Lifetime> life =
      certificate::LifetimeOf(api_.config().target.certificate);
  const int64_t pause = RetryPause(life.ok() ? life->end - clock_.WallNanos() / kSecond : 0);
  base::LogError("the node's certificate is not renewed, trying again",
                 {{"error", kept.error()}, {"in_seconds", pause}});
  timer_ = api_.loop().After(std::chrono::seconds(pause), [this] { Renew(); });
}

}  // namespace keelson::cluster
