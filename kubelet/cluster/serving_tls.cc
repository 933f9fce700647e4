// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/serving_tls.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "kubelet/identity/soundness.h"
#include "lib/base/log.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"

namespace keelson::cluster {

using base::Result;
using identity::KeyPair;

namespace {

// A person has to look at it first.
constexpr Enrolment::Options kPace{.max_look_period = std::chrono::milliseconds(8000)};

bool HasAddress(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), certificate::IsAddress);
}

int64_t EndOf(const KeyPair& pair) {
  const Result<certificate::Lifetime> life = certificate::LifetimeOf(pair.certificate);
  return life.ok() ? life->end : INT64_MAX;
}

}  // namespace

Result<std::unique_ptr<ServingTls>> ServingTls::Open(kube::Api& api, const base::Clock& clock,
                                                     Settings settings) {
  std::unique_ptr<ServingTls> made(new ServingTls(api, clock, std::move(settings)));
  RETURN_IF_ERROR(made->First());
  return made;
}

ServingTls::~ServingTls() {
  if (timer_) api_.loop().CancelTimer(*timer_);
}

base::Status ServingTls::First() {
  const bool files = !settings_.cert_file.empty();
  if (settings_.bootstrap) {
    // What was signed before comes before files, which it began with.
    const Result<std::string> pem = os::ReadFile(settings_.Signed());
    const base::Status sound =
        pem.ok() ? identity::CheckClient(*pem, *pem, api_.config().target.authorities)
                 : base::Status(pem.error());
    if (sound.ok()) {
      used_ = {*pem, *pem};
    } else if (sound.error().code() != base::Code::kNotFound) {
      base::LogWarn("the signed serving certificate is damaged, put aside and asked for anew",
                    {{"path", settings_.Signed()},
                     {"aside", os::AsidePath(settings_.Signed())},
                     {"error", sound.error()}});
      RETURN_IF_ERROR(os::SetAside(settings_.Signed()));
    }
    if (used_.certificate.empty() && files)
      if (Result<KeyPair> given = ReadFiles(); given.ok()) used_ = *std::move(given);
    end_ = EndOf(used_);
    ended_ = HasEnded();
    return os::MakeDirs(settings_.certificates, 0700);
  }
  ASSIGN_OR_RETURN(
      used_, files ? ReadFiles()
                   : identity::OpenSelfSigned(settings_.certificates, settings_.names, Now()));
  end_ = EndOf(used_);
  return base::Ok();
}

Result<KeyPair> ServingTls::ReadFiles() const {
  KeyPair pair;
  ASSIGN_OR_RETURN(pair.certificate, os::ReadFile(settings_.cert_file));
  ASSIGN_OR_RETURN(pair.key, os::ReadFile(settings_.key_file));
  if (!certificate::BelongTogether(pair.certificate, pair.key)) {
    return base::InvalidArgument("{} is not the key of the certificate in {}", settings_.key_file,
                                 settings_.cert_file);
  }
  return pair;
}

std::string ServingTls::Stamp() const {
  const bool own = settings_.cert_file.empty();
  const identity::SelfSignedPaths made = identity::SelfSignedIn(settings_.certificates);
  std::string stamp;
  for (const std::string& path :
       {own ? made.certificate : settings_.cert_file, own ? made.key : settings_.key_file}) {
    struct stat is{};
    if (stat(path.c_str(), &is) != 0) is = {};
    stamp += fmt::format("{}:{}:{}:{}.{} ", is.st_dev, is.st_ino, is.st_size, is.st_ctim.tv_sec,
                         is.st_ctim.tv_nsec);
  }
  return stamp;
}

bool ServingTls::Settled() const {
  const bool own = settings_.cert_file.empty();
  return read_twice_ && !(own && end_ <= Now() + identity::kRenewedBeforeEnd);
}

service::TlsMaterial ServingTls::Material() const {
  const bool none = used_.certificate.empty() || ended_;
  // The authority that vouches for the API server vouches for its clients too.
  return {.certificate = none ? "" : used_.certificate,
          .key = none ? "" : used_.key,
          .client_ca = api_.config().target.authorities,
          .awaits_certificate = none,
          .only_1_3 = settings_.terms.only_1_3,
          .ciphers = settings_.terms.ciphers};
}

base::Status ServingTls::Use(KeyPair pair) {
  std::swap(used_, pair);
  const bool ended = std::exchange(ended_, false);
  const base::Status set = set_(Material());
  if (set.ok()) {
    end_ = EndOf(used_);
    return set;
  }
  std::swap(used_, pair);
  ended_ = ended;
  return set;
}

void ServingTls::Start(std::function<base::Status(const service::TlsMaterial&)> set) {
  set_ = std::move(set);
  if (settings_.bootstrap && HasAddress(settings_.names)) {
    renewal_.emplace(api_, clock_,
                     Renewal::What{.called = "the node's serving certificate",
                                   .file = settings_.Signed(),
                                   .ask = {settings_.node, settings_.names},
                                   .pace = kPace,
                                   .bootstrap_kubeconfig = "",
                                   .current = [this]() -> std::string {
                                     // Of a node that has moved it is another's.
                                     return certificate::ServesFor(used_.certificate,
                                                                   settings_.names)
                                                ? used_.certificate
                                                : "";
                                   },
                                   .use =
                                       [this](const std::string& pem) {
                                         const base::Status used = Use({pem, pem});
                                         if (!used.ok())
                                           base::LogError(
                                               "the node's serving certificate is of no "
                                               "use, the former one stays",
                                               {{"error", used.error()}});
                                       }});
    renewal_->Start();
  } else if (settings_.bootstrap) {
    base::LogError("the node has no address that a serving certificate could name",
                   {{"node", settings_.node}});
  }
  timer_ = api_.loop().After(settings_.look_period, [this] { Look(); });
}

void ServingTls::Look() {
  timer_ = api_.loop().After(settings_.look_period, [this] { Look(); });
  if (settings_.bootstrap) {
    if (used_.certificate.empty() || ended_ || !HasEnded()) return;
    base::LogError(
        "the node's serving certificate has ended; until there is another one nobody is "
        "served",
        {{"file", settings_.Signed()}});
    ended_ = true;
    (void)set_(Material());
    return;
  }
  std::string stamp = Stamp();
  const bool same = stamp == stamp_;
  if (same && Settled()) return;
  stamp_ = std::move(stamp);
  Result<KeyPair> now =
      settings_.cert_file.empty()
          ? identity::OpenSelfSigned(settings_.certificates, settings_.names, Now())
          : ReadFiles();
  base::Status used = now.ok() ? base::Status() : base::Status(now.error());
  if (used.ok() && now->certificate == used_.certificate && now->key == used_.key) {
    told_.clear();
    read_twice_ = same;
    return;
  }
  read_twice_ = false;
  if (used.ok()) used = Use(*std::move(now));
  if (used.ok()) {
    base::LogInfo("the node serves with another certificate");
  } else if (told_ != used.error().message()) {
    // Both files are exchanged one after the other: the next look may see them together.
    base::LogWarn("the serving certificate is not exchanged, the former one stays",
                  {{"error", used.error()}});
    told_ = used.error().message();
  }
}

}  // namespace keelson::cluster
