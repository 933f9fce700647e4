// SPDX-License-Identifier: Apache-2.0
// What the node's API serves with, and its exchange while it serves: files that somebody keeps, a
// certificate that the cluster's authority signs (serverTLSBootstrap; until there is one no
// handshake succeeds, as upstream), or one that the node made itself. Open blocks; the rest is the
// loop's. `api` and `clock` outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/cluster/renewal.h"
#include "kubelet/config/tls_terms.h"
#include "kubelet/identity/self_signed.h"
#include "lib/http/service/options.h"

namespace keelson::cluster {

class ServingTls {
 public:
  struct Settings {
    std::string node;
    std::vector<std::string> names;   // host name, addresses
    std::string certificates;         // the folder of certificates that are the node's own
    std::string cert_file, key_file;  // somebody's; both or none
    bool bootstrap = false;
    config::TlsTerms terms;
    std::chrono::milliseconds look_period{10'000};  // at files

    // Certificate and key in one file, by upstream's name.
    std::string Signed() const { return certificates + "/kubelet-server-current.pem"; }
  };
  // Files that cannot be used are an error.
  static base::Result<std::unique_ptr<ServingTls>> Open(kube::Api& api, const base::Clock& clock,
                                                        Settings settings);
  ~ServingTls();

  service::TlsMaterial Material() const;
  // `set` is told whatever is to be used from then on.
  void Start(std::function<base::Status(const service::TlsMaterial&)> set);

 private:
  ServingTls(kube::Api& api, const base::Clock& clock, Settings settings)
      : api_(api), clock_(clock), settings_(std::move(settings)) {}
  base::Status First();
  base::Result<identity::KeyPair> ReadFiles() const;
  void Look();
  base::Status Use(identity::KeyPair pair);
  int64_t Now() const { return clock_.WallNanos() / 1'000'000'000; }
  bool HasEnded() const { return end_ <= Now(); }
  // Which files those of certificate and key are, and when they were written.
  std::string Stamp() const;
  // Nothing is new at the files, and nothing will be without somebody's writing them.
  bool Settled() const;

  kube::Api& api_;
  const base::Clock& clock_;
  const Settings settings_;
  identity::KeyPair used_;   // empty: there is none yet
  int64_t end_ = INT64_MAX;  // of used_, seconds since the epoch
  std::string stamp_;        // of the files at the last look
  bool read_twice_ = false;  // as stamp_ has them: their times are too coarse for once
  bool ended_ = false;       // it is not used any more
  std::string told_;         // what was wrong with files, said once
  std::function<base::Status(const service::TlsMaterial&)> set_;
  std::optional<Renewal> renewal_;
  std::optional<os::EventLoop::TimerId> timer_;
};

}  // namespace keelson::cluster
