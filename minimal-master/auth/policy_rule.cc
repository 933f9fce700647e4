// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/auth/policy_rule.h"

#include <algorithm>

#include "lib/json/text.h"

namespace keelson::auth {
namespace {

using Strings = std::vector<std::string>;

bool Has(const Strings& all, std::string_view one) {
  for (const std::string& each : all)
    if (each == one) return true;
  return false;
}

bool HasOrAll(const Strings& all, std::string_view one) {
  for (const std::string& each : all)
    if (each == "*" || each == one) return true;
  return false;
}

// A rule's resource against one asked for, its subresource apart.
bool ResourceMatches(std::string_view rule, std::string_view resource,
                     std::string_view subresource) {
  if (rule == "*") return true;
  if (subresource.empty()) return rule == resource;
  if (rule.size() != resource.size() + 1 + subresource.size() &&
      !(rule.size() == 2 + subresource.size() && rule[0] == '*'))
    return false;
  const size_t slash = rule.find('/');
  if (slash == std::string_view::npos || rule.substr(slash + 1) != subresource) return false;
  return rule.substr(0, slash) == resource || rule.substr(0, slash) == "*";
}

bool ResourceMatches(std::string_view rule, std::string_view combined) {
  const size_t slash = combined.find('/');
  if (slash == std::string_view::npos) return ResourceMatches(rule, combined, "");
  return ResourceMatches(rule, combined.substr(0, slash), combined.substr(slash + 1));
}

bool UrlMatches(std::string_view rule, std::string_view path) {
  if (rule == "*" || rule == path) return true;
  if (!rule.ends_with('*')) return false;
  while (rule.ends_with('*')) rule.remove_suffix(1);
  return path.starts_with(rule);
}

// `part` has at most one of each.
bool CoversPart(const PolicyRule& rule, const PolicyRule& part) {
  if (!HasOrAll(rule.verbs, part.verbs.empty() ? "" : part.verbs[0])) return false;
  if (!part.non_resource_urls.empty())
    return std::any_of(
        rule.non_resource_urls.begin(), rule.non_resource_urls.end(),
        [&](const std::string& url) { return UrlMatches(url, part.non_resource_urls[0]); });
  if (part.api_groups.empty() || !HasOrAll(rule.api_groups, part.api_groups[0])) return false;
  if (!std::any_of(rule.resources.begin(), rule.resources.end(),
                   [&](const std::string& one) { return ResourceMatches(one, part.resources[0]); }))
    return false;
  if (rule.resource_names.empty()) return true;
  return !part.resource_names.empty() && Has(rule.resource_names, part.resource_names[0]);
}

std::vector<PolicyRule> Parts(const PolicyRule& rule) {
  std::vector<PolicyRule> parts;
  const Strings none = {""};
  for (const std::string& group : rule.api_groups)
    for (const std::string& resource : rule.resources)
      for (const std::string& verb : rule.verbs)
        for (const std::string& name : rule.resource_names.empty() ? none : rule.resource_names) {
          PolicyRule part{.verbs = {verb}, .api_groups = {group}, .resources = {resource}};
          if (!rule.resource_names.empty()) part.resource_names = {name};
          parts.push_back(std::move(part));
        }
  for (const std::string& url : rule.non_resource_urls)
    for (const std::string& verb : rule.verbs)
      parts.push_back({.verbs = {verb}, .non_resource_urls = {url}});
  return parts;
}

Strings ReadStrings(const json::Value& rule, std::string_view key) {
  Strings all;
  if (const json::Value* list = rule.Find(key))
    for (const json::Value& item : list->items()) all.push_back(item.AsString());
  return all;
}

json::Value Array(const Strings& all) {
  json::Value list = json::Value::Array();
  for (const std::string& one : all) list.Append(json::Value(one));
  return list;
}

}  // namespace

PolicyRule ReadRule(const json::Value& rule) {
  return {.verbs = ReadStrings(rule, "verbs"),
          .api_groups = ReadStrings(rule, "apiGroups"),
          .resources = ReadStrings(rule, "resources"),
          .resource_names = ReadStrings(rule, "resourceNames"),
          .non_resource_urls = ReadStrings(rule, "nonResourceURLs")};
}

json::Value ToJson(const PolicyRule& rule) {
  json::Value out = json::Value::Object();
  out.Set("verbs", Array(rule.verbs));
  if (!rule.api_groups.empty()) out.Set("apiGroups", Array(rule.api_groups));
  if (!rule.resources.empty()) out.Set("resources", Array(rule.resources));
  if (!rule.resource_names.empty()) out.Set("resourceNames", Array(rule.resource_names));
  if (!rule.non_resource_urls.empty()) out.Set("nonResourceURLs", Array(rule.non_resource_urls));
  return out;
}

bool Allows(const PolicyRule& rule, const Attributes& attributes) {
  if (!HasOrAll(rule.verbs, attributes.verb)) return false;
  if (!attributes.is_resource)
    return std::any_of(rule.non_resource_urls.begin(), rule.non_resource_urls.end(),
                       [&](const std::string& url) { return UrlMatches(url, attributes.path); });
  if (!HasOrAll(rule.api_groups, attributes.group)) return false;
  if (!std::any_of(rule.resources.begin(), rule.resources.end(), [&](const std::string& one) {
        return ResourceMatches(one, attributes.resource, attributes.subresource);
      }))
    return false;
  return rule.resource_names.empty() || Has(rule.resource_names, attributes.name);
}

std::vector<PolicyRule> Missing(const std::vector<const PolicyRule*>& held,
                                const std::vector<PolicyRule>& wanted) {
  std::vector<PolicyRule> missing;
  for (const PolicyRule& rule : wanted)
    for (PolicyRule& part : Parts(rule))
      if (std::none_of(held.begin(), held.end(),
                       [&](const PolicyRule* one) { return CoversPart(*one, part); }))
        missing.push_back(std::move(part));
  return missing;
}

std::vector<PolicyRule> Compact(const std::vector<PolicyRule>& parts) {
  std::vector<PolicyRule> compact;
  for (const PolicyRule& part : parts) {
    const auto same = std::find_if(compact.begin(), compact.end(), [&](const PolicyRule& one) {
      return !part.resources.empty() && one.api_groups == part.api_groups &&
             one.resources == part.resources && one.resource_names == part.resource_names;
    });
    if (same == compact.end()) {
      compact.push_back(part);
    } else {
      same->verbs.insert(same->verbs.end(), part.verbs.begin(), part.verbs.end());
    }
  }
  return compact;
}

std::string CompactText(const PolicyRule& rule) {
  std::string text = "{";
  const auto add = [&text](std::string_view name, const Strings& all) {
    if (all.empty()) return;
    if (text.size() > 1) text += ", ";
    text.append(name).append(":[");
    for (size_t i = 0; i < all.size(); ++i) {
      if (i > 0) text += ' ';
      text += json::Quote(all[i]);
    }
    text += ']';
  };
  add("APIGroups", rule.api_groups);
  add("Resources", rule.resources);
  add("NonResourceURLs", rule.non_resource_urls);
  add("ResourceNames", rule.resource_names);
  add("Verbs", rule.verbs);
  return text + "}";
}

}  // namespace keelson::auth
