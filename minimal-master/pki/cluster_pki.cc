// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/pki/cluster_pki.h"

#include <algorithm>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"
#include "lib/os/unfinished.h"

namespace keelson::pki {

using base::Result;
using base::Status;

namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kBackdate = 300;  // clocks of nodes are not all right
constexpr auto kDurability = os::Durability::kPowerLoss;
constexpr char kAuthority[] = "keelson-ca";
constexpr const char* kLeaves[] = {"apiserver", "apiserver-kubelet-client", "admin"};

bool IsMissing(const base::Error& error) { return error.code() == base::Code::kNotFound; }

Status PutAside(const std::string& path, const base::Error& why, const char* then) {
  base::LogError("a file of the cluster's keys cannot be used, put aside",
                 {{"path", path}, {"aside", os::AsidePath(path)}, {"error", why}, {"then", then}});
  return os::SetAside(path);
}

Status WriteSecret(const std::string& path, const std::string& text) {
  const Result<std::string> there = os::ReadFile(path);
  // What is there already needs no room: a start works on a full disk.
  if (there.ok() && *there == text) return base::Ok();
  if (!there.ok() && !IsMissing(there.error()))
    RETURN_IF_ERROR(PutAside(path, there.error(), "written anew"));
  return os::WriteFileAtomic(path, text, 0600, kDurability).WithContext("write " + path);
}

// The key before the certificate: a crash between the two leaves a certificate that does not fit,
// which is issued again.
Status WritePair(const std::string& base, const std::string& certificate, const std::string& key) {
  RETURN_IF_ERROR(WriteSecret(base + ".key", key));
  return WriteSecret(base + ".crt", certificate);
}

// Whoever trusts the one that is lost trusts this one: name and key are the same. A certificate
// that another authority signed shows that the key is not the one that belongs here.
Result<Authority> RebuildAuthority(const std::string& dir, const Key& key, const base::Error& why,
                                   int64_t now) {
  const std::string path = dir + "/ca.crt";
  ASSIGN_OR_RETURN(Authority made,
                   Authority::Create(kAuthority, key, now - kBackdate, now + 3650 * kDay));
  for (const char* leaf : kLeaves) {
    const std::string base = dir + "/" + leaf;
    const Result<std::string> certificate = os::ReadFile(base + ".crt");
    const Result<Key> own = Key::FromPem(os::ReadFile(base + ".key").ValueOr(""));
    if (!certificate.ok() || !ParseCertificate(*certificate).ok() || !own.ok()) continue;
    if (made.Issued(*certificate, *own)) break;
    return base::FailedPrecondition(
        "read {}: {}; it cannot be made anew, {}/ca.key did not sign {}.crt: put a copy back", path,
        why.message(), dir, base);
  }
  RETURN_IF_ERROR(PutAside(path, why, "made anew from its key"));
  RETURN_IF_ERROR(WriteSecret(path, made.pem()));
  return made;
}

Result<Authority> OpenAuthority(const std::string& dir, int64_t now) {
  const std::string base = dir + "/ca";
  const Result<std::string> certificate = os::ReadFile(base + ".crt");
  const Result<std::string> text = os::ReadFile(base + ".key");
  const auto missing = [](const Result<std::string>& file) {
    return !file.ok() && IsMissing(file.error());
  };
  if (missing(certificate) && missing(text)) {
    ASSIGN_OR_RETURN(Authority made,
                     Authority::Create(kAuthority, now - kBackdate, now + 3650 * kDay));
    RETURN_IF_ERROR(WritePair(base, made.pem(), made.key().PrivatePem()));
    return made;
  }
  const Result<Key> key = text.ok() ? Key::FromPem(*text) : Result<Key>(text.error());
  if (!key.ok()) {
    return base::FailedPrecondition(
        "read {}.key: {}; nothing can be signed without it: put a copy back, or move '{}' away for "
        "an authority of a new cluster, which every node has to join again",
        base, key.error().message(), dir);
  }
  if (!certificate.ok()) return RebuildAuthority(dir, *key, certificate.error(), now);
  if (const Status whole = CheckSelfSigned(*certificate); !whole.ok())
    return RebuildAuthority(dir, *key, whole.error(), now);
  return Authority::Load(*certificate, *text).WithContext("read " + base + ".crt");
}

// One that is lost is followed by another; what it signed is known by its public half.
Result<Key> OpenTokenKey(const std::string& dir) {
  const std::string path = dir + "/sa.key";
  const Result<std::string> text = os::ReadFile(path);
  Result<Key> key = text.ok() ? Key::FromPem(*text) : Result<Key>(text.error());
  if (key.ok()) return key;
  if (text.ok() || !IsMissing(text.error()))
    RETURN_IF_ERROR(PutAside(path, key.error(), "another key signs from now on"));
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
  os::RemoveUnfinished(options.dir);  // keys that nobody has used
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
  const auto facts =
      certificate.ok() ? ParseCertificate(*certificate) : Result<Certificate>(certificate.error());
  const auto key = key_text.ok() ? Key::FromPem(*key_text) : Result<Key>(key_text.error());
  const auto put_aside = [](const std::string& path, const auto& read) -> Status {
    if (read.ok() || IsMissing(read.error())) return base::Ok();
    return PutAside(path, read.error(), "issued anew");
  };
  RETURN_IF_ERROR(put_aside(base + ".crt", facts));
  RETURN_IF_ERROR(put_aside(base + ".key", key));
  if (!facts.ok() || !key.ok()) return IssueLeaf(leaf, wanted);
  if (!authority_.Issued(*certificate, *key)) {
    base::LogWarn("a certificate is not this authority's or not its key's, issued anew",
                  {{"path", base + ".crt"}});
    return IssueLeaf(leaf, wanted);
  }
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
  const std::string current = options_.dir + "/sa.pub";
  if (const Result<std::string> text = os::ReadFile(current); text.ok()) {
    const Result<Key> before = Key::PublicFromPem(*text);
    if (!before.ok()) RETURN_IF_ERROR(PutAside(current, before.error(), "written anew"));
    // Tokens that it signed stay good for their time.
    if (before.ok() && before->Id() != service_account_.Id()) {
      RETURN_IF_ERROR(WriteSecret(fmt::format("{}/sa-{}.pub", options_.dir, before->Id()), *text));
    }
  }
  RETURN_IF_ERROR(WriteSecret(current, service_account_.PublicPem()));
  ASSIGN_OR_RETURN(const auto entries, os::ListDir(options_.dir));
  for (const os::DirEntry& entry : entries) {
    if (!entry.name.starts_with("sa-") || !entry.name.ends_with(".pub")) continue;
    const std::string path = options_.dir + "/" + entry.name;
    const Result<std::string> text = os::ReadFile(path);
    Result<Key> key = text.ok() ? Key::PublicFromPem(*text) : Result<Key>(text.error());
    if (!key.ok()) {
      RETURN_IF_ERROR(PutAside(path, key.error(), "tokens that it signed are refused"));
      continue;
    }
    service_account_keys_.push_back(*std::move(key));
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
