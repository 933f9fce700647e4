// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/cluster_pki.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::pki {

using base::Result;
using base::Status;

namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kBackdate = 300;  // clocks of nodes are not all right
constexpr auto kDurability = os::Durability::kPowerLoss;

Status WriteSecret(const std::string& path, const std::string& text) {
  // What is there already needs no room: a start works on a full disk.
  if (os::ReadFile(path).ValueOr("") == text) return base::Ok();
  return os::WriteFileAtomic(path, text, 0600, kDurability).WithContext("write " + path);
}

// The key before the certificate: a crash between the two leaves a certificate that does not fit,
// which is issued again.
Status WritePair(const std::string& base, const std::string& certificate, const std::string& key) {
  RETURN_IF_ERROR(WriteSecret(base + ".key", key));
  return WriteSecret(base + ".crt", certificate);
}

Result<Authority> OpenAuthority(const std::string& dir, int64_t now) {
  const std::string base = dir + "/ca";
  if (os::Exists(base + ".crt")) {
    ASSIGN_OR_RETURN(const std::string certificate, os::ReadFile(base + ".crt"));
    ASSIGN_OR_RETURN(const std::string key, os::ReadFile(base + ".key"));
    return Authority::Load(certificate, key).WithContext("read " + base + ".crt");
  }
  ASSIGN_OR_RETURN(Authority made,
                   Authority::Create("keelson-ca", now - kBackdate, now + 3650 * kDay));
  RETURN_IF_ERROR(WritePair(base, made.pem(), made.key().PrivatePem()));
  return made;
}

Result<Key> OpenTokenKey(const std::string& dir) {
  const std::string path = dir + "/sa.key";
  if (os::Exists(path)) {
    ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
    return Key::FromPem(text).WithContext("read " + path);
  }
  ASSIGN_OR_RETURN(Key made, Key::Generate());
  RETURN_IF_ERROR(WriteSecret(path, made.PrivatePem()));
  return made;
}

bool Holds(const std::vector<std::string>& all, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  });
}

}  // namespace

std::string FormatKubeconfig(const std::string& server_url, const std::string& ca_pem,
                             const std::string& user, const std::string& certificate_pem,
                             const std::string& key_pem) {
  return fmt::format(
      "apiVersion: v1\nkind: Config\nclusters:\n- name: keelson\n  cluster:\n    server: {}\n"
      "    certificate-authority-data: {}\nusers:\n- name: {}\n  user:\n"
      "    client-certificate-data: {}\n    client-key-data: {}\ncontexts:\n- name: keelson\n"
      "  context:\n    cluster: keelson\n    user: {}\ncurrent-context: keelson\n",
      server_url, base::Base64Encode(ca_pem), user, base::Base64Encode(certificate_pem),
      base::Base64Encode(key_pem), user);
}

Result<ClusterPki> ClusterPki::Open(PkiOptions options, const base::Clock& clock) {
  RETURN_IF_ERROR(os::MakeDirs(options.dir, 0700));
  const int64_t now = clock.WallNanos() / 1'000'000'000;
  ASSIGN_OR_RETURN(Authority authority, OpenAuthority(options.dir, now));
  ASSIGN_OR_RETURN(Key key, OpenTokenKey(options.dir));
  ClusterPki pki(std::move(options), clock, std::move(authority), std::move(key));
  RETURN_IF_ERROR(pki.ReadTokenKeys());
  ASSIGN_OR_RETURN(const bool renewed, pki.Renew());
  (void)renewed;
  return pki;
}

Profile ClusterPki::ServingProfile() const {
  Names names{.common_name = "kube-apiserver",
              .dns = {"kubernetes", "kubernetes.default", "kubernetes.default.svc",
                      "kubernetes.default.svc.cluster.local", "localhost"},
              .ips = {"127.0.0.1", "::1"}};
  names.dns.insert(names.dns.end(), options_.dns.begin(), options_.dns.end());
  names.ips.insert(names.ips.end(), options_.ips.begin(), options_.ips.end());
  return {.names = std::move(names), .server = true};
}

