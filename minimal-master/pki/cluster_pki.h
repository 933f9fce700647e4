// SPDX-License-Identifier: Apache-2.0
// A cluster's keys and certificates on disk: made when they are not there, renewed after two thirds
// of their life, read anew at every start. Files are 0600, written beside their name and renamed.
// What cannot be used goes to NAME.bad, is named in the log and made anew from what is whole; the
// authority's key alone cannot be, and a start without it is refused. One thread; what it hands out
// is text. The layout, below the directory given:
//   ca.crt ca.key            the authority, ten years; signs everything below and nodes' requests
//   apiserver.crt .key       serving, one year
//   apiserver-kubelet-client.crt .key   the API server towards kubelets, system:masters
//   sa.key sa.pub            signs service accounts' tokens; older public keys: sa-*.pub
//   admin.crt .key           the administrator's, in the kubeconfig
#pragma once

#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "minimal-master/pki/certificate.h"

namespace keelson::pki {

struct PkiOptions {
  std::string dir;
  std::vector<std::string> dns;  // what the serving certificate is for, besides upstream's names
  std::vector<std::string> ips;
  std::string server_url = "https://127.0.0.1:6443";  // in the kubeconfig
  std::string kubeconfig_path;                        // empty: none is written
};

// A kubeconfig with everything in it.
std::string FormatKubeconfig(const std::string& server_url, const std::string& ca_pem,
                             const std::string& user, const std::string& certificate_pem,
                             const std::string& key_pem);

// When what lives from `from` to `to` is renewed.
inline int64_t RenewalTime(int64_t from, int64_t to) { return from + (to - from) / 3 * 2; }

class ClusterPki {
 public:
  static base::Result<ClusterPki> Open(PkiOptions options, const base::Clock& clock);

  // Renews what is due, or no longer fits the names asked for. True: something is new, serving
  // certificates are to be loaded again.
  base::Result<bool> Renew();
  int64_t NextRenewal() const;  // seconds since the epoch

  const Authority& authority() const { return authority_; }
  const std::string& serving_certificate() const { return serving_.certificate; }
  const std::string& serving_key() const { return serving_.key; }
  const std::string& kubelet_client_certificate() const { return kubelet_client_.certificate; }
  const std::string& kubelet_client_key() const { return kubelet_client_.key; }
  const Key& service_account_key() const { return service_account_; }
  // All that tokens may be signed with, the current one first.
  const std::vector<Key>& service_account_keys() const { return service_account_keys_; }
  std::string Kubeconfig() const;

 private:
  struct Leaf {
    std::string file;
    std::string certificate;
    std::string key;
    int64_t renew_at = 0;
  };
  ClusterPki(PkiOptions options, const base::Clock& clock, Authority authority, Key key)
      : options_(std::move(options)),
        clock_(clock),
        authority_(std::move(authority)),
        service_account_(std::move(key)) {}
  base::Status LoadLeaf(Leaf& leaf, const Profile& wanted);
  base::Status IssueLeaf(Leaf& leaf, Profile profile);
  Profile ServingProfile() const;
  base::Status ReadTokenKeys();
  int64_t Now() const { return clock_.WallNanos() / 1'000'000'000; }

  PkiOptions options_;
  const base::Clock& clock_;
  Authority authority_;
  Key service_account_;
  std::vector<Key> service_account_keys_;
  Leaf serving_{.file = "apiserver"};
  Leaf kubelet_client_{.file = "apiserver-kubelet-client"};
  Leaf admin_{.file = "admin"};
};

}  // namespace keelson::pki
