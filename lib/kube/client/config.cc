// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/client/config.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::kube {
namespace {

// The entry of a list of {name, KIND: {…}}.
base::Result<const json::Value*> Named(const json::Value& document, std::string_view list,
                                       std::string_view kind, const std::string& name) {
  const json::Value* items = document.Find(list);
  if (items != nullptr) {
    for (const json::Value& item : items->items())
      if (item.At({"name"}).AsString() == name) return &item.At({kind});
  }
  return base::InvalidArgument("no entry '{}' in {}", name, list);
}

// KEY-data in base64, or the file that KEY names.
base::Result<std::string> Material(const json::Value& entry, const std::string& key,
                                   const std::string& folder) {
  if (const json::Value* data = entry.Find(key + "-data");
      data != nullptr && !data->AsString().empty()) {
    auto decoded = base::Base64Decode(data->AsString());
    if (!decoded) return base::InvalidArgument("line {}: {}-data is not base64", data->line(), key);
    return *std::move(decoded);
  }
  const json::Value* file = entry.Find(key);
  if (file == nullptr || file->AsString().empty()) return std::string();
  const std::string& name = file->AsString();
  return os::ReadFile(name.starts_with('/') ? name : folder + "/" + name);
}

// "https://host[:port][/prefix]", the host an address or a name.
bool TakeServer(std::string_view url, ClientConfig& config) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  const size_t slash = std::min(url.find('/'), url.size());
  std::string_view host = url.substr(0, slash);
  std::string_view prefix = url.substr(slash);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  config.path_prefix = prefix;
  std::string_view port;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  config.target.host = host;
  config.target.port = 443;
  if (!port.empty()) {
    const auto number = port.front() == ':' ? base::ParseUint64(port.substr(1)) : std::nullopt;
    if (!number || *number == 0 || *number > 65535) return false;
    config.target.port = static_cast<int>(*number);
  }
  return !host.empty() && host.find_first_of("@? #%") == std::string_view::npos &&
         prefix.find_first_of("?#") == std::string_view::npos;
}

base::Result<ClientConfig> Read(const json::Value& document, std::string context_name,
                                const std::string& folder) {
  if (context_name.empty()) context_name = document.At({"current-context"}).AsString();
  if (context_name.empty()) return base::InvalidArgument("it has no current-context");
  ASSIGN_OR_RETURN(const json::Value* context,
                   Named(document, "contexts", "context", context_name));
  ASSIGN_OR_RETURN(const json::Value* cluster,
                   Named(document, "clusters", "cluster", context->At({"cluster"}).AsString()));
  json::Value nobody;
  const json::Value* user = &nobody;
  if (const std::string& name = context->At({"user"}).AsString(); !name.empty()) {
    ASSIGN_OR_RETURN(user, Named(document, "users", "user", name));
  }
  for (const char* unknown : {"exec", "auth-provider", "username"}) {
    if (const json::Value* found = user->Find(unknown); found != nullptr)
      return base::InvalidArgument(
          "line {}: users with '{}' are not supported: use a certificate "
          "or a token",
          found->line(), unknown);
  }
  if (const json::Value* proxy = cluster->Find("proxy-url"); proxy != nullptr)
    return base::InvalidArgument("line {}: proxy-url is not supported", proxy->line());

  ClientConfig config;
  config.ns = context->At({"namespace"}).AsString();
  const json::Value& server = cluster->At({"server"});
  if (!TakeServer(server.AsString(), config))
    return base::InvalidArgument("line {}: server '{}' is not an https URL", server.line(),
                                 server.AsString());
  config.target.server_name = cluster->At({"tls-server-name"}).AsString();
  config.target.any_peer = cluster->At({"insecure-skip-tls-verify"}).AsBool();
  ASSIGN_OR_RETURN(config.target.authorities, Material(*cluster, "certificate-authority", folder));
  ASSIGN_OR_RETURN(config.target.certificate, Material(*user, "client-certificate", folder));
  ASSIGN_OR_RETURN(config.target.key, Material(*user, "client-key", folder));
  if (config.target.certificate.empty() != config.target.key.empty())
    return base::InvalidArgument(
        "the user has a client certificate without its key, or a key "
        "without its certificate");
  config.token = user->At({"token"}).AsString();
  if (const std::string& file = user->At({"tokenFile"}).AsString(); !file.empty())
    config.token_file = file.starts_with('/') ? file : folder + "/" + file;
  if (config.target.authorities.empty() && !config.target.any_peer)
    return base::InvalidArgument("line {}: the cluster names no certificate-authority",
                                 cluster->line());
  return config;
}

}  // namespace

base::Result<ClientConfig> ReadKubeconfig(const std::string& path, const std::string& context) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  base::Result<json::Value> document = json::ParseYaml(text);
  if (!document.ok()) return document.error().WithContext(path);
  base::Result<ClientConfig> config = Read(*document, context, folder);
  if (!config.ok()) return config.error().WithContext(path);
  return config;
}

}  // namespace keelson::kube
