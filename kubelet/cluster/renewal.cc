// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/renewal.h"

#include <algorithm>
#include <random>

#include "lib/base/log.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"

namespace keelson::cluster {

using base::Result;

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kBetweenRenewals = 60;  // also where the clocks do not agree
constexpr int64_t kLongestRetry = 3600;
constexpr int64_t kLongestRetryOfEnded = 300;
constexpr int64_t kShortestWait = 2;
// Timers follow no clock that was set, and do not go on while the machine sleeps.
constexpr int64_t kBetweenLooks = 10;

double Random() { return std::random_device{}() / 4294967296.0; }

}  // namespace

int64_t RenewAt(int64_t begin, int64_t end, double random) {
  const int64_t life = end - begin;
  return begin + life * 7 / 10 + static_cast<int64_t>(static_cast<double>(life / 5) * random);
}

int64_t RenewalPause(int64_t left) { return std::clamp(left / 2, kShortestWait, kBetweenRenewals); }

int64_t RetryPause(int64_t left, int failures) {
  if (left > 0) return std::clamp(left / 10, kShortestWait, kLongestRetry);
  const int doublings = std::clamp(failures - 1, 0, 10);
  return std::min(kShortestWait << doublings, kLongestRetryOfEnded);
}

Renewal::Renewal(kube::Api& api, const base::Clock& clock, What what)
    : api_(api), clock_(clock), what_(std::move(what)) {}

Renewal::~Renewal() {
  if (timer_) api_.loop().CancelTimer(*timer_);
}

void Renewal::Start() { Plan(true); }

int64_t Renewal::Left() const {
  const Result<certificate::Lifetime> life = certificate::LifetimeOf(what_.current());
  return life.ok() ? life->end - clock_.WallNanos() / kSecond : 0;
}

void Renewal::Plan(bool first) {
  const std::string pem = what_.current();
  if (pem.empty()) return Renew();
  const Result<certificate::Lifetime> life = certificate::LifetimeOf(pem);
  if (!life.ok()) return Renew();
  const int64_t now = clock_.WallNanos() / kSecond;
  const int64_t at = std::max(RenewAt(life->begin, life->end, Random()),
                              now + (first ? 0 : RenewalPause(life->end - now)));
  const auto look = [this, at](const auto& self) -> void {
    const int64_t left = at - clock_.WallNanos() / kSecond;
    if (left <= 0) return Renew();
    timer_ = api_.loop().After(std::chrono::seconds(std::min(left, kBetweenLooks)), [this, self] {
      enrolment_.reset();  // and the connection that it was had through
      by_token_.reset();
      Mend();
      self(self);
    });
  };
  look(look);
}

// What is used is here as well: a file that was spoilt meanwhile is whole again before the next
// start needs it, by when no token may be good any more.
void Renewal::Mend() {
  const std::string used = what_.current();
  const Result<std::string> there = os::ReadFile(what_.file);
  if ((there.ok() && *there == used) || !certificate::BelongTogether(used, used) ||
      (there.ok() && certificate::BelongTogether(*there, *there)))
    return;
  const base::Status mended = [&]() -> base::Status {
    RETURN_IF_ERROR(os::SetAside(what_.file));
    return os::WriteFileAtomic(what_.file, used, 0600, os::Durability::kPowerLoss);
  }();
  const base::Error why =
      there.ok() ? base::DataLoss("it is no certificate with its key") : there.error();
  if (mended.ok()) {
    base::LogWarn(what_.called + " was damaged on the disk, put aside and written anew",
                  {{"path", what_.file}, {"aside", os::AsidePath(what_.file)}, {"error", why}});
  } else {
    base::LogWarn(what_.called + " is damaged on the disk and cannot be written anew",
                  {{"path", what_.file}, {"error", mended.error()}});
  }
}

// Who has slept through the end of its certificate is nobody to the server, and comes as one who is
// new.
kube::Api& Renewal::Through() {
  by_token_.reset();
  if (what_.bootstrap_kubeconfig.empty() || Left() > 0) return api_;
  Result<kube::ClientConfig> as = kube::ReadKubeconfig(what_.bootstrap_kubeconfig);
  if (!as.ok()) {
    base::LogWarn("the way in by a token is of no use", {{"error", as.error()}});
    return api_;
  }
  return by_token_.emplace(api_.loop(), clock_, *std::move(as), "keelson-kubelet");
}

void Renewal::Renew() {
  timer_.reset();
  enrolment_.reset();  // before what it speaks through
  enrolment_.emplace(Through(), what_.ask, what_.pace);
  enrolment_->Start([this](Result<std::string> pem) { Have(std::move(pem)); });
}

void Renewal::Have(Result<std::string> pem) {
  if (pem.ok()) Mend();  // a folder in its place would refuse the new one
  base::Status kept = pem.ok()
                          ? os::WriteFileAtomic(what_.file, *pem, 0600, os::Durability::kPowerLoss)
                          : base::Status(pem.error());
  if (kept.ok()) {
    failures_ = 0;
    what_.use(*pem);
    base::LogInfo(what_.called + " is a new one", {{"file", what_.file}});
    return Plan(false);
  }
  const int64_t pause = RetryPause(Left(), ++failures_);
  base::LogError(what_.called + " is not renewed, trying again",
                 {{"error", kept.error()}, {"in_seconds", pause}});
  timer_ = api_.loop().After(std::chrono::seconds(pause), [this] { Renew(); });
}

std::unique_ptr<Renewal> RenewalOfAccess(kube::Api& api, const base::Clock& clock,
                                         const std::string& node, const std::string& file,
                                         const std::string& bootstrap_kubeconfig) {
  const std::string pem = os::ReadFile(file).ValueOr("");
  if (pem.empty() || pem != api.config().target.certificate) return nullptr;
  return std::make_unique<Renewal>(
      api, clock,
      Renewal::What{.called = "the node's certificate",
                    .file = file,
                    .ask = {node, {}},
                    .pace = {},
                    .bootstrap_kubeconfig = bootstrap_kubeconfig,
                    .current = [&api] { return api.config().target.certificate; },
                    .use =
                        [&api](const std::string& renewed) {
                          kube::ClientConfig config = api.config();
                          config.target.certificate = config.target.key = renewed;
                          api.SetConfig(std::move(config));
                        }});
}

}  // namespace keelson::cluster
