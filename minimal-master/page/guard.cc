// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/guard.h"

#include <string_view>

#include "lib/base/strings.h"

namespace keelson::page {
namespace {

// "localhost:6480" → "localhost", "[::1]:6480" → "[::1]".
std::string_view NameIn(std::string_view host) {
  const size_t bracket = host.find(']');
  if (host.starts_with('[') && bracket != std::string_view::npos)
    return host.substr(0, bracket + 1);
  return host.substr(0, host.find(':'));
}

bool NamesThisMachine(std::string_view host) {
  const std::string name = base::ToLower(NameIn(host));
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

bool IsDocument(std::string_view path) { return path == "/" || path == "/ui" || path == "/ui/"; }

}  // namespace

std::optional<Refused> Check(const service::Request& request, Door door) {
  if (request.method != "GET" && request.method != "HEAD")
    return Refused{405, "this page can only be read"};
  const std::string* host = service::FindHeader(request.headers, "host");
  if (door == Door::kLocal && (host == nullptr || !NamesThisMachine(*host)))
    return Refused{421, "the page is at localhost and 127.0.0.1, under no other name"};
  const std::string* site = service::FindHeader(request.headers, "sec-fetch-site");
  if (site == nullptr) {
    // An old browser, or a program.
    const std::string* origin = service::FindHeader(request.headers, "origin");
    if (origin != nullptr &&
        (host == nullptr || *origin != (request.tls ? "https://" : "http://") + *host))
      return Refused{403, "another site asks"};
    return std::nullopt;
  }
  // The browser's own word, which holds behind a proxy too (`kubectl proxy`), where Host is
  // another.
  if (*site == "same-origin" || *site == "none") return std::nullopt;
  // Somebody followed a link to the page.
  const std::string* mode = service::FindHeader(request.headers, "sec-fetch-mode");
  const std::string* into = service::FindHeader(request.headers, "sec-fetch-dest");
  if (IsDocument(request.path) && mode != nullptr && *mode == "navigate" && into != nullptr &&
      *into == "document")
    return std::nullopt;
  return Refused{403, "another site asks"};
}

service::Fields SafetyHeaders() {
  return {{"Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
           "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
           "require-trusted-types-for 'script'; trusted-types 'none'"},
          {"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Cache-Control", "no-store"}};
}

}  // namespace keelson::page
