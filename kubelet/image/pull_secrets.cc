// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_secrets.h"

#include <fnmatch.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string_view>

#include "lib/base/strings.h"
#include "lib/hash/sha256.h"
#include "lib/json/value.h"

namespace keelson::image_gc {
namespace {

using json::Value;

// By place ("registry.example/team", "*.example:5000"), those that say more first.
using Keyring = std::map<std::string, std::vector<Credential>, std::greater<>>;

constexpr std::string_view kDefaultRegistry = "index.docker.io";

base::Error Unreadable(const kube::ConfigObject& secret, const std::string& what) {
  return base::FailedPrecondition("image pull secret \"{}\": {}", secret.metadata.name, what);
}

// Docker writes places as URLs too; "/v1/" and "/v2/" are every registry's root.
std::string PlaceOf(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return std::string(key);
  std::string_view path = key.substr(slash);
  if (path.starts_with("/v1/") || path.starts_with("/v2/")) path.remove_prefix(3);
  return std::string(key.substr(0, slash)) + (path == "/" ? "" : std::string(path));
}

std::optional<cri::AuthConfig> Entry(const Value& entry) {
  cri::AuthConfig auth;
  auth.set_username(entry.At({"username"}).AsString());
  auth.set_password(entry.At({"password"}).AsString());
  std::string pair = entry.At({"auth"}).AsString();
  if (!pair.empty()) {
    while (pair.size() % 4 != 0) pair += '=';  // some leave it out
    const std::optional<std::string> decoded = base::Base64Decode(pair);
    const size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) return std::nullopt;
    auth.set_username(decoded->substr(0, colon));
    auth.set_password(decoded->substr(colon + 1));
  }
  return auth;
}

base::Status Add(const kube::ConfigObject& secret, Keyring& keyring) {
  const auto modern = secret.data.find(".dockerconfigjson"), old = secret.data.find(".dockercfg");
  if (modern == secret.data.end() && old == secret.data.end()) return {};
  const bool is_modern = modern != secret.data.end();
  const base::Result<Value> document = json::ParseJson((is_modern ? modern : old)->second);
  if (!document.ok() || !document->IsObject())
    return Unreadable(secret, "its Docker configuration is no JSON object");
  const Value entries = is_modern ? document->At({"auths"}) : *document;
  if (!entries.IsObject()) return {};
  for (const auto& [key, value] : entries.members()) {
    std::optional<cri::AuthConfig> auth = Entry(value);
    if (!auth) {
      return Unreadable(
          secret, "unable to parse auth field, must be formatted as base64(username:password)");
    }
    if (auth->username().empty()) continue;
    Credential credential{.auth = *std::move(auth), .of = Credential::Of::kSecret, .source = {}};
    const kube::ObjectMeta& metadata = secret.metadata;
    credential.source = {metadata.namespace_name, metadata.name, metadata.uid,
                         HashOf(credential.auth)};
    keyring[PlaceOf(key)].push_back(std::move(credential));
  }
  return {};
}

struct Place {
  std::vector<std::string_view> names;  // of the host, at its dots
  std::string_view port, path;
};
Place Split(std::string_view place) {
  Place out;
  const size_t slash = place.find('/');
  std::string_view host = place.substr(0, slash);
  if (slash != std::string_view::npos) out.path = place.substr(slash);
  if (const size_t colon = host.rfind(':'); colon != std::string_view::npos) {
    out.port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  out.names = base::Split(host, '.');
  return out;
}

std::vector<Credential> Lookup(const Keyring& keyring, const std::string& image) {
  const std::string repository = RepositoryOf(image);
  std::vector<Credential> found;
  for (const auto& [place, credentials] : keyring) {
    if (IsPlaceOf(place, repository))
      found.insert(found.end(), credentials.begin(), credentials.end());
  }
  // Docker's own registry goes by the name that `docker login` writes, too.
  if (const auto docker = keyring.find(std::string(kDefaultRegistry));
      found.empty() && docker != keyring.end() && repository.starts_with("docker.io/"))
    found = docker->second;
  return found;
}

}  // namespace

bool IsPlaceOf(std::string_view place, std::string_view repository) {
  const Place wanted = Split(place), given = Split(repository);
  if (wanted.port != given.port || wanted.names.size() != given.names.size() ||
      !given.path.starts_with(wanted.path))
    return false;
  return std::equal(wanted.names.begin(), wanted.names.end(), given.names.begin(),
                    [](std::string_view pattern, std::string_view name) {
                      return fnmatch(std::string(pattern).c_str(), std::string(name).c_str(),
                                     FNM_PATHNAME) == 0;
                    });
}

std::string RepositoryOf(const std::string& image) {
  std::string name = image.substr(0, image.find('@'));
  const size_t slash = name.rfind('/');
  const size_t tag = name.find(':', slash == std::string::npos ? 0 : slash);
  if (tag != std::string::npos) name.resize(tag);
  const std::string first = name.substr(0, name.find('/'));
  const bool has_host = name.find('/') != std::string::npos &&
                        (first.find_first_of(".:") != std::string::npos || first == "localhost");
  if (!has_host) name = "docker.io/" + name;
  if (name.starts_with("index.docker.io/")) name = name.substr(6);
  if (name.starts_with("docker.io/") && name.find('/', 10) == std::string::npos)
    name.insert(10, "library/");
  return name;
}

std::string HashOf(const cri::AuthConfig& auth) {
  Value document = Value::Object();
  if (!auth.username().empty()) document.Set("username", Value(auth.username()));
  if (!auth.password().empty()) document.Set("password", Value(auth.password()));
  return hash::Sha256HexOf(json::WriteJson(document));
}

base::Result<std::vector<Credential>> CredentialsFor(
    const std::string& image, const std::vector<kube::ConfigObject>& secrets) {
  Keyring keyring;
  for (const kube::ConfigObject& secret : secrets) RETURN_IF_ERROR(Add(secret, keyring));
  return Lookup(keyring, image);
}

std::vector<Credential> CredentialsFor(const std::string& image,
                                       const std::map<std::string, Credential>& entries) {
  Keyring keyring;
  for (const auto& [key, credential] : entries) keyring[PlaceOf(key)].push_back(credential);
  return Lookup(keyring, image);
}

}  // namespace keelson::image_gc