Result<bool> ClusterPki::Renew() {
  const Profile kubelet_client{.names = {.common_name = "kube-apiserver-kubelet-client",
                                         .organizations = {"system:masters"}},
                               .client = true};
  const Profile admin{
      .names = {.common_name = "kubernetes-admin", .organizations = {"system:masters"}},
      .client = true};
  const std::string before =
      serving_.certificate + kubelet_client_.certificate + admin_.certificate;
  RETURN_IF_ERROR(LoadLeaf(serving_, ServingProfile()));
  RETURN_IF_ERROR(LoadLeaf(kubelet_client_, kubelet_client));
  RETURN_IF_ERROR(LoadLeaf(admin_, admin));
  if (!options_.kubeconfig_path.empty()) {
    const auto there = os::ReadFile(options_.kubeconfig_path);
    if (!there.ok() || *there != Kubeconfig())
      RETURN_IF_ERROR(WriteSecret(options_.kubeconfig_path, Kubeconfig()));
  }
  return before != serving_.certificate + kubelet_client_.certificate + admin_.certificate;
}

// What is on disk, if it can be used: it parses, fits its key, authority and names, and is young.
Status ClusterPki::LoadLeaf(Leaf& leaf, const Profile& wanted) {
  const std::string base = options_.dir + "/" + leaf.file;
  auto certificate = os::ReadFile(base + ".crt");
  auto key_text = os::ReadFile(base + ".key");
  if (!certificate.ok() || !key_text.ok()) return IssueLeaf(leaf, wanted);
  const auto facts = ParseCertificate(*certificate);
  const auto key = Key::FromPem(*key_text);
  if (!facts.ok() || !key.ok() || !authority_.Issued(*certificate, *key))
    return IssueLeaf(leaf, wanted);
  const int64_t renew_at = RenewalTime(facts->not_before, facts->not_after);
  if (Now() >= renew_at || facts->names.common_name != wanted.names.common_name ||
      !Holds(facts->names.dns, wanted.names.dns) || !Holds(facts->names.ips, wanted.names.ips))
    return IssueLeaf(leaf, wanted);
  leaf.certificate = *std::move(certificate);
  leaf.key = *std::move(key_text);
  leaf.renew_at = renew_at;
  return base::Ok();
}

Status ClusterPki::IssueLeaf(Leaf& leaf, Profile profile) {
  ASSIGN_OR_RETURN(const Key key, Key::Generate());
  profile.not_before = Now() - kBackdate;
  profile.not_after = Now() + 365 * kDay;
  ASSIGN_OR_RETURN(std::string certificate, authority_.Issue(key, profile));
  RETURN_IF_ERROR(WritePair(options_.dir + "/" + leaf.file, certificate, key.PrivatePem()));
  leaf.renew_at = RenewalTime(profile.not_before,
                              std::min(profile.not_after, authority_.certificate().not_after));
  leaf.certificate = std::move(certificate);
  leaf.key = key.PrivatePem();
  return base::Ok();
}

Status ClusterPki::ReadTokenKeys() {
  service_account_keys_ = {service_account_};
  RETURN_IF_ERROR(WriteSecret(options_.dir + "/sa.pub", service_account_.PublicPem()));
  ASSIGN_OR_RETURN(const auto entries, os::ListDir(options_.dir));
  for (const os::DirEntry& entry : entries) {
    if (!entry.name.starts_with("sa-") || !entry.name.ends_with(".pub")) continue;
    ASSIGN_OR_RETURN(const std::string text, os::ReadFile(options_.dir + "/" + entry.name));
    ASSIGN_OR_RETURN(Key key, Key::PublicFromPem(text).WithContext("read " + entry.name));
    service_account_keys_.push_back(std::move(key));
  }
  return base::Ok();
}

int64_t ClusterPki::NextRenewal() const {
  return std::min({serving_.renew_at, kubelet_client_.renew_at, admin_.renew_at});
}

std::string ClusterPki::Kubeconfig() const {
  return FormatKubeconfig(options_.server_url, authority_.pem(), "kubernetes-admin",
                          admin_.certificate, admin_.key);
}

}  // namespace keelson::pki
