// SPDX-License-Identifier: Apache-2.0
// What a node's operator writes and registries answer: hosts.toml, Docker's config.json,
// WWW-Authenticate; and what pods' Secrets hold for pulls.
#include <string>

#include "kubelet/image/pull_secrets.h"
#include "lib/base/strings.h"
#include "runtime/fetch/challenge.h"
#include "runtime/image/docker_config.h"
#include "runtime/image/registry_hosts.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keelson;
  using fuzz::Require;
  const std::string text(reinterpret_cast<const char*>(data), size);
  // A folder that is not there: a certificate named in the text is read by nobody.
  const auto hosts =
      image::ParseHostsToml(text, "registry.example:5000", "/nonexistent/keelson-fuzz");
  if (hosts.ok()) {
    Require(!hosts->empty(), "no host at all", text);
    for (const image::RegistryHost& host : *hosts) {
      const std::string base = base::ToLower(host.endpoint.base);
      Require(base.starts_with("https://") || base.starts_with("http://"), "neither http nor https",
              base);
      Require(!host.authority.empty(), "a host without a name", base);
      for (const auto& [name, value] : host.endpoint.headers) {
        Require((name + value).find_first_of("\r\n") == std::string::npos, "a header of two lines",
                name + value);
      }
    }
  } else {
    fuzz::RequireSentence(hosts.error().message());
  }
  for (const char* authority : {"registry.example", "127.0.0.1:5000", ""}) {
    const auto credentials = image::FindCredentials(text, authority);
    if (!credentials.ok()) fuzz::RequireSentence(credentials.error().message());
  }
  for (const char* key : {".dockerconfigjson", ".dockercfg"}) {
    kube::ConfigObject secret;
    secret.secret = true;
    secret.data[key] = text;
    const auto tried = image_gc::CredentialsFor("registry.example/a/b:1", {secret});
    if (!tried.ok()) fuzz::RequireSentence(tried.error().message());
  }
  for (const fetch::Challenge& challenge : fetch::ParseChallenges({text})) {
    for (const char c : challenge.scheme)
      Require(c < 'A' || c > 'Z', "a scheme in capitals", challenge.scheme);
  }
  return 0;
}
