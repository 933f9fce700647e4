// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/docker_config.h"

#include "lib/base/strings.h"
#include "runtime/content/json_view.h"

namespace keelson::image {

using content::JsonView;

namespace {

// "https://index.docker.io/v1/" → "index.docker.io"
std::string HostOfKey(std::string_view key) {
  if (const size_t scheme = key.find("://"); scheme != std::string_view::npos)
    key.remove_prefix(scheme + 3);
  return std::string(key.substr(0, key.find('/')));
}

// The names that Docker Hub goes by.
bool IsDockerHub(std::string_view host) {
  return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
}

}  // namespace

base::Result<std::optional<fetch::Credentials>> FindCredentials(const std::string& text,
                                                                const std::string& authority) {
  ASSIGN_OR_RETURN(const JsonView json, JsonView::Parse(text));
  ASSIGN_OR_RETURN(const JsonView auths, json.Object("auths"));
  for (const std::string& key : auths.Keys()) {
    const std::string host = HostOfKey(key);
    if (host != authority && !(IsDockerHub(host) && IsDockerHub(authority))) continue;
    ASSIGN_OR_RETURN(const JsonView entry, auths.Object(key));
    fetch::Credentials out;
    ASSIGN_OR_RETURN(out.username, entry.String("username"));
    ASSIGN_OR_RETURN(out.password, entry.String("password"));
    ASSIGN_OR_RETURN(out.identity_token, entry.String("identitytoken"));
    ASSIGN_OR_RETURN(out.registry_token, entry.String("registrytoken"));
    ASSIGN_OR_RETURN(const std::string auth, entry.String("auth"));
    if (!auth.empty()) {
      const std::optional<std::string> pair = base::Base64Decode(auth);
      const size_t colon = pair ? pair->find(':') : std::string::npos;
      if (colon == std::string::npos)
        return base::InvalidArgument("auths.{}: auth is not base64 of user:password", key);
      out.username = pair->substr(0, colon);
      out.password = pair->substr(colon + 1);
      while (out.password.ends_with('\0')) out.password.pop_back();
    }
    if (out.username.empty() && out.identity_token.empty() && out.registry_token.empty()) continue;
    return std::optional(std::move(out));
  }
  return std::optional<fetch::Credentials>();
}

}  // namespace keelson::image
