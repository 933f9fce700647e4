// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/attributes.h"

#include <fmt/core.h>

#include "lib/base/percent.h"
#include "lib/base/strings.h"
#include "lib/json/text.h"

namespace keelson::auth {
namespace {

// What is no escape stays as it is.
std::string Decode(std::string_view segment) {
  std::string out;
  for (size_t i = 0; i < segment.size(); ++i) {
    const std::optional<char> byte = base::ReadEscape(segment.substr(i));
    out += byte.value_or(segment[i]);
    if (byte) i += 2;
  }
  return out;
}

std::vector<std::string> Segments(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string> parts;
  if (path.empty()) return parts;
  for (const std::string_view part : base::Split(path, '/')) parts.push_back(Decode(part));
  return parts;
}

const std::string* Find(const Query& query, std::string_view name) {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}

bool True(const std::string* value) {
  if (value == nullptr) return false;
  const std::string lower = base::ToLower(*value);
  return lower != "false" && lower != "0";
}

// The name that a field selector fixes with `metadata.name=x`.
std::string SelectedName(std::string_view selector) {
  for (const std::string_view part : base::Split(selector, ',')) {
    if (!part.starts_with("metadata.name=")) continue;
    std::string_view value = part.substr(sizeof "metadata.name=" - 1);
    if (value.starts_with('=')) value.remove_prefix(1);
    return std::string(value);
  }
  return "";
}

std::string VerbOf(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  return method == "DELETE" ? "delete" : "";
}

}  // namespace

Attributes ReadAttributes(std::string_view method, std::string_view path, const Query& query) {
  Attributes attributes;
  attributes.path = Decode(path);
  attributes.verb = base::ToLower(method);
  std::vector<std::string> parts = Segments(path);
  if (parts.size() < 3 || (parts[0] != "api" && parts[0] != "apis")) return attributes;
  size_t at = 1;
  if (parts[0] == "apis") {
    if (parts.size() < 4) return attributes;
    attributes.group = parts[at++];
  }
  attributes.version = parts[at++];
  attributes.is_resource = true;
  const bool special = parts[at] == "watch" || parts[at] == "proxy";
  if (special && parts.size() - at < 2) {
    attributes.is_resource = false;
    attributes.group = attributes.version = "";
    return attributes;
  }
  attributes.verb = special ? parts[at++] : VerbOf(method);
  if (parts[at] == "namespaces" && parts.size() - at > 1) {
    attributes.ns = parts[at + 1];
    if (parts.size() - at > 2 && parts[at + 2] != "status" && parts[at + 2] != "finalize") at += 2;
  }
  const size_t left = parts.size() - at;
  attributes.resource = parts[at];
  if (left >= 2) attributes.name = parts[at + 1];
  if (left >= 3 && attributes.verb != "proxy") attributes.subresource = parts[at + 2];
  for (size_t i = at + 3; i < parts.size(); ++i) attributes.rest.push_back(parts[i]);
  if (const std::string* selector = Find(query, "fieldSelector"))
    attributes.field_selector = *selector;
  if (attributes.name.empty() && attributes.verb == "get") {
    attributes.verb = True(Find(query, "watch")) ? "watch" : "list";
    attributes.name = SelectedName(attributes.field_selector);
  } else if (attributes.name.empty() && attributes.verb == "delete") {
    attributes.verb = "deletecollection";
  }
  return attributes;
}

std::string ForbiddenText(const Attributes& attributes, std::string_view reason) {
  const std::string user = json::Quote(attributes.user.name);
  std::string text;
  if (!attributes.is_resource) {
    text = fmt::format("User {} cannot {} path {}", user, attributes.verb,
                       json::Quote(attributes.path));
  } else {
    text = fmt::format("User {} cannot {} resource {} in API group {} {}", user, attributes.verb,
                       json::Quote(attributes.FullResource()), json::Quote(attributes.group),
                       attributes.ns.empty()
                           ? "at the cluster scope"
                           : fmt::format("in the namespace {}", json::Quote(attributes.ns)));
  }
  if (!reason.empty()) text.append(": ").append(reason);
  return text;
}

}  // namespace keelson::auth
