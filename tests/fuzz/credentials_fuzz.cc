// SPDX-License-Identifier: Apache-2.0
// What proves who a client is: tokens, certificates, requests for certificates. The first byte
// chooses the kind; claims get a right signature and DER its PEM, so that changes get past them.
// Nobody is taken for somebody whom the claims do not name.
#include <string>
#include <string_view>

#include "minimal-master/auth/bootstrap_token.h"
#include "minimal-master/auth/token.h"
#include "minimal-master/pki/certificate.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
namespace auth = keelson::auth;
namespace pki = keelson::pki;

constexpr int64_t kNow = 1'800'000'000;
constexpr char kIssuer[] = "https://kubernetes.default.svc";

class Objects final : public auth::BoundObjects {
 public:
  std::optional<Found> Find(std::string_view, std::string_view, std::string_view) const override {
    return Found{"u", 0};
  }
  bool HoldsToken(std::string_view, std::string_view, std::string_view) const override {
    return true;
  }
};

const pki::Key& OurKey() {
  static const pki::Key key = pki::Key::Generate().value();
  return key;
}

void CheckToken(const std::string& token, bool signed_by_us) {
  static const auth::TokenVerifier verifier({kIssuer}, {"api"}, {OurKey()});
  const auto claims = verifier.Verify(token, kNow, Objects());
  if (!claims.ok()) return RequireSentence(claims.error().message());
  Require(signed_by_us, "a token that nobody signed", token);
  Require(verifier.Ours(token), "a good token of somebody else", token);
  const auth::User user = auth::UserOf(*claims);
  Require(user.name == "system:serviceaccount:" + claims->ns + ":" + claims->service_account.name,
          "another user", user.name);
}

std::string Signed(std::string_view claims) {
  const std::string text =
      pki::Base64UrlEncode(R"({"alg":"ES256"})") + "." + pki::Base64UrlEncode(claims);
  return text + "." + pki::Base64UrlEncode(OurKey().Sign(text).value());
}

void CheckCertificate(const keelson::base::Result<pki::Certificate>& certificate) {
  if (!certificate.ok()) return RequireSentence(certificate.error().message());
  Require(certificate->sha256.size() == 64, "a sum of another length", certificate->sha256);
}

void CheckRequest(const std::string& pem) {
  const auto request = pki::ParseRequest(pem);
  if (!request.ok()) RequireSentence(request.error().message());
}

// Base64 with '+', '/' and padding, in lines as PEM has it.
std::string Pem(std::string_view kind, std::string_view der) {
  std::string body = pki::Base64UrlEncode(der);
  for (char& c : body) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (body.size() % 4 != 0) body += '=';
  std::string pem = "-----BEGIN " + std::string(kind) + "-----\n";
  for (size_t at = 0; at < body.size(); at += 64) pem += body.substr(at, 64) + "\n";
  return pem + "-----END " + std::string(kind) + "-----\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'T':
      CheckToken(text, false);
      break;
    case 'C':
      CheckToken(Signed(text), true);
      break;
    case 'B': {
      std::string_view id, secret;
      if (auth::SplitBootstrapToken(text, id, secret))
        Require(id.size() == 6 && secret.size() == 16, "halves of another length", text);
      break;
    }
    case 'P':
      CheckCertificate(pki::ParseCertificate(text));
      CheckRequest(text);
      break;
    case 'D':
      CheckCertificate(pki::ParseCertificateDer(text));
      break;
    case 'R':
      CheckRequest(Pem("CERTIFICATE REQUEST", text));
      break;
    case 'K': {
      const auto key = pki::Key::PublicFromPem(Pem("PUBLIC KEY", text));
      if (!key.ok()) RequireSentence(key.error().message());
      break;
    }
    default:
      break;
  }
  return 0;
}
