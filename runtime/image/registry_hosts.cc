// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/registry_hosts.h"

#include <algorithm>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
// Some of the library's assertions do not hold for malformed text ("[#"), which the code behind
// them then refuses in words: they must neither end the process nor, as they do with NDEBUG, tell
// the compiler that this never happens.
#define TOML_ASSERT(condition) static_assert(true)
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::image {

using base::InvalidArgument;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMaxFile = 1u << 20;
constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubServer = "registry-1.docker.io";

// The library goes wrong over letters beyond ASCII (unreachable code is reached), so it gets none:
// those of comments are blotted out, in a string they have to be written as \u00e4, elsewhere TOML
// has none.
Result<std::string> ToAscii(std::string_view text) {
  std::string out(text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text);
  int line = 1;
  std::string end;  // of the string or comment that the place is in
  for (size_t at = 0; at < out.size(); ++at) {
    char& c = out[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      if (end != "\n")
        return InvalidArgument("line {}: letters beyond ASCII must be written as \\u00e4", line);
      c = '?';
    }
    if (c == '\n') ++line;
    const auto here = std::string_view(out).substr(at);
    if (!end.empty()) {
      if (c == '\\' && end.front() == '"' &&
          (here.starts_with("\\\"") || here.starts_with("\\\\"))) {
        ++at;  // an escaped quote does not end it
      } else if (here.starts_with(end) || (c == '\n' && end.size() == 1)) {
        at += end.size() - 1;
        end.clear();
      }
    } else if (c == '#') {
      end = "\n";
    } else if (c == '"' || c == '\'') {
      end = std::string(here.starts_with(std::string(3, c)) ? 3 : 1, c);
      at += end.size() - 1;
    }
  }
  return out;
}

Result<std::vector<std::string>> Strings(const toml::node_view<const toml::node>& node,
                                         std::string_view key) {
  std::vector<std::string> out;
  if (!node) return out;
  if (const auto one = node.value<std::string>()) {
    out.push_back(*one);
    return out;
  }
  const toml::array* list = node.as_array();
  if (list == nullptr) return InvalidArgument("{} must be a string or a list of strings", key);
  for (const toml::node& item : *list) {
    const auto text = item.value<std::string>();
    if (!item.is_string() || !text)
      return InvalidArgument("{} must be a string or a list of strings", key);
    out.push_back(*text);
  }
  return out;
}

Result<std::string> ReadBeside(const std::string& dir, const std::string& path) {
  return os::ReadFile(path.starts_with('/') ? path : dir + "/" + path, kMaxFile);
}

// client = "both.pem" | ["both.pem"] | ["cert.pem", …] | [["cert.pem", "key.pem"]]
Status ReadClient(const toml::table& table, const std::string& dir, fetch::Endpoint* out) {
  const auto node = table["client"];
  if (!node) return base::Ok();
  std::string certificate, key;
  if (const auto one = node.value<std::string>()) {
    certificate = *one;
  } else if (const toml::array* list = node.as_array(); list != nullptr && list->size() == 1) {
    if (const toml::array* pair = list->get(0)->as_array();
        pair != nullptr && (pair->size() == 1 || pair->size() == 2)) {
      certificate = pair->get(0)->value<std::string>().value_or("");
      if (pair->size() == 2) key = pair->get(1)->value<std::string>().value_or("");
    } else {
      certificate = list->get(0)->value<std::string>().value_or("");
    }
  }
  if (certificate.empty())
    return InvalidArgument("client must be a file, or one pair of certificate and key");
  ASSIGN_OR_RETURN(out->certificate, ReadBeside(dir, certificate));
  if (key.empty()) {
    out->key = out->certificate;
  } else {
    ASSIGN_OR_RETURN(out->key, ReadBeside(dir, key));
  }
  return base::Ok();
}

Status ReadHeaders(const toml::table& table, fetch::Endpoint* out) {
  const toml::node* node = table.get("header");
  if (node == nullptr) return base::Ok();
  const toml::table* headers = node->as_table();
  if (headers == nullptr) return InvalidArgument("header must be a table");
  for (const auto& [name, value] : *headers) {
    ASSIGN_OR_RETURN(const std::vector<std::string> values,
                     Strings(toml::node_view<const toml::node>(value), "header"));
    for (const std::string& text : values) {
      if (base::ContainsControlCharacter(text) || base::ContainsControlCharacter(name.str()))
        return InvalidArgument("header {} holds a control character", name.str());
      out->headers.emplace_back(std::string(name.str()), text);
    }
  }
  return base::Ok();
}

// Of the node's own file. Whoever speaks to the host takes the address apart with the library that
// it speaks with; the daemon, which never does, goes without one.
Status CheckAddress(std::string_view address) {
  const std::string quoted = base::QuoteIfNeeded(address.substr(0, 300));
  const size_t end = address.find("://");
  const std::string scheme = base::ToLower(address.substr(0, end));
  if (scheme != "http" && scheme != "https")
    return InvalidArgument("{}: only http and https are spoken", quoted);
  const std::string_view rest = address.substr(end + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (address.size() > 8192 || authority.empty() || base::ContainsControlCharacter(address) ||
      address.find_first_of(" \\?#") != std::string_view::npos)
    return InvalidArgument("{} is not the address of a registry", quoted);
  if (authority.find('@') != std::string_view::npos)
    return InvalidArgument("a URL with a user name is not accepted");
  return base::Ok();
}

Result<RegistryHost> ReadHost(const toml::table& table, std::string address,
                              const std::string& registry, const std::string& dir) {
  RegistryHost host;
  if (address.find("://") == std::string::npos) address = "https://" + address;
  while (address.ends_with('/')) address.pop_back();
  RETURN_IF_ERROR(CheckAddress(address));
  const size_t begin = address.find("://") + 3;
  host.authority = address.substr(begin, address.find('/', begin) - begin);
  const bool override_path = table["override_path"].value_or(false);
  host.endpoint.base =
      override_path || address.substr(begin).ends_with("/v2") ? address : address + "/v2";
  if (host.authority == kDockerHub) {  // the name people write; the API is elsewhere
    host.authority = kDockerHubServer;
    host.endpoint.base = "https://" + std::string(kDockerHubServer) + "/v2";
  }
  host.endpoint.skip_verify = table["skip_verify"].value_or(false);
  if (table["capabilities"]) {
    ASSIGN_OR_RETURN(const std::vector<std::string> capabilities,
                     Strings(table["capabilities"], "capabilities"));
    const auto has = [&capabilities](std::string_view what) {
      return std::find(capabilities.begin(), capabilities.end(), what) != capabilities.end();
    };
    for (const std::string& capability : capabilities) {
      if (capability != "pull" && capability != "resolve" && capability != "push")
        return InvalidArgument("unknown capability {}", base::QuoteIfNeeded(capability));
    }
    host.endpoint.can_pull = has("pull");
    host.endpoint.can_resolve = has("resolve");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> authorities, Strings(table["ca"], "ca"));
  for (const std::string& file : authorities) {
    ASSIGN_OR_RETURN(const std::string pem, ReadBeside(dir, file));
    host.endpoint.authorities += pem + "\n";
  }
  RETURN_IF_ERROR(ReadClient(table, dir, &host.endpoint));
  RETURN_IF_ERROR(ReadHeaders(table, &host.endpoint));
  host.is_registry =
      host.authority == registry || (registry == kDockerHub && host.authority == kDockerHubServer);
  if (!host.is_registry) host.endpoint.ns = registry;
  return host;
}

}  // namespace

Result<std::vector<RegistryHost>> ParseHostsToml(const std::string& text,
                                                 const std::string& registry,
                                                 const std::string& dir) {
  ASSIGN_OR_RETURN(const std::string ascii, ToAscii(text));
  const toml::parse_result parsed = toml::parse(ascii);
  if (!parsed)
    return InvalidArgument("line {}: {}", parsed.error().source().begin.line,
                           parsed.error().description());
  const toml::table& root = parsed.table();
  std::vector<RegistryHost> out;
  if (const toml::node* node = root.get("host"); node != nullptr) {
    const toml::table* hosts = node->as_table();
    if (hosts == nullptr) return InvalidArgument("host must be a table");
    // toml++ sorts by name; the order of trying is the order of the file.
    std::vector<std::pair<toml::source_position, std::string>> order;
    for (const auto& [name, value] : *hosts)
      order.emplace_back(value.source().begin, std::string(name.str()));
    std::sort(order.begin(), order.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [position, name] : order) {
      const toml::table* table = hosts->get(name)->as_table();
      if (table == nullptr)
        return InvalidArgument("host.{} must be a table", base::QuoteIfNeeded(name));
      Result<RegistryHost> host = ReadHost(*table, name, registry, dir);
      if (!host.ok()) return host.error().WithContext("host " + base::QuoteIfNeeded(name));
      out.push_back(std::move(host).value());
    }
  }
  const auto server_node = root["server"];
  if (server_node && !server_node.is_string()) return InvalidArgument("server must be a string");
  const std::string server = server_node.value_or(std::string());
  Result<RegistryHost> itself = ReadHost(root, server.empty() ? registry : server, registry, dir);
  if (!itself.ok()) return itself.error().WithContext("server");
  itself->is_registry = true;
  itself->endpoint.ns.clear();
  const bool listed = std::any_of(out.begin(), out.end(), [&itself](const RegistryHost& host) {
    return host.endpoint.base == itself->endpoint.base;
  });
  if (!listed) out.push_back(std::move(itself).value());
  return out;
}

Result<std::vector<RegistryHost>> FindRegistryHosts(
    const std::string& registries_dir, const std::string& registry,
    const std::vector<std::string>& plain_http_hosts) {
  // The registry's name passed the strict grammar of references: it cannot climb out of the
  // directory.
  std::vector<std::string> names = {registry};
  if (const size_t colon = registry.rfind(':');
      colon != std::string::npos && !registry.ends_with(']')) {
    names.push_back(registry.substr(0, colon) + "_" + registry.substr(colon + 1) + "_");
  }
  names.push_back("_default");
  for (const std::string& name : names) {
    const std::string dir = registries_dir + "/" + name;
    Result<std::string> text = os::ReadFile(dir + "/hosts.toml", kMaxFile);
    if (!text.ok() && text.error().code() == base::Code::kNotFound) continue;
    if (!text.ok()) return text.error();
    Result<std::vector<RegistryHost>> hosts = ParseHostsToml(*text, registry, dir);
    if (!hosts.ok()) return hosts.error().WithContext(dir + "/hosts.toml");
    return hosts;
  }
  ASSIGN_OR_RETURN(std::vector<RegistryHost> hosts, ParseHostsToml("", registry, registries_dir));
  const bool plain = std::find(plain_http_hosts.begin(), plain_http_hosts.end(), registry) !=
                     plain_http_hosts.end();
  if (plain) hosts.at(0).endpoint.base = "http://" + registry + "/v2";
  return hosts;
}

}  // namespace keelson::image
