// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/client/refresh.h"

#include <algorithm>

#include "lib/base/log.h"
#include "lib/certificate/signing_request.h"

namespace keelson::kube {
namespace {

bool Same(const ClientConfig& a, const ClientConfig& b) {
  return a.target.host == b.target.host && a.target.port == b.target.port &&
         a.target.server_name == b.target.server_name && a.target.any_peer == b.target.any_peer &&
         a.target.authorities == b.target.authorities &&
         a.target.certificate == b.target.certificate && a.target.key == b.target.key &&
         a.path_prefix == b.path_prefix && a.token == b.token && a.token_file == b.token_file;
}

}  // namespace

std::chrono::nanoseconds LookAfter(std::chrono::nanoseconds period, std::chrono::seconds left) {
  constexpr std::chrono::nanoseconds kOften = std::chrono::seconds(1);
  return std::min<std::chrono::nanoseconds>(
      period, std::max<std::chrono::nanoseconds>(std::chrono::nanoseconds(left) / 8, kOften));
}

Refresh::Refresh(Api& api, std::string kubeconfig, std::chrono::nanoseconds period)
    : api_(api), kubeconfig_(std::move(kubeconfig)), period_(period) {
  Plan();
}

Refresh::~Refresh() { api_.loop().CancelTimer(timer_); }

void Refresh::Plan() {
  std::chrono::nanoseconds after = period_;
  const auto life = certificate::LifetimeOf(api_.config().target.certificate);
  if (life.ok())
    after = LookAfter(period_, std::chrono::seconds(life->end) -
                                   std::chrono::duration_cast<std::chrono::seconds>(
                                       std::chrono::system_clock::now().time_since_epoch()));
  timer_ = api_.loop().After(after, [this] { Look(); });
}

void Refresh::Look() {
  base::Result<ClientConfig> now = ReadKubeconfig(kubeconfig_);
  if (!now.ok()) {
    base::LogDebug("the access is used as it was", {{"error", now.error()}});
  } else if (!Same(*now, api_.config())) {
    base::LogDebug("the access is another", {{"file", kubeconfig_}});
    api_.SetConfig(*std::move(now));
  }
  Plan();
}

}  // namespace keelson::kube
