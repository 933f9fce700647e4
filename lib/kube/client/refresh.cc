// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/client/refresh.h"

#include "lib/base/log.h"

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

Refresh::Refresh(Api& api, std::string kubeconfig, std::chrono::nanoseconds period)
    : api_(api), kubeconfig_(std::move(kubeconfig)), period_(period) {
  Plan();
}

Refresh::~Refresh() { api_.loop().CancelTimer(timer_); }

void Refresh::Plan() {
  timer_ = api_.loop().After(period_, [this] { Look(); });
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
