// SPDX-License-Identifier: Apache-2.0
// Answers requests that are for nodes, by handing them on. Thread-safe; `cache` outlives it. Ends
// what is under way with its destructor.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "lib/http/passage/passages.h"
#include "minimal-master/api/route.h"
#include "minimal-master/node/locations.h"
#include "minimal-master/watch/cache.h"

namespace keelson::node {

class Nodes {
 public:
  struct Options {
    // Who signs kubelets' certificates, PEM; empty: any is taken, as upstream does by itself.
    std::string kubelet_authority;
    service::Trust trust = service::Trust::kAuthorities;
    // Whether `route` may be: asked again where a request is more than its verb says. May be empty.
    std::function<status::Or<bool>(const api::Route& route)> authorize;
    // A test's own: servers on loopback.
    std::function<bool(const std::string& host)> may_proxy;
  };
  static base::Result<std::unique_ptr<Nodes>> Start(watch::Cache& cache, Options options);

  // What kubelets are shown, PEM; for connections from now on.
  base::Status SetCertificate(const std::string& certificate, const std::string& key);
  // Answers `exchange`; `route` IsOfNodes().
  void Connect(std::shared_ptr<service::Exchange> exchange, const api::Route& route);

 private:
  Nodes(watch::Cache& cache, Options options, std::unique_ptr<passage::Passages> passages,
        passage::Tls anybody)
      : cache_(cache),
        options_(std::move(options)),
        anybody_(std::move(anybody)),
        passages_(std::move(passages)) {}
  passage::Tls kubelet_tls() const;

  watch::Cache& cache_;
  const Options options_;
  const passage::Tls anybody_;  // shows nothing, trusts all
  mutable std::mutex mutex_;
  passage::Tls kubelet_tls_;  // guarded by mutex_
  const std::unique_ptr<passage::Passages> passages_;
};

}  // namespace keelson::node
